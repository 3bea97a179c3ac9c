// vitrail::compiled_io: what reads and writes files.
#define VITRAIL_COMPILING_IO
#include <vitrail/io.hpp>
#include <vitrail/io/coco.hpp>

// The library's exceptions. Each message says what was expected, what was found, and the remedy.
#pragma once
#include <stdexcept>

namespace vitrail {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ShapeError : Error {        // run-time extents or scalars that do not fit together
  using Error::Error;
};
struct ConfigError : Error {       // a setting that has no meaning: unknown key, value out of range
  using Error::Error;
};
struct FileError : Error {         // a file that cannot be read, written or understood
  using Error::Error;
};
struct NumericError : Error {      // a loss or gradient that is not a finite number
  using Error::Error;
};
struct DeviceError : Error {       // an accelerator that is missing, or a call to it that failed
  using Error::Error;
};
struct RankError : Error {         // another rank of a parallel program has stopped, or runs another program
  using Error::Error;
};

}  // namespace vitrail

// The tests of single ops, on a card: values in float and in bfloat16 against the Cpu, and the same bits again. For nvcc.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "bfloat16.cpp"
#include "detection.cpp"
#include "ops.cpp"
#include "planes.cpp"
#include "skipped.cpp"
#include "teachers.cpp"

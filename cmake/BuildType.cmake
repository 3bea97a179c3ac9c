# An unoptimised build trains some 20 times slower, so it must be asked for.
get_property(several_types GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT several_types AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
  message(STATUS "vitrail: no build type was given, so this is an optimised Release build")
elseif(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT VITRAIL_SANITIZE)
  message(WARNING "vitrail: a Debug build trains some 20 times slower; use -DCMAKE_BUILD_TYPE=Release to train")
endif()

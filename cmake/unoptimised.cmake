# Said to projects that use the library and compile without optimisation, where nobody asked for that: such programs train some 20 times
# slower. Installed as vitrail-unoptimised.cmake.
get_property(_vitrail_several_types GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT _vitrail_several_types AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CXX_FLAGS MATCHES "-O")
  message(WARNING "vitrail: no build type is given, so that programs are compiled without optimisation and train some 20 times slower; "
    "use -DCMAKE_BUILD_TYPE=Release")
endif()

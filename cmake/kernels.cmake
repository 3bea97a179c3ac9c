# vitrail::kernels, for who compiles several files that train: the CPU's kernels in float, compiled once, in this project and with its flags.
# Link it instead of vitrail::vitrail, or beside vitrail::io. Installed as vitrail-kernels.cmake.
if(NOT TARGET vitrail_kernels)
  add_library(vitrail_kernels STATIC EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/kernels.cpp)
  add_library(vitrail::kernels ALIAS vitrail_kernels)
  target_link_libraries(vitrail_kernels PUBLIC vitrail::vitrail)
  target_compile_definitions(vitrail_kernels PUBLIC VITRAIL_PRECOMPILED_KERNELS PRIVATE VITRAIL_KERNELS_HERE)
  set_target_properties(vitrail_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)
endif()

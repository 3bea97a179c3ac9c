# Our printers in a real gdb, where there is one with Python.
find_program(VITRAIL_GDB gdb)
if(VITRAIL_GDB)
  add_executable(vitrail_debugged debugging/subject.cpp)
  target_link_libraries(vitrail_debugged PRIVATE vitrail::vitrail)
  target_compile_options(vitrail_debugged PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-O0 -g>)
  add_test(NAME debugging.gdb COMMAND ${CMAKE_COMMAND} -D GDB=${VITRAIL_GDB} -D PROGRAM=$<TARGET_FILE:vitrail_debugged>
    -D FOLDER=${PROJECT_SOURCE_DIR}/cmake/debug -P ${CMAKE_CURRENT_SOURCE_DIR}/debugging/check.cmake)
  set_tests_properties(debugging.gdb PROPERTIES LABELS debugging TIMEOUT 60)
endif()

# vitrail_test_program(<name> FOLDERS <folder>... [LINK <target>...] [OWN_MAIN]): one program from the .cpp files of these
# folders of tests/; after each build it is asked for its test cases and each becomes an entry of ctest.

# Leaves in the list of this name the files that have a test suite with VITRAIL_ONLY_SUITE in its name (and support/).
function(vitrail_only_suite list)
  foreach(source IN LISTS ${list})
    file(READ ${source} text)
    if(source MATCHES "/support/" OR text MATCHES "TEST_SUITE[A-Z_]*\\( *\"[^\"]*${VITRAIL_ONLY_SUITE}"
       OR text MATCHES "test_suite\\( *\"[^\"]*${VITRAIL_ONLY_SUITE}")
      list(APPEND kept ${source})
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()

# All stand on vitrail::compiled, which compiles in a fraction of the time, but those that look into the kernels.
set(header_only ${CMAKE_CURRENT_SOURCE_DIR}/backends/products.cpp)
set_source_files_properties(${header_only} PROPERTIES COMPILE_OPTIONS -UVITRAIL_COMPILED SKIP_PRECOMPILE_HEADERS ON)

# Kernels are compiled elsewhere: tests take half as long to compile, and little longer to run.
function(vitrail_optimise_little name)
  if(NOT VITRAIL_SANITIZE)
    target_compile_options(${name} PRIVATE $<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-O1>)
  endif()
endfunction()

function(vitrail_test_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "OWN_MAIN" "" "FOLDERS;LINK")
  foreach(folder IN LISTS arg_FOLDERS)
    file(GLOB found CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(VITRAIL_SANITIZE)  # slow to compile, and what they run also runs in the files of gradients, laws and threads, and of CUDA's ops and steps
    list(FILTER sources EXCLUDE REGEX "(_parity|/objectives/(deep_)?cost|/cuda/models)\\.cpp$")
  endif()
  if(VITRAIL_ONLY_SUITE)
    vitrail_only_suite(sources)
  endif()
  if(NOT sources)
    message(STATUS "vitrail: no test file for ${name}")
    return()
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE vitrail::compiled ${arg_LINK} doctest::doctest vitrail_developer)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${name} PRIVATE VITRAIL_TESTS_DIR="${CMAKE_CURRENT_SOURCE_DIR}"
    VITRAIL_FIXTURES="${CMAKE_CURRENT_SOURCE_DIR}/fixtures")
  vitrail_optimise_little(${name})
  cmake_path(SET data NORMALIZE "${PROJECT_SOURCE_DIR}/../shared/data")
  if(IS_DIRECTORY ${data})
    target_compile_definitions(${name} PRIVATE VITRAIL_SHARED_DATA="${data}")
  endif()
  if(NOT arg_OWN_MAIN)
    target_link_libraries(${name} PRIVATE vitrail_test_main)
    target_precompile_headers(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/precompiled.hpp)
  endif()

  set(list ${CMAKE_CURRENT_BINARY_DIR}/${name}.list.cmake)
  add_custom_command(TARGET ${name} POST_BUILD BYPRODUCTS ${list} VERBATIM
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${name}> -D LIST=${list} -D ROOT=${CMAKE_CURRENT_SOURCE_DIR}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/discover.cmake)
  set(include ${CMAKE_CURRENT_BINARY_DIR}/${name}.include.cmake)
  file(WRITE ${include} "if(EXISTS \"${list}\")\n  include(\"${list}\")\nelse()\n"
    "  add_test(${name}.is_not_built ${name}.is_not_built)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${include})
endfunction()

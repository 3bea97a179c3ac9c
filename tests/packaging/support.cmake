# What the scripts of this folder share. Given: SOURCE of the library, COMPILER, GENERATOR, the STAGE that stage.cmake fills, and a folder
# WORK of their own.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

# Runs a command, whose output is left in `output`.
function(must)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    list(JOIN ARGV " " command)
    message(FATAL_ERROR "failed (${failed}): ${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# Runs a command that must fail and say `sentence`, a regular expression.
function(must_fail sentence)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " words "${output}")
  if(NOT failed OR NOT words MATCHES "${sentence}")
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "expected a failure that says \"${sentence}\" (status ${failed}): ${command}\n${output}")
  endif()
endfunction()

# The first block of code in a language below a heading of docs/how_to/use_in_your_project.md, or the first behind a text of it.
function(page_block after language result)
  file(READ ${SOURCE}/docs/how_to/use_in_your_project.md page)
  foreach(mark "${after}" "```${language}\n")
    string(FIND "${page}" "${mark}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "use_in_your_project.md has no \"${mark}\" where it is looked for")
    endif()
    string(LENGTH "${mark}" length)
    math(EXPR at "${at} + ${length}")
    string(SUBSTRING "${page}" ${at} -1 page)
  endforeach()
  string(FIND "${page}" "```" at)
  string(SUBSTRING "${page}" 0 ${at} page)
  set(${result} "${page}" PARENT_SCOPE)
endfunction()

# Configures, builds and runs the project in WORK.
function(build_project)
  must(${CMAKE_COMMAND} -S ${WORK} -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Debug ${ARGN})
  must(${CMAKE_COMMAND} --build ${WORK}/build)
  must(${WORK}/build/app)
endfunction()

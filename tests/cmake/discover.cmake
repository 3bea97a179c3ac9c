# Asks a doctest program (PROGRAM) for its test cases and writes one add_test for each into LIST. The name of an entry
# is the source file below ROOT and the test's own name; its label is the test suite.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${PROGRAM} --list-test-cases --reporters=xml
  OUTPUT_VARIABLE xml RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${PROGRAM} cannot list its test cases (${failed}):\n${xml}")
endif()

# Characters that would split or join CMake's lists travel as control characters.
string(ASCII 1 semicolon)
string(ASCII 2 open)
string(ASCII 3 close)
string(REPLACE ";" "${semicolon}" xml "${xml}")
string(REPLACE "[" "${open}" xml "${xml}")
string(REPLACE "]" "${close}" xml "${xml}")

function(attribute name text out)
  set(value "")
  if(text MATCHES " ${name}=\"([^\"]*)\"")
    set(value "${CMAKE_MATCH_1}")
    foreach(pair "lt=<" "gt=>" "quot=\"" "apos='" "amp=&")
      string(REGEX MATCH "^([a-z]+)=(.)$" pair "${pair}")
      string(REPLACE "&${CMAKE_MATCH_1}${semicolon}" "${CMAKE_MATCH_2}" value "${value}")
    endforeach()
  endif()
  set(${out} "${value}" PARENT_SCOPE)
endfunction()

set(script "")
set(seen "")
string(REGEX MATCHALL "<TestCase [^\n]*" cases "${xml}")
foreach(case IN LISTS cases)
  attribute(name "${case}" name)
  attribute(testsuite "${case}" suite)
  attribute(filename "${case}" file)
  string(REPLACE "${ROOT}/" "" short "${file}")
  string(REGEX REPLACE "\\.cpp$" "" short "${short}")
  set(entry "${short}: ${name}")
  if(entry IN_LIST seen)
    message(FATAL_ERROR "two test cases of ${file} have the name \"${name}\": rename one, or only one would be run")
  endif()
  list(APPEND seen "${entry}")
  string(REPLACE "," "\\," filter "${name}")
  if(NOT suite)
    set(suite tests)
  endif()
  # A filter that selected nothing would pass: the summary line then counts 0, and the entry fails.
  string(APPEND script
    "add_test([==[${entry}]==] [==[${PROGRAM}]==] [==[--test-case=${filter}]==] [==[--source-file=${file}]==])\n"
    "set_tests_properties([==[${entry}]==] PROPERTIES LABELS [==[${suite}]==] TIMEOUT 300 "
    "FAIL_REGULAR_EXPRESSION \"test cases: +0 [|]\")\n")
endforeach()
string(REPLACE "${semicolon}" ";" script "${script}")
string(REPLACE "${open}" "[" script "${script}")
string(REPLACE "${close}" "]" script "${script}")
file(WRITE ${LIST} "${script}")

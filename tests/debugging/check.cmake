# Runs GDB on PROGRAM with our printers (FOLDER/vitrail_gdb.py) and compares what it says; also reads the natvis file as XML.
set(expected
  "images|Tensor (4, 2, 3) of float [0, 0.5, 1, 1.5, 2, 2.5, ...]"
  "table|Tensor (2, 2) of double [0, -1, -2, -3]"
  "words|Tensor (1, 2) of int [7, 9]"
  "narrow|Tensor (2) of bfloat16 [1.5, -0.1001]"
  "images.shape|Shape (4, 2, 3)"
  "fixed|Shape (3, 5)"
  "tracked|Var (4, 2, 3) of float [0, 0.5, 1, 1.5, 2, 2.5, ...], gradient [0.5, 1.5, 0, 0, 0, 0, ...]"
  "input|Var (4, 2, 3) of float [0, 0.5, 1, 1.5, 2, 2.5, ...], wants no gradient"
  "weight|Parameter (2, 2), trained, of double [0, -1, -2, -3]"
  "unplaced|Parameter (8), not trained, without memory")
set(commands -ex "source ${FOLDER}/vitrail_gdb.py" -ex "break stop_here" -ex run -ex up
  -ex "python import xml.dom.minidom\; print(len(xml.dom.minidom.parse('${FOLDER}/vitrail.natvis').getElementsByTagName('Type')), 'types in natvis')")
foreach(line IN LISTS expected)
  string(REGEX REPLACE "[|].*" "" name "${line}")
  list(APPEND commands -ex "output ${name}" -ex "echo \\n")
endforeach()
execute_process(COMMAND ${GDB} -batch -nx -ex "set width 0" ${commands} ${PROGRAM} OUTPUT_VARIABLE said ERROR_VARIABLE complained)
if(complained MATCHES "ptrace|Operation not permitted" AND NOT said MATCHES "Breakpoint 1, ")
  message(STATUS "skipped: this machine does not let gdb run programs")
  return()
endif()
foreach(line IN LISTS expected)
  string(REGEX REPLACE "^[^|]*[|]" "" text "${line}")
  string(FIND "${said}" "\n${text}\n" at)
  if(at LESS 0)
    message(FATAL_ERROR "gdb does not say '${text}' of ${line}; it says:\n${said}\n${complained}")
  endif()
endforeach()
if(NOT said MATCHES "5 types in natvis")
  message(FATAL_ERROR "vitrail.natvis is not well-formed:\n${said}\n${complained}")
endif()

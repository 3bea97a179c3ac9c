# Checks that compile the sources in other ways than a program does: headers alone and twice, code that must be
# refused, device code, and projects that use the library. On g++ and on clang++ where both are installed.
set(compilers ${CMAKE_CXX_COMPILER})
find_program(VITRAIL_CLANG NAMES clang++ clang++-19 clang++-16 clang++-14)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND VITRAIL_CLANG)
  list(APPEND compilers ${VITRAIL_CLANG})
endif()

# The headers that need a library which is not here, or nvcc.
set(left_out "/backends/cuda(/nccl)?\\.hpp$")
if(NOT VITRAIL_IO)
  string(APPEND left_out "|/(io/[^/]+|vitrail\\.hpp)$")
endif()
foreach(library ONEDNN CBLAS)
  if(NOT library IN_LIST VITRAIL_OTHER_PRODUCTS)
    string(TOLOWER "|/cpu/${library}.hpp$" header)
    string(APPEND left_out "${header}")
  endif()
endforeach()

# All headers in two translation units: whatever is not inline is defined twice, and does not link.
set(everything "")
foreach(header IN LISTS vitrail_headers)
  if(header MATCHES "\\.hpp$" AND NOT header MATCHES "${left_out}")
    string(APPEND everything "#include \"${header}\"\n")
  endif()
endforeach()
set(first "${everything}int second_unit();\nint main() { return second_unit(); }\n")
set(second "${everything}int second_unit();\nint second_unit() { return 0; }\n")
foreach(unit first second)
  file(CONFIGURE OUTPUT odr/${unit}.cpp CONTENT "${${unit}}" @ONLY)
endforeach()
add_executable(vitrail_odr odr/first.cpp odr/second.cpp)
target_link_libraries(vitrail_odr PRIVATE
  vitrail::vitrail $<TARGET_NAME_IF_EXISTS:vitrail::io> vitrail_developer)
target_compile_options(vitrail_odr PRIVATE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-O0>)
add_test(NAME headers.two_translation_units COMMAND vitrail_odr)

# The flags of the scripts below: our headers as our own, those of others as the system's.
set(dirs "$<TARGET_PROPERTY:vitrail_odr,INCLUDE_DIRECTORIES>")
set(dirs "$<FILTER:$<REMOVE_DUPLICATES:${dirs}>,EXCLUDE,^(/usr/include|${PROJECT_SOURCE_DIR}/include)$>")
list(JOIN VITRAIL_WARNINGS "\n" warnings)
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/flags.txt CONTENT
  "-std=c++20\n${warnings}\n-I${PROJECT_SOURCE_DIR}/include\n$<$<BOOL:${dirs}>:-isystem\n$<JOIN:${dirs},\n-isystem\n>>\n")
set(flags ${CMAKE_CURRENT_BINARY_DIR}/flags.txt)

find_program(VITRAIL_SH sh)
if(VITRAIL_SH)
  file(GLOB refused CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/*.cpp)
  set(refuse ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/check.sh)
  foreach(compiler IN LISTS compilers)
    cmake_path(GET compiler FILENAME short)
    if(short STREQUAL "c++")
      string(REPLACE "GNU" "g++" short "${CMAKE_CXX_COMPILER_ID}")
    endif()
    # What a header forgets to include shows with one compiler; what another one refuses shows in all of them together.
    if(compiler STREQUAL CMAKE_CXX_COMPILER)
      add_test(NAME headers.alone.${short}
        COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/headers/alone.sh
                ${PROJECT_SOURCE_DIR}/include/vitrail ${left_out} ${compiler} @${flags})
      set_tests_properties(headers.alone.${short} PROPERTIES LABELS headers PROCESSORS 2 TIMEOUT 900)
    else()
      add_test(NAME headers.together.${short}
        COMMAND ${compiler} @${flags} -Werror -fsyntax-only ${CMAKE_CURRENT_BINARY_DIR}/odr/second.cpp)
      set_tests_properties(headers.together.${short} PROPERTIES LABELS headers TIMEOUT 300)
    endif()
    foreach(source IN LISTS refused)
      cmake_path(GET source STEM name)
      add_test(NAME compile_fail.${name}.${short} COMMAND ${refuse} ${source} ${compiler} @${flags})
      set_tests_properties(compile_fail.${name}.${short} PROPERTIES LABELS compile_fail TIMEOUT 300)
    endforeach()
    add_test(NAME compile_fail.the_harness_sees_failures.${short}
      COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/self_test.sh ${compiler} -std=c++20)
  endforeach()
  add_test(NAME snippets.operations COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/snippets/ops.sh ${PROJECT_SOURCE_DIR})
  set_tests_properties(snippets.operations PROPERTIES LABELS docs)
  if(VITRAIL_IO)
    add_test(NAME snippets.readme_and_docs
      COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/snippets/check.sh ${PROJECT_SOURCE_DIR} ${CMAKE_CXX_COMPILER} @${flags})
    set_tests_properties(snippets.readme_and_docs PROPERTIES LABELS docs TIMEOUT 300)
  endif()
  add_test(NAME headers.the_check_sees_failures
    COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/headers/self_test.sh ${CMAKE_CXX_COMPILER} -std=c++20 -Wall -Wextra)
endif()

# Everything as CUDA, where nvcc and cuBLAS are: compiled for the oldest and the newest card that we know, without a warning, and
# with what each kernel takes of a multiprocessor. The program then trains on a card, or says that there is none.
find_program(VITRAIL_NVCC nvcc PATHS /usr/local/cuda/bin)
if(VITRAIL_NVCC AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  cmake_path(GET VITRAIL_NVCC PARENT_PATH cuda)
  find_path(VITRAIL_CUBLAS cublasLt.h PATHS ${cuda}/../include)
endif()
if(VITRAIL_CUBLAS)
  set(text "// Generated: every header that does not know which device it runs on.\n")
  foreach(header IN LISTS vitrail_headers)
    if(header MATCHES "/vitrail/(core|tensor|backends|autograd|ops|nn|vit|masking|objectives)/[^/]*\\.hpp$")
      string(APPEND text "#include \"${header}\"\n")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT cuda_step.cu CONTENT "${text}#include \"${CMAKE_CURRENT_SOURCE_DIR}/cuda/step.cu\"\n" @ONLY)
  set(eigen "$<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>")
  add_test(NAME cuda.compiles COMMAND ${CMAKE_COMMAND} -D NVCC=${VITRAIL_NVCC} -D HOST=${CMAKE_CXX_COMPILER}
    -D SOURCE=${CMAKE_CURRENT_BINARY_DIR}/cuda_step.cu -D PROGRAM=${CMAKE_CURRENT_BINARY_DIR}/cuda_step
    "-DINCLUDE=${PROJECT_SOURCE_DIR}/include" "-DSYSTEM=$<JOIN:${eigen},$<SEMICOLON>>"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/cuda/compile.cmake)
  add_test(NAME cuda.step COMMAND ${CMAKE_CURRENT_BINARY_DIR}/cuda_step)
  # The tests of single ops, for a card; here, as far as a front end goes.
  add_test(NAME cuda.ops_compile COMMAND ${VITRAIL_NVCC} -std=c++20 -O0 -ccbin ${CMAKE_CXX_COMPILER} -gencode arch=compute_90a,code=compute_90a
    -Werror all-warnings -Xcompiler -Wall,-Wextra -I${PROJECT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}
    "-isystem$<SEMICOLON>$<JOIN:${eigen},$<SEMICOLON>-isystem$<SEMICOLON>>" -c ${CMAKE_CURRENT_SOURCE_DIR}/cuda/on_a_card.cu
    -o ${CMAKE_CURRENT_BINARY_DIR}/cuda_on_a_card.o COMMAND_EXPAND_LISTS)
  set_tests_properties(cuda.ops_compile PROPERTIES LABELS cuda TIMEOUT 600)
  # The whole port of a program: one word; and its values in bfloat16, its steps as graphs: another two. All of the tutorial at once, each
  # program in a namespace of its own; but two, which compute in double, as checks do: those are for the CPU.
  set(text "")
  set(programs "")
  file(GLOB tutorial CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/0*.cpp)
  list(FILTER tutorial EXCLUDE REGEX "/(03_an_op|04_attention).cpp$")
  foreach(source IN LISTS tutorial)
    cmake_path(GET source STEM name)
    file(READ ${source} program)
    string(REGEX MATCHALL "#include <[^\n]+\n" includes "${program}")
    string(APPEND text ${includes})
    string(REGEX REPLACE "#include <[^\n]+\n" "" program "${program}")
    string(APPEND programs "namespace example_${name} {\n${program}}\n")
    if(name STREQUAL "07_splitmask")
      string(REPLACE "Model<Pretext, Cpu>" "Model<Pretext, Cuda, bfloat16>" narrow "${program}")
      string(REPLACE "Cpu device;" "Cuda device{CudaConfig{.graphs = true}};" narrow "${narrow}")
      if(NOT narrow MATCHES "Cuda, bfloat16.*graphs|graphs.*Cuda, bfloat16")
        message(FATAL_ERROR "examples/07_splitmask.cpp no longer names its model and device as this file expects")
      endif()
      string(APPEND programs "namespace example_${name}_bfloat16 {\n${narrow}}\n")
    endif()
  endforeach()
  string(REGEX REPLACE "([^a-zA-Z_])Cpu([^a-zA-Z_])" "\\1Cuda\\2" programs "${programs}")
  string(REPLACE "backends/cpu.hpp" "backends/cuda.hpp" text "${text}")
  file(CONFIGURE OUTPUT cuda_examples.cu CONTENT "${text}${programs}" @ONLY)
  # And a program that trains on people's images, whose support says the word for all of them: see examples/cuda.
  set(cuda.examples ${CMAKE_CURRENT_BINARY_DIR}/cuda_examples.cu)
  set(cuda.pretrain -DVITRAIL_FIRST_PRESET_ONLY -x cu ${PROJECT_SOURCE_DIR}/examples/pretrain.cpp)
  foreach(name IN ITEMS cuda.examples cuda.pretrain)
    add_test(NAME ${name} COMMAND ${VITRAIL_NVCC} -std=c++20 -O0 -ccbin ${CMAKE_CXX_COMPILER} -gencode arch=compute_90a,code=compute_90a
      -Werror all-warnings -Xcompiler -Wall,-Wextra -I${PROJECT_SOURCE_DIR}/include "-isystem$<SEMICOLON>$<JOIN:${eigen},$<SEMICOLON>-isystem$<SEMICOLON>>"
      -c ${${name}} -o ${CMAKE_CURRENT_BINARY_DIR}/${name}.o COMMAND_EXPAND_LISTS)
    set_tests_properties(${name} PROPERTIES LABELS cuda TIMEOUT 300)
  endforeach()
  set_tests_properties(cuda.compiles PROPERTIES LABELS cuda TIMEOUT 900 FIXTURES_SETUP cuda_step)
  set_tests_properties(cuda.step PROPERTIES LABELS cuda TIMEOUT 300 FIXTURES_REQUIRED cuda_step)
endif()

# Ranks on cards, where NCCL is.
if(VITRAIL_CUBLAS)
  find_path(VITRAIL_NCCL_INCLUDE nccl.h PATHS ${cuda}/../include)
  find_library(VITRAIL_NCCL_LIBRARY nccl PATHS ${cuda}/../lib ${cuda}/../lib64)
endif()
if(VITRAIL_NCCL_INCLUDE)
  set(to -c -o ${CMAKE_CURRENT_BINARY_DIR}/cuda_nccl.o)
  set(nccl_include -isystem ${VITRAIL_NCCL_INCLUDE})
  if(VITRAIL_NCCL_INCLUDE STREQUAL "/usr/include")  # the compiler's own, whose place in the order matters
    set(nccl_include "")
  endif()
  if(VITRAIL_NCCL_LIBRARY)
    set(to ${VITRAIL_NCCL_LIBRARY} -lcublasLt -o ${CMAKE_CURRENT_BINARY_DIR}/cuda_nccl)
    add_test(NAME cuda.nccl COMMAND ${CMAKE_CURRENT_BINARY_DIR}/cuda_nccl)
    set_tests_properties(cuda.nccl PROPERTIES LABELS cuda TIMEOUT 300 FIXTURES_REQUIRED cuda_nccl)
  endif()
  add_test(NAME cuda.nccl_compiles COMMAND ${VITRAIL_NVCC} -std=c++20 -O1 -ccbin ${CMAKE_CXX_COMPILER} -gencode arch=compute_90a,code=sm_90a
    -Werror all-warnings -Xcompiler -Wall,-Wextra -I${PROJECT_SOURCE_DIR}/include ${nccl_include}
    "-isystem$<SEMICOLON>$<JOIN:${eigen},$<SEMICOLON>-isystem$<SEMICOLON>>" ${CMAKE_CURRENT_SOURCE_DIR}/cuda/nccl.cu ${to} COMMAND_EXPAND_LISTS)
  set_tests_properties(cuda.nccl_compiles PROPERTIES LABELS cuda TIMEOUT 600 FIXTURES_SETUP cuda_nccl)
endif()

if(VITRAIL_INSTALL AND VITRAIL_IO AND VITRAIL_SH)
  include(cmake/packaging.cmake)
endif()

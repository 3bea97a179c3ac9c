# vitrail_developer: the flags of our own tests, examples and benchmarks. Linked privately and never exported.
include(CheckCXXCompilerFlag)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)

add_library(vitrail_developer INTERFACE)
set(gnu_like "$<CXX_COMPILER_ID:GNU,Clang,AppleClang>")
set(VITRAIL_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wpedantic)
target_compile_options(vitrail_developer INTERFACE
  "$<${gnu_like}:${VITRAIL_WARNINGS}>" "$<$<CXX_COMPILER_ID:MSVC>:/W4;/bigobj;/permissive->")
if(VITRAIL_WERROR)
  target_compile_options(vitrail_developer INTERFACE "$<IF:$<CXX_COMPILER_ID:MSVC>,/WX,-Werror>")
endif()

# g++ 12 tunes -march=native on AMD for Zen 3, which costs Eigen's products a quarter of their speed; generic tuning
# with the native instruction set does not. It also miscompiles constants where AVX-512 meets its vectoriser of straight-line
# code: std::vector<int>{1, 1, 1, 1, 0, 0, 0, 0} holds eight ones. Without that pass our steps are as fast.
if(VITRAIL_NATIVE)
  check_cxx_compiler_flag(-march=native VITRAIL_HAS_MARCH_NATIVE)
  if(VITRAIL_HAS_MARCH_NATIVE)
    target_compile_options(vitrail_developer INTERFACE -march=native $<$<CXX_COMPILER_ID:GNU>:-mtune=generic>)
    target_compile_options(vitrail_developer INTERFACE
      $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-fno-tree-slp-vectorize>)
  endif()
endif()

# What our own programs have compiled once is compiled with the same flags.
foreach(compiled IN ITEMS vitrail_compiled vitrail_compiled_io)
  if(TARGET ${compiled})
    target_link_libraries(${compiled} PRIVATE vitrail_developer)
  endif()
endforeach()

if(VITRAIL_SANITIZE)
  target_compile_options(vitrail_developer INTERFACE
    -fsanitize=${VITRAIL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(vitrail_developer INTERFACE -fsanitize=${VITRAIL_SANITIZE})
endif()

# The targets that users link. They ask for C++20, threads and headers: no warnings, no tuning, no other flags.
file(GLOB_RECURSE vitrail_headers CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/include/vitrail/*.hpp ${PROJECT_SOURCE_DIR}/include/vitrail/*.cuh)

add_library(vitrail INTERFACE)
add_library(vitrail::vitrail ALIAS vitrail)
target_compile_features(vitrail INTERFACE cxx_std_20)
target_link_libraries(vitrail INTERFACE Threads::Threads Eigen3::Eigen)
target_sources(vitrail INTERFACE
  FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${vitrail_headers})

if(VITRAIL_IO)
  add_library(vitrail_io INTERFACE)
  add_library(vitrail::io ALIAS vitrail_io)
  set_target_properties(vitrail_io PROPERTIES EXPORT_NAME io)
  target_link_libraries(vitrail_io INTERFACE vitrail nlohmann_json::nlohmann_json JPEG::JPEG PNG::PNG ZLIB::ZLIB)
endif()

# Nobody looks for CUDA here: a project that links this target has called find_package(CUDAToolkit), or uses the installed package,
# whose component cuda does.
add_library(vitrail_cuda INTERFACE)
add_library(vitrail::cuda ALIAS vitrail_cuda)
set_target_properties(vitrail_cuda PROPERTIES EXPORT_NAME cuda)
target_link_libraries(vitrail_cuda INTERFACE vitrail CUDA::cudart CUDA::cublasLt)

if(VITRAIL_NCCL)
  include(${CMAKE_CURRENT_LIST_DIR}/nccl.cmake)
  if(NOT TARGET vitrail::nccl)
    message(FATAL_ERROR "vitrail::nccl needs NVIDIA's NCCL, nccl.h and libnccl, which were not found. Install it (Debian: libnccl-dev from NVIDIA's "
      "repository), set NCCL_ROOT to where it is, or leave this part out with -DVITRAIL_NCCL=OFF.")
  endif()
endif()

include(${CMAKE_CURRENT_LIST_DIR}/compiled.cmake)

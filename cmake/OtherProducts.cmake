# Other libraries that multiply matrices, for our own tests and benchmarks: vitrail_other_products links those that are
# installed and defines VITRAIL_WITH_ONEDNN and VITRAIL_WITH_CBLAS. None is needed, and none reaches a user of the library.
find_package(OpenMP QUIET COMPONENTS CXX)
find_path(VITRAIL_ONEDNN_INCLUDE oneapi/dnnl/dnnl.h)
find_library(VITRAIL_ONEDNN NAMES dnnl)
find_path(VITRAIL_CBLAS_INCLUDE cblas.h)
find_library(VITRAIL_CBLAS NAMES openblas cblas)
set(VITRAIL_OTHER_PRODUCTS "")

if(NOT TARGET vitrail_other_products)
  add_library(vitrail_other_products INTERFACE)
endif()
foreach(library ONEDNN CBLAS)
  mark_as_advanced(VITRAIL_${library} VITRAIL_${library}_INCLUDE)
  # Their threads are OpenMP's: without it nobody could say how many.
  if(OpenMP_CXX_FOUND AND VITRAIL_${library} AND VITRAIL_${library}_INCLUDE)
    list(APPEND VITRAIL_OTHER_PRODUCTS ${library})
    target_compile_definitions(vitrail_other_products INTERFACE VITRAIL_WITH_${library})
    target_include_directories(vitrail_other_products SYSTEM INTERFACE ${VITRAIL_${library}_INCLUDE})
    target_link_libraries(vitrail_other_products INTERFACE ${VITRAIL_${library}} OpenMP::OpenMP_CXX)
  endif()
endforeach()

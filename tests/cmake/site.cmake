# The web site (docs/site): the target `site` builds it, and tests look at it in headless Chromium. All of it only where the tools are;
# without emscripten the interactive page says that it was built without its model, and is not tested.
find_program(VITRAIL_PANDOC pandoc)
find_program(VITRAIL_DOXYGEN doxygen)
find_program(VITRAIL_CHROMIUM NAMES chromium chromium-browser google-chrome)
find_program(VITRAIL_EMCC emcc)
set(eigen "$<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>")
if(VITRAIL_PANDOC AND VITRAIL_DOXYGEN AND VITRAIL_SH AND UNIX)
  add_custom_target(site COMMAND ${VITRAIL_SH} ${PROJECT_SOURCE_DIR}/docs/site/build.sh ${PROJECT_BINARY_DIR}/site VERBATIM)
  if(VITRAIL_CHROMIUM)
    set(built ${CMAKE_CURRENT_BINARY_DIR}/site)
    set(look ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/site/check.sh ${built} ${VITRAIL_CHROMIUM})
    add_test(NAME site.builds COMMAND ${VITRAIL_SH} ${PROJECT_SOURCE_DIR}/docs/site/build.sh ${built})
    add_test(NAME site.links_and_pages COMMAND ${look} links pages)
    add_test(NAME site.the_check_sees_failures COMMAND ${VITRAIL_SH} ${CMAKE_CURRENT_SOURCE_DIR}/site/self_test.sh ${VITRAIL_CHROMIUM})
    set(site_tests site.links_and_pages)
    if(VITRAIL_EMCC)
      add_test(NAME site.interactive COMMAND ${look} interactive)
      list(APPEND site_tests site.interactive)
    endif()
    set_tests_properties(site.builds PROPERTIES FIXTURES_SETUP site
      ENVIRONMENT "EIGEN=$<JOIN:${eigen},>")
    set_tests_properties(${site_tests} PROPERTIES FIXTURES_REQUIRED site)
    set_tests_properties(site.builds ${site_tests} site.the_check_sees_failures PROPERTIES LABELS site TIMEOUT 300)
  endif()
endif()

# What made the page's weights; nothing else compiles it.
if(VITRAIL_IO)
  add_test(NAME site.the_weights_program_compiles COMMAND ${CMAKE_CXX_COMPILER} @${flags} -fsyntax-only
    ${PROJECT_SOURCE_DIR}/docs/site/interactive/store_weights.cpp)
  set_tests_properties(site.the_weights_program_compiles PROPERTIES LABELS site TIMEOUT 120)
endif()

# Every header that needs no library but Eigen, for a processor of 32 bits with a C++ library of 2022.
if(VITRAIL_EMCC)
  add_test(NAME headers.webassembly COMMAND ${VITRAIL_EMCC} -std=c++20 -fsyntax-only -Wall -Wextra -Wshadow -Werror
    -I${PROJECT_SOURCE_DIR}/include "-isystem$<SEMICOLON>$<JOIN:${eigen},$<SEMICOLON>-isystem$<SEMICOLON>>"
    -include vitrail/vitrail.hpp -x c++ /dev/null COMMAND_EXPAND_LISTS)
  set_tests_properties(headers.webassembly PROPERTIES LABELS headers TIMEOUT 120)
endif()

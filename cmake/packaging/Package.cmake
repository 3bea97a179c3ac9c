# Installation: headers, find_package(vitrail COMPONENTS core io compiled cuda nccl), pkg-config; a Debian package; one header made of all. Nothing
# that is installed names the prefix.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/vitrail)

install(TARGETS vitrail EXPORT vitrail_core FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vitrail_core NAMESPACE vitrail:: FILE vitrail-core.cmake DESTINATION ${package_dir})
foreach(part io cuda)
  if(TARGET vitrail_${part})
    install(TARGETS vitrail_${part} EXPORT vitrail_${part})
    install(EXPORT vitrail_${part} NAMESPACE vitrail:: FILE vitrail-${part}.cmake DESTINATION ${package_dir})
  endif()
endforeach()

install(FILES ${PROJECT_SOURCE_DIR}/cmake/compiled.cmake DESTINATION ${package_dir} RENAME vitrail-compiled.cmake)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/cmake/compiled DESTINATION ${package_dir})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/nccl.cmake DESTINATION ${package_dir} RENAME vitrail-nccl.cmake)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/unoptimised.cmake DESTINATION ${package_dir} RENAME vitrail-unoptimised.cmake)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/vitrailConfig.cmake.in
  ${PROJECT_BINARY_DIR}/vitrailConfig.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
set(compatible SameMajorVersion)
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatible SameMinorVersion)  # CHANGELOG.md: before 1.0 a minor version may change interfaces
endif()
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vitrailConfigVersion.cmake COMPATIBILITY ${compatible} ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/vitrailConfig.cmake ${PROJECT_BINARY_DIR}/vitrailConfigVersion.cmake
  DESTINATION ${package_dir})

# The way from the .pc file back to the prefix, so that an installed tree may be moved.
cmake_path(SET pc_dir "/prefix/${CMAKE_INSTALL_DATADIR}/pkgconfig")
cmake_path(RELATIVE_PATH pc_dir BASE_DIRECTORY "/prefix" OUTPUT_VARIABLE pc_below)
string(REGEX REPLACE "[^/]+" ".." pc_up "${pc_below}")
set(packages vitrail)
if(VITRAIL_IO)
  list(APPEND packages vitrail-io)
endif()
foreach(package IN LISTS packages)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/debug/vitrail_gdb.py ${PROJECT_SOURCE_DIR}/cmake/debug/vitrail.natvis
  DESTINATION ${CMAKE_INSTALL_DATADIR}/vitrail)

# `cmake --build build --target amalgamate`: build/amalgamated/vitrail.hpp, which is attached to releases.
find_program(VITRAIL_AWK awk)
mark_as_advanced(VITRAIL_AWK)
if(VITRAIL_AWK)
  set(amalgamated ${PROJECT_BINARY_DIR}/amalgamated/vitrail.hpp)
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/amalgamated)
  add_custom_command(OUTPUT ${amalgamated} VERBATIM
    COMMAND ${VITRAIL_AWK} -v version=${PROJECT_VERSION} -v license=${PROJECT_SOURCE_DIR}/LICENSE -v to=${amalgamated}
            -f ${CMAKE_CURRENT_LIST_DIR}/amalgamate.awk ${PROJECT_SOURCE_DIR}/include/vitrail/vitrail.hpp
    DEPENDS ${CMAKE_CURRENT_LIST_DIR}/amalgamate.awk ${PROJECT_SOURCE_DIR}/LICENSE ${vitrail_headers})
  add_custom_target(amalgamate DEPENDS ${amalgamated})
endif()

# `cpack -G DEB`, in the build folder: libvitrail-dev. What only vitrail::io needs is recommended.
if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR DEB)
  set(CPACK_PACKAGE_NAME libvitrail-dev)
  set(CPACK_PACKAGE_CONTACT "The vitrail authors")
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
  set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "nlohmann-json3-dev, libjpeg-dev, libpng-dev, zlib1g-dev")
  include(CPack)
endif()

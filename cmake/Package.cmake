# Installation: headers, find_package(vitrail COMPONENTS core io), pkg-config. Nothing in it names the prefix.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/vitrail)

install(TARGETS vitrail EXPORT vitrail_core FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT vitrail_core NAMESPACE vitrail:: FILE vitrail-core.cmake DESTINATION ${package_dir})
if(VITRAIL_IO)
  install(TARGETS vitrail_io EXPORT vitrail_io)
  install(EXPORT vitrail_io NAMESPACE vitrail:: FILE vitrail-io.cmake DESTINATION ${package_dir})
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/vitrailConfig.cmake.in
  ${PROJECT_BINARY_DIR}/vitrailConfig.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vitrailConfigVersion.cmake
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
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
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/cmake/debug/vitrail_gdb.py ${PROJECT_SOURCE_DIR}/cmake/debug/vitrail.natvis
  DESTINATION ${CMAKE_INSTALL_DATADIR}/vitrail)

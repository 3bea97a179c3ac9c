# What the other scripts use: an installation that was moved after it was made, an archive of the sources, and the one header.
include(${CMAKE_CURRENT_LIST_DIR}/support.cmake)
file(REMOVE_RECURSE ${STAGE})
must(${CMAKE_COMMAND} -S ${SOURCE} -B ${STAGE}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Release
  -DVITRAIL_TESTS=OFF -DVITRAIL_EXAMPLES=OFF)
must(${CMAKE_COMMAND} --build ${STAGE}/build --target amalgamate)
must(${CMAKE_COMMAND} --install ${STAGE}/build --prefix ${STAGE}/first)
file(RENAME ${STAGE}/first ${STAGE}/prefix)

file(GLOB_RECURSE installed ${STAGE}/prefix/*.cmake ${STAGE}/prefix/*.pc)
foreach(file IN LISTS installed)
  file(READ ${file} text)
  string(FIND "${text}" "${SOURCE}" source_at)
  string(FIND "${text}" "${STAGE}" stage_at)
  if(NOT source_at EQUAL -1 OR NOT stage_at EQUAL -1)
    message(FATAL_ERROR "${file} names a folder of the machine that made it")
  endif()
endforeach()

file(MAKE_DIRECTORY ${STAGE}/archive)
file(COPY ${SOURCE}/CMakeLists.txt ${SOURCE}/LICENSE ${SOURCE}/include ${SOURCE}/cmake DESTINATION ${STAGE}/archive/vitrail)
execute_process(COMMAND ${CMAKE_COMMAND} -E tar czf ${STAGE}/vitrail.tar.gz vitrail WORKING_DIRECTORY ${STAGE}/archive COMMAND_ERROR_IS_FATAL ANY)

# Puts the page's files into the library, so that a report needs nothing beside itself.
file(GLOB viewer_page CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/neap/viewer/page/*)
add_custom_command(
  OUTPUT ${PROJECT_BINARY_DIR}/viewer_page.cpp
  COMMAND ${CMAKE_COMMAND} -D FOLDER=${PROJECT_SOURCE_DIR}/neap/viewer/page -D OUTPUT=${PROJECT_BINARY_DIR}/viewer_page.cpp
          -P ${PROJECT_SOURCE_DIR}/neap/viewer/embed.cmake
  DEPENDS ${viewer_page} ${PROJECT_SOURCE_DIR}/neap/viewer/embed.cmake
  VERBATIM)
target_sources(neap_viewer PRIVATE ${PROJECT_BINARY_DIR}/viewer_page.cpp)

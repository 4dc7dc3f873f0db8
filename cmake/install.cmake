# What other projects use: libneap.so of all folders but demo and cli, the headers, a CMake package (find_package(neap), target neap::neap)
# and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(neap_shared SHARED)
foreach(folder train onnx viewer)  # with all that they use
  neap_link(neap_shared ${folder})
endforeach()
file(WRITE ${PROJECT_BINARY_DIR}/shared.cpp "// The shared library is made of the folders' objects; CMake wants a source of its own to know the language.\n")
target_sources(neap_shared PRIVATE ${PROJECT_BINARY_DIR}/shared.cpp)
set_target_properties(neap_shared PROPERTIES OUTPUT_NAME neap EXPORT_NAME neap VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_features(neap_shared PUBLIC cxx_std_20)
target_include_directories(neap_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(neap_shared PUBLIC fmt::fmt OpenMP::OpenMP_CXX)

install(TARGETS neap_shared EXPORT neap LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET neap_main)
  install(TARGETS neap_main RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Headers that show what a folder borrows (protobuf's messages, oneDNN, JSON) are for that folder alone.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/neap/*.h)
list(FILTER headers EXCLUDE REGEX "^neap/(demo|cli|codegen/prelude)/")
set(private_headers "")
set(grown TRUE)
while(grown)
  set(grown FALSE)
  foreach(header ${headers})
    file(STRINGS ${PROJECT_SOURCE_DIR}/${header} includes REGEX "^#include ")
    foreach(include ${includes})
      string(REGEX REPLACE "^#include [<\"](.*)[>\"].*$" "\\1" included ${include})
      if(included MATCHES "^(onnx|oneapi|nlohmann|google|zip|zlib|png|jpeglib|xxhash)[./]" OR included IN_LIST private_headers)
        list(APPEND private_headers ${header})
        list(REMOVE_ITEM headers ${header})
        set(grown TRUE)
        break()
      endif()
    endforeach()
  endforeach()
endwhile()
foreach(header ${headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/${folder})
endforeach()

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/neap)
install(EXPORT neap NAMESPACE neap:: FILE neap-targets.cmake DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/neap-config.cmake.in ${PROJECT_BINARY_DIR}/neap-config.cmake
                              INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/neap-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/neap-config.cmake ${PROJECT_BINARY_DIR}/neap-config-version.cmake DESTINATION ${package})
configure_file(${PROJECT_SOURCE_DIR}/cmake/neap.pc.in ${PROJECT_BINARY_DIR}/neap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/neap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# The outside project is built against an installed Neap, and its programs are run.
if(BUILD_TESTING)
  add_test(NAME outside_project
           COMMAND ${CMAKE_COMMAND} -D BUILD=${PROJECT_BINARY_DIR} -D SOURCE=${PROJECT_SOURCE_DIR} -D COMPILER=${CMAKE_CXX_COMPILER}
                   -D SANITIZE=${NEAP_SANITIZE} -P ${PROJECT_SOURCE_DIR}/cmake/outside_project.cmake)
  set_tests_properties(outside_project PROPERTIES TIMEOUT 900)
endif()

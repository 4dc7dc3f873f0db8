find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)  # Debian's CMake package of libzip asks for tools that it does not install
target_link_libraries(neap_files PUBLIC JPEG::JPEG PNG::PNG ZLIB::ZLIB PkgConfig::libzip nlohmann_json::nlohmann_json)

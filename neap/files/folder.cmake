find_package(ZLIB REQUIRED)
target_link_libraries(neap_files PUBLIC ZLIB::ZLIB)

find_package(CLI11 REQUIRED)
target_link_libraries(neap_cli PUBLIC CLI11::CLI11)

target_link_libraries(neap_base PUBLIC fmt::fmt OpenMP::OpenMP_CXX)

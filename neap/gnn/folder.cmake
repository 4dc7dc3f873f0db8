# Debian's METIS comes without a CMake package or a pkg-config file.
find_path(METIS_INCLUDE metis.h REQUIRED)
find_library(METIS_LIBRARY metis REQUIRED)
target_include_directories(neap_gnn SYSTEM PRIVATE ${METIS_INCLUDE})
target_link_libraries(neap_gnn PUBLIC ${METIS_LIBRARY})

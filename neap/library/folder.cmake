# oneDNN (Debian: libdnnl-dev). Its own CMake package asks for OpenCL's development files, which the CPU part does not need.
find_path(DNNL_INCLUDE oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
target_include_directories(neap_library SYSTEM PUBLIC ${DNNL_INCLUDE})
target_link_libraries(neap_library PUBLIC ${DNNL_LIBRARY})

# The micro-kernels of sparse products.
neap_once_an_instruction_set(neap/library/sparse_tiles)

# oneDNN (Debian: libdnnl-dev). Its own CMake package asks for OpenCL's development files, which the CPU part does not need.
find_path(DNNL_INCLUDE oneapi/dnnl/dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
target_include_directories(neap_library SYSTEM PUBLIC ${DNNL_INCLUDE})
target_link_libraries(neap_library PUBLIC ${DNNL_LIBRARY})

# The micro-kernels of sparse products, once an instruction set, compiled as the loops of the blocked interpreter are (runtime/folder.cmake).
set(folder ${PROJECT_SOURCE_DIR}/neap/library)
set_source_files_properties(${folder}/sparse_tiles_portable.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS}")
set_source_files_properties(${folder}/sparse_tiles_avx2.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS};${NEAP_AVX2_FLAGS}")
set_source_files_properties(${folder}/sparse_tiles_avx512.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS};${NEAP_AVX512_FLAGS}")

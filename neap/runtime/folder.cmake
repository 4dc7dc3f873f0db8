# The loops of the blocked interpreter, once an instruction set: the CPU is asked when the program runs. Elsewhere than on x86-64 the three are
# one. Errors of mathematical functions are their NaNs, not errno.
set(NEAP_LOOP_FLAGS -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wno-unused-function -Wno-unknown-pragmas)
set(NEAP_AVX2_FLAGS "")
set(NEAP_AVX512_FLAGS "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(NEAP_AVX2_FLAGS -mavx2 -mfma -mf16c)
  set(NEAP_AVX512_FLAGS ${NEAP_AVX2_FLAGS} -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
endif()
set(folder ${PROJECT_SOURCE_DIR}/neap/runtime)
set_source_files_properties(${folder}/block_loops_portable.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS}")
set_source_files_properties(${folder}/block_loops_avx2.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS};${NEAP_AVX2_FLAGS}")
set_source_files_properties(${folder}/block_loops_avx512.cpp PROPERTIES COMPILE_OPTIONS "${NEAP_LOOP_FLAGS};${NEAP_AVX512_FLAGS}")

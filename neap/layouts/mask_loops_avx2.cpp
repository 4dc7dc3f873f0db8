// Compiled for AVX2 and FMA (folder.cmake).
#define NEAP_LOOPS loops_avx2
#include "neap/layouts/mask_loops.inc"

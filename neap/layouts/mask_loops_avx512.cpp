// Compiled for AVX-512 (folder.cmake).
#define NEAP_LOOPS loops_avx512
#include "neap/layouts/mask_loops.inc"

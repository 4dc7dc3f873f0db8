// Compiled for AVX-512 with what moves bytes (VBMI2) (folder.cmake).
#define NEAP_LOOPS loops_vbmi2
#include "neap/layouts/mask_loops.inc"

// Compiled for AVX-512 with VBMI2, which compresses bytes (folder.cmake).
#define NEAP_LOOPS loops_vbmi2
#include "neap/layouts/mask_loops.inc"

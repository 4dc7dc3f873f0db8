// Compiled for AVX2 and FMA (folder.cmake).
#define NEAP_TILES tiles_avx2
#include "neap/library/sparse_tiles.inc"

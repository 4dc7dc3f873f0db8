// Compiled for AVX-512 (folder.cmake).
#define NEAP_TILES tiles_avx512
#include "neap/library/sparse_tiles.inc"

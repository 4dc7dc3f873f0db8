// Compiled for every CPU of the architecture.
#define NEAP_TILES tiles_portable
#include "neap/library/sparse_tiles.inc"

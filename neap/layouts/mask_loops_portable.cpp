// Compiled for every CPU of the architecture.
#define NEAP_LOOPS loops_portable
#include "neap/layouts/mask_loops.inc"

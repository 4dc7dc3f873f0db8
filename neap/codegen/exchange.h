// Matrices that are copied with their rows and columns exchanged: whole buffers of a scope in registers (sums of a row that were made in
// one order and are wanted in the other), or square tiles from memory to memory.
#pragma once
#include <optional>
#include <string>

#include "neap/codegen/nest.h"

namespace neap {

// What a nest does, where it is such a copy of whole buffers.
std::optional<Exchange> exchange_of(const Emitter& emit, const Nest& nest);
// Its statements, where both buffers are in registers.
std::string exchange_text(const Emitter& emit, const Exchange& exchange);

// Whether a nest's two innermost loops copy so from memory to memory, by whole tiles. `ranges`: of axes that are cut.
bool exchanges_tiles(const Emitter& emit, const Nest& nest, const Ranges& ranges);
// Both loops, by tiles.
void write_tiles(Emitter& emit, LoopLevel& here, const Nest& nest);

}  // namespace neap

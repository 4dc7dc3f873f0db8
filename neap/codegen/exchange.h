// Buffers of a scope that are matrices in registers, copied with their rows and columns exchanged: sums of a row that were made in one
// order and are wanted in the other.
#pragma once
#include <optional>
#include <string>

#include "neap/codegen/nest.h"

namespace neap {

// What a nest does, where it is such a copy of whole buffers.
std::optional<Exchange> exchange_of(const Emitter& emit, const Nest& nest);
// Its statements, where both buffers are in registers.
std::string exchange_text(const Emitter& emit, const Exchange& exchange);

}  // namespace neap

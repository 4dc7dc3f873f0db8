// Which buffers of a scope are vectors in registers: those that all of its nests write and read as whole rows of lanes. A store of lanes
// that is read in groups, or the other way round, makes the CPU wait for memory; a compiler leaves such buffers there.
#pragma once
#include <vector>

#include "neap/codegen/nest.h"

namespace neap {

// Tells the emitter, and has the nests that use these buffers take all of their vectors side by side. `steps`: when each nest runs, in
// order; those of one loop around them run at the same step.
void hold_in_registers(Emitter& emit, std::vector<Nest>& nests, const std::vector<std::size_t>& steps);

}  // namespace neap

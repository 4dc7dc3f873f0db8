// How well a map's loads and stores lie for vectors.
#pragma once
#include <vector>

#include "neap/transform/cost.h"

namespace neap {

// How many times longer each stage of a map takes than one whose every access lies along its vectors, and all of them; and the same by what
// is read and written in memory, not in a scope's buffers.
struct LanesFactors {
  std::vector<double> stages;
  double all = 1, memory = 1;
};
LanesFactors lanes_factors(const CostModel& model, const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                           const std::vector<bool>& free = {});

// How many times longer a map takes than one whose every access lies along its vectors: 1 where each of its stages has an axis with steps
// of 0 or 1 in all accesses that fills whole vectors; more where vectors are gathered element by element, tested against borders, or filled
// in part. A scope's vectors run along the axes of its stages, never along its own. Operands marked as free (none where empty) may be laid
// as it suits.
double lanes_factor(const CostModel& model, const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                    const std::vector<bool>& free = {});

}  // namespace neap

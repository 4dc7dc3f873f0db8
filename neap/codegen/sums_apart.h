// Sums over a few neighbours in memory (the features of a head) that stand inside the expressions of a scope: they become buffers made by
// stages of their own, whose vectors run along what is summed (`fold_in_lanes`). Where they stand, vectors run along what is around the sum
// (the heads), and each of their lanes would read far from the next.
#pragma once
#include <functional>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// Stages of a scope from `from` on that share one nest: they run over the same axes, and none reads what an earlier one writes.
std::size_t end_of_nest(const std::vector<Stage>& stages, std::size_t from);

// The scope with its sums apart; any other map as it is. `width`: lanes of a vector of f32.
Map with_sums_apart(const Map& map, const std::vector<Type>& inputs, int width);

}  // namespace neap

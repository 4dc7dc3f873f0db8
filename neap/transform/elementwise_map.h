// Nodes each of whose elements is a function of its operands' elements at the same place, and what that function makes of 0.
#pragma once
#include <functional>
#include <optional>

#include "neap/transform/draft.h"

namespace neap {

// What a node computes at each point of its result, whose axes the map has in order: of operands of the result's shape, or of such as
// broadcast to it. Nothing where it is no such call or map, where it knows its position, or where a call's attributes hold sizes or axes.
std::optional<Map> elementwise_map(const Draft& draft, const Node& node);

// Whether the value is 0 where the operands for which `is_zero` holds are, whatever finite numbers the others are. `known`: the number that
// all elements of an operand are.
bool keeps_zero(const Map& map, const std::function<bool(std::int64_t)>& is_zero,
                const std::function<std::optional<double>(std::int64_t)>& known);

}  // namespace neap

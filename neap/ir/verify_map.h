// The rules of a map's body.
#pragma once
#include <functional>
#include <string_view>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// Throws Error (without a place) naming the rule that the body breaks. `schedule` may be null, and so
// may the types of absent operands, which the body must not read; `check_size` is asked about each size.
void verify_map(const Map& map, const std::vector<const Type*>& operands, const std::vector<const Type*>& outputs, const Schedule* schedule,
                const std::function<void(const Dim&, std::string_view)>& check_size);

}  // namespace neap

// What operators with indices in their data share.
#pragma once
#include "neap/ops/builder.h"

namespace neap {

// Error unless operand `input` holds integers.
void check_indices(const Call& call, int input);

// `index`, as i64, on an axis of this size; negative ones count from the end, as numpy's do.
Expr wrapped(const Expr& index, const Dim& size);

// Attribute `name` as sum, max or min: "add", "max", "min". Error for another text.
Accumulate accumulation(const Call& call, std::string_view name);

// The gradient of updates that competed for the largest (or smallest) place: what came to `best` goes to those equal to it, shared evenly.
// `spread` takes values of the result to the updates' places, `collect` adds updates up at the result's.
Var shared_by_ties(const Var& updates, const Var& best, const Var& cotangent, const std::function<Var(const Var&)>& spread,
                   const std::function<Var(const Var&)>& collect);

}  // namespace neap

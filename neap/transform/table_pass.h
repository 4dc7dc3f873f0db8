// Passes that lay tables anew for those who gather their rows.
#pragma once
#include <string>
#include <vector>

#include "neap/transform/draft.h"

namespace neap {

// The node that makes a row-major value over these axes, whose element at each of their positions is the table's at `from`. The value is
// new in the draft, the node is not in it yet.
Node table_pass(Draft& draft, ValueId table, std::vector<Axis> axes, std::vector<Expr> from, const std::vector<std::string>& origin);

}  // namespace neap

// The order of flags along lines: linear, where sorting looks at each element several times.
#pragma once
#include "neap/library/lines.h"
#include "neap/runtime/library.h"

namespace neap {

// Positions of the first `count` of each line, i64: those that are true (`trues_first`; else those that are false) as they stand, then the
// others. Of `top_k` (with_values) the flags stand ahead of them, as the first result. Bytes other than 0 count as true.
std::unique_ptr<LibraryCall> order_of_flags(const Lines& lines, bool trues_first, std::int64_t count, bool with_values);

}  // namespace neap

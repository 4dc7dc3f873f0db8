// One precompiled loop for each scalar operation and kind of register: what the blocked interpreter (blocked_map.h) is made of. Compiled
// once for each instruction set; nothing of the standard library may be in those files, so that no shared function is compiled for a newer
// CPU.
#pragma once
#include "neap/ir/expr.h"

namespace neap::blocks {

// What a register holds: f32 for f32, bf16 and f16; i64 for all integers; truth for bool (one byte, 0 or 1).
enum class Kind : std::uint8_t { f32, f64, i64, truth };
constexpr int kinds = 4, dtypes = 10, scalars = static_cast<int>(Scalar::reduce) + 1, reductions = 8;

using Count = std::int64_t;
using Compute = void (*)(Count n, void* out, const void* a, const void* b, const void* c);  // c of select: {condition, yes, no}
using Load = void (*)(Count n, void* out, const void* from, Count stride);                  // a register from elements
using Store = void (*)(Count n, void* to, const void* value, Count stride);                 // elements from a register
// out[i] = ok[i] ? from[offset[i]] : outside[i]; outside may be null: then 0
using Gather = void (*)(Count n, void* out, const void* from, const Count* offset, const std::uint8_t* ok, const void* outside);
using Fold = void (*)(Count n, void* so_far, const void* value);  // lane by lane: so_far[i] = f(so_far[i], value[i])
using FoldRows = void (*)(Count n, Count rows, void* so_far, const void* value, Count step);  // the same with each row, in order
using Total = void (*)(Count n, const void* value, void* total);  // *total = f(*total, all lanes in a fixed tree)
// The same of each row, from the same start; rows are `step` elements apart.
using TotalRows = void (*)(Count rows, Count n, const void* value, Count step, const void* start, void* totals);
// Where value[i] is better than best[i]: best[i] = value[i], at[i] = position. at[i] < 0: nothing yet. NaN is best, the first one stays.
using FoldPosition = void (*)(Count n, void* best, Count* at, const void* value, Count position);
using TotalPosition = void (*)(Count n, const void* value, Count first, void* best, Count* at);  // over lanes: position first + i

struct Loops {
  Compute compute[scalars][kinds];  // by operation and kind of the (last) argument; null: there is none
  Compute convert[kinds][kinds];    // from, to; to truth: whether it is not 0
  Compute round[dtypes];            // a register to the grid of its dtype; null: nothing to do
  Load load[dtypes];
  Store store[dtypes];
  Gather gather[dtypes];
  Fold fold[reductions][kinds];
  FoldRows fold_rows[reductions][kinds];  // rows are `step` elements apart
  Total total[reductions][kinds];
  TotalRows total_rows[reductions][kinds];
  FoldPosition fold_position[2][kinds];  // smallest, largest
  TotalPosition total_position[2][kinds];
  void (*count_up)(Count n, Count* out, Count start, Count step);
  void (*softmax)(Count n, float* to, const float* from);  // of one row, f32
  // ok[i] &= 0 <= index[i] < size; offset[i] += index[i] * stride, where it is
  void (*step_index)(Count n, Count* offset, std::uint8_t* ok, const Count* index, Count size, Count stride);
};

const Loops& loops();  // for best_isa()
const Loops& loops_portable();
const Loops& loops_avx2();
const Loops& loops_avx512();

}  // namespace neap::blocks

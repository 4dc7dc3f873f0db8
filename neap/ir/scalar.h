// What each scalar operation means, on plain numbers: the interpreter, constant folding and tests all come here.
#pragma once
#include <cstdint>
#include <span>

#include "neap/ir/expr.h"

namespace neap {

// A value of any dtype: `real` for floating-point dtypes, `integer` for the others (bool: 0 or 1).
struct Number {
  double real = 0;
  std::int64_t integer = 0;
};

Number round_to(DType dtype, Number value);          // wraps integers, rounds floats to the dtype's grid
Number convert(Number value, DType from, DType to);  // a cast; of a float to an integer: as if to i64 first
                                                     // (towards zero, saturating, NaN to 0), which narrower integers wrap
bool is_true(Number value, DType dtype);
// `dtype` is the arguments' dtype (the first's for select's condition and shifts it is each argument's own: `dtypes`). Not for axis, read,
// size, reduce.
Number evaluate(Scalar op, DType result, std::span<const Number> args, std::span<const DType> dtypes);

// Reductions, folded one element at a time: `identity` of no elements, then `fold`.
Number identity(Reduction reduction, DType dtype);
Number fold(Reduction reduction, DType dtype, Number so_far, Number element);  // not arg*: they need positions

// Philox4x32-10 (Salmon et al., SC 2011), first word, of key `seed` and counter (`stream`, `counter`).
std::uint32_t philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter);

enum class ScalarKind : std::uint8_t { leaf, unary_float, unary_any, unary_bool, arithmetic, comparison, logical, bitwise, other };
ScalarKind kind(Scalar op);
int arity(Scalar op);  // -1: varies

}  // namespace neap

// How far rounding may carry the results of a graph: Monte Carlo arithmetic (Parker, "Monte Carlo Arithmetic: Exploiting Randomness in
// Floating-Point Arithmetic", 1997). The graph is interpreted again with every rounded value moved by chance; what that does to a result,
// the roundings of another order, of a fused operation or of another function of the same precision may do too.
#pragma once
#include <cmath>
#include <limits>
#include <random>
#include <unordered_map>
#include <vector>

#include "neap/ir/map_walk.h"
#include "neap/ir/scalar.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"

namespace neap::testing {

namespace detail {

inline double unit_in_last_place(DType dtype) {
  switch (dtype) {
    case DType::bf16:
      return 0x1p-7;
    case DType::f16:
      return 0x1p-10;
    case DType::f32:
      return std::numeric_limits<float>::epsilon();
    case DType::f64:
      return std::numeric_limits<double>::epsilon();
    default:
      return 0;
  }
}

// Whether the map computes numbers that are rounded: none that only moves, compares or chooses them.
inline bool rounds(const Map& map) {
  bool found = false;
  visit_map(map, [&](const Expr& e) {
    if (!is_float(e.dtype())) return;
    const bool chosen = e->op == Scalar::min || e->op == Scalar::max || e->op == Scalar::floor_div;
    const bool folded = e->op == Scalar::reduce && (e->reduction == Reduction::sum || e->reduction == Reduction::prod);
    found |= folded || kind(e->op) == ScalarKind::unary_float || (kind(e->op) == ScalarKind::arithmetic && !chosen);
  });
  for (const Stage& stage : map.stages) found |= stage.accumulate == Accumulate::sum && is_float(stage.value.dtype());
  return found;
}

// Moves numbers by chance; `forth` and back are each other's opposite, so that one of the two takes nearly equal numbers past each other.
class Mover {
 public:
  Mover(std::uint64_t seed, bool forth) : random_(seed), sign_(forth ? 1 : -1) {}

  // Each element, if it is a float, by two to four units in its last place: as far as our functions may be off.
  Array operator()(const Array& array) {
    if (!is_float(array.dtype())) return array;
    Array made(array.dtype(), array.sizes());
    const double unit = sign_ * unit_in_last_place(array.dtype());
    for (std::int64_t i = 0; i < array.count(); ++i) {
      const std::uint64_t bits = random_();
      const double units = 2 + static_cast<double>(bits >> 11) * 0x1p-52;
      made.set(i, array.get(i) * (1 + ((bits & 1) != 0 ? units : -units) * unit));
    }
    return made;
  }

 private:
  std::mt19937_64 random_;
  double sign_;
};

// The results of a graph of primitives, its inputs and all that it rounds moved.
inline std::vector<Array> interpret_moved(const Graph& graph, const std::vector<Array>& inputs, Mover moved) {
  const Symbols symbols = bind_inputs(graph, inputs);
  std::unordered_map<ValueId, Array> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i].value] = moved(inputs[i]);
  const auto value_of = [&](ValueId id) {
    if (id == no_value) return Array();
    const auto made = values.find(id);
    return made != values.end() ? made->second : *graph.value(id).constant;
  };
  for (const NodePtr& node : graph.nodes()) {
    const Map map = define(make_call(graph, *node)).map;
    std::vector<Array> operands;
    for (const ValueId id : node->inputs) operands.push_back(value_of(id));
    const std::vector<Array> results = interpret_map(map, operands, types_of(graph, node->outputs), symbols);
    const bool rounded = rounds(map);
    for (std::size_t i = 0; i < results.size(); ++i) values[node->outputs[i]] = rounded ? moved(results[i]) : results[i];
  }
  std::vector<Array> outputs;
  for (const Output& output : graph.outputs) outputs.push_back(value_of(output.value));
  return outputs;
}

}  // namespace detail

// For each element of the results (`wanted`, as interpreted) how far it was moved at most, in `samples` runs; infinity where it became, or
// ceased to be, a number, so that nothing can be said of it.
inline std::vector<Array> rounding_spread(const Graph& graph, const std::vector<Array>& inputs, const std::vector<Array>& wanted,
                                          std::uint64_t seed, int samples = 6) {
  std::vector<Array> spread;
  for (const Array& array : wanted) spread.push_back(Array::zeros(DType::f64, array.sizes()));
  const Graph primitives = expand_composites(graph);
  for (int sample = 0; sample < samples; ++sample) {
    std::vector<Array> other;
    try {
      other = detail::interpret_moved(primitives, inputs, {seed + static_cast<std::uint64_t>(sample / 2), sample % 2 == 0});
    } catch (const Error&) {
      continue;  // a position that was computed left its bounds
    }
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      for (std::int64_t i = 0; i < wanted[k].count(); ++i) {
        const double a = other[k].get(i), b = wanted[k].get(i);
        const bool same = a == b || (std::isnan(a) && std::isnan(b));
        const double apart = same ? 0 : std::abs(a - b);
        spread[k].set(i, std::isnan(apart) ? HUGE_VAL : std::max(spread[k].get(i), apart));
      }
    }
  }
  return spread;
}

}  // namespace neap::testing

// Kernels by hand, as text, and what they take.
#pragma once
#include <string>
#include <vector>

#include "neap/base/array.h"
#include "neap/ir/graph.h"

namespace neap {

inline Graph graph_of(const std::string& body) { return parse_graph("graph main {" + body + "\n}\n"); }

inline Array integers(std::vector<std::int64_t> values) {
  Array array(DType::i64, {static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) array.set(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
  return array;
}

}  // namespace neap

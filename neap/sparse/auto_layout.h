// The layout `auto` of a weight: the cheapest of those that store what a mask keeps and nothing else, by the prices by which plans are
// made.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neap/ir/graph.h"
#include "neap/layouts/sparse_layout.h"

namespace neap::sparse {

struct AutoLayout {
  std::int64_t open;  // what an open size is taken as; of a module's weight, the rows of the matrix that it multiplies
  bool training;      // prices are of a step: with the gradients of the weight and of what it meets

  // "auto", "auto open=384 training=1"; nothing where the text names another layout.
  static std::optional<AutoLayout> parse(std::string_view text);
  std::string to_string() const;
};

// What a graph makes of a parameter, with all else that this takes as inputs: its parameter is called `weight`. Nothing where that is not
// made of calls.
constexpr const char* priced_weight = "weight";
std::optional<Graph> uses_of(const Graph& graph, const Input& parameter);
// y = x W^T, with x of open rows.
Graph product_with(const Type& matrix);

struct PricedLayout {
  LayoutChoice layout;  // none: dense
  double seconds;       // modelled, of a run of `uses`
};
// Those that fit, the cheapest first; of equal ones the dense one. `value` has zeros where the mask, a matrix, keeps nothing; `own` stores
// what its sparsifier makes.
std::vector<PricedLayout> price_layouts(const Graph& uses, const Array& value, const Array& mask, const LayoutChoice& own,
                                        const AutoLayout& how);

}  // namespace neap::sparse

// Sparse matrices to test with: random ones whose masks every layout can store.
#pragma once
#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "neap/layouts/patterns.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/ops/interpreter.h"

namespace neap::testing {

// The matrix that components store, by the layout's definition.
inline Array unpack(const LayoutChoice& choice, const std::vector<Array>& components, const Sizes& size) {
  return interpret(unpacking(choice, components, size), components)[0];
}

inline std::int64_t number(const LayoutChoice& choice, std::string_view name) {
  return std::get<std::int64_t>(choice.parameters.find(name)->second);
}

// A mask that the layout takes: of n:m kinds by their rule, else each element with the chance given.
inline Array mask_for(const LayoutChoice& choice, const Sizes& sizes, double chance, unsigned seed) {
  std::mt19937 random(seed);
  Array mask = Array::zeros(DType::boolean, sizes);
  const std::int64_t rows = sizes[0], columns = sizes[1];
  const auto keep = [&](std::int64_t r, std::int64_t c) {
    if (r < rows && c < columns) mask.set(r * columns + c, 1);
  };
  const std::string& name = choice.layout->name;
  if (name == "nm" || name == "nmg") {
    const std::int64_t n = number(choice, "n"), m = number(choice, "m");
    const auto& patterns = kept_row_patterns(n, m);
    const std::int64_t chunk =
        name == "nmg" ? static_cast<std::int64_t>(patterns.size()) * number(choice, "g") : std::max<std::int64_t>(columns, 1);
    for (std::int64_t group = 0; group * m < rows; ++group) {
      for (std::int64_t first = 0; first < columns; first += chunk) {
        std::vector<std::int64_t> order(static_cast<std::size_t>(chunk));
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        for (std::int64_t k = 0; k < chunk; ++k) {
          for (const int row : patterns[static_cast<std::size_t>(order[static_cast<std::size_t>(k)]) % patterns.size()])
            keep(group * m + row, first + k);
        }
      }
    }
    return mask;
  }
  for (std::int64_t i = 0; i < mask.count(); ++i) mask.set(i, static_cast<double>(random() % 1000) < 1000 * chance ? 1 : 0);
  return mask;
}

inline Array random_matrix(DType dtype, const Sizes& sizes, unsigned seed) {
  std::mt19937 random(seed);
  Array made(dtype, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>(random() % 4001) / 1000 - 2);
  return made;
}

inline Array masked(const Array& dense, const Array& mask) {
  Array made = dense.clone();
  for (std::int64_t i = 0; i < made.count(); ++i) {
    if (mask.get(i) == 0) made.set(i, 0);
  }
  return made;
}

// Every layout, with numbers that make padding and several chunks at small sizes.
inline std::vector<std::string> layouts_to_test() {
  return {"csr",
          "csc",
          "coo",
          "ell",
          "masked",
          "blocks r=4 c=1",
          "blocks r=1 c=3",
          "blocks r=2 c=2",
          "nm n=2 m=4",
          "nm n=1 m=3",
          "nmg n=1 m=2 g=1",
          "nmg n=2 m=4 g=1",
          "nmg n=2 m=4 g=2",
          "nmg n=1 m=3 g=4"};
}

}  // namespace neap::testing

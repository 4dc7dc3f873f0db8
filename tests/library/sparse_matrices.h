// Random sparse matrices in each form, beside what they are as plain ones.
#pragma once
#include <algorithm>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "neap/base/dtype.h"
#include "neap/base/revolving_door.h"
#include "neap/library/sparse_kernels.h"

namespace neap::sparse {

// A stored element: its place among the values, its row and column.
struct Stored {
  Count place, row, column;
};

struct RandomMatrix {
  Count rows, columns;
  std::vector<float> values;           // as they are stored: rounded to bf16 where asked for
  std::vector<std::uint16_t> rounded;  // their bits as bf16
  std::vector<Stored> stored;          // what is in the matrix; padding is not
  std::mt19937 random;

  RandomMatrix(Count rows_, Count columns_, unsigned seed) : rows(rows_), columns(columns_), random(seed) {}

  void push(Count row, Count column) {
    const bool inside = row < rows && column < columns;
    const auto value = static_cast<float>(static_cast<BFloat16>(inside ? std::normal_distribution<float>()(random) : 0.0F));
    if (inside) stored.push_back({static_cast<Count>(values.size()), row, column});
    values.push_back(value);
    rounded.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  }
  const void* of(Value value) const {
    static const float none = 0;  // kernels count from the first value, where there is none too
    if (values.empty()) return &none;
    return value == Value::f32 ? static_cast<const void*>(values.data()) : rounded.data();
  }
};

struct RandomNmg : RandomMatrix {
  int n, m;
  Count g;
  std::vector<std::int16_t> narrow;
  std::vector<std::int32_t> wide;

  RandomNmg(Count rows_, Count columns_, int n_, int m_, Count g_, unsigned seed = 1)
      : RandomMatrix(rows_, columns_, seed), n(n_), m(m_), g(g_) {
    const Count slots = binomial(m, n) * g;
    std::vector<Count> order(static_cast<std::size_t>(slots));
    std::vector<int> things(static_cast<std::size_t>(n));
    for (Count row = 0; row < rows; row += m) {
      for (Count column = 0; column < columns; column += slots) {
        std::iota(order.begin(), order.end(), Count{0});
        std::shuffle(order.begin(), order.end(), random);
        for (Count slot = 0; slot < slots; ++slot) {
          revolving_door(n, m, slot / g, things.data());
          const Count at = order[static_cast<std::size_t>(slot)];
          narrow.push_back(static_cast<std::int16_t>(at));
          wide.push_back(static_cast<std::int32_t>(at));
          for (const int thing : things) push(row + thing, column + at);
        }
      }
    }
  }
  NmgMatrix matrix(Value value = Value::f32, bool is_wide = false) const {
    return {rows, columns, n, m, g, value, of(value), is_wide ? static_cast<const void*>(wide.data()) : narrow.data(), is_wide};
  }
};

struct RandomBlocks : RandomMatrix {
  int height, width;
  std::vector<std::int32_t> offsets{0}, columns_of;

  RandomBlocks(Count rows_, Count columns_, int height_, int width_, double density, unsigned seed = 1)
      : RandomBlocks(
            rows_, columns_, height_, width_, [density](Count) { return density; }, seed) {}
  RandomBlocks(Count rows_, Count columns_, int height_, int width_, const std::function<double(Count)>& density_of_row, unsigned seed = 1)
      : RandomMatrix(rows_, columns_, seed), height(height_), width(width_) {
    const Count across = (columns + width - 1) / width;
    for (Count row = 0; row < rows; row += height) {
      std::bernoulli_distribution is_there(density_of_row(row));
      for (Count column = 0; column < across; ++column) {
        if (!is_there(random)) continue;
        columns_of.push_back(static_cast<std::int32_t>(column));
        for (Count i = 0; i < height; ++i) {
          for (Count j = 0; j < width; ++j) push(row + i, column * width + j);
        }
      }
      offsets.push_back(static_cast<std::int32_t>(columns_of.size()));
    }
  }
  BlockMatrix matrix(Value value = Value::f32) const {
    return {rows, columns, height, width, value, of(value), {offsets.data(), false}, columns_of.data()};
  }
};

}  // namespace neap::sparse

// The driver of sparse products, after Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008). For a few columns
// of x at a time: rows of x are packed into a panel that stays in cache while all rows of W pass by, whose sums stay in the second cache.
#include "neap/library/sparse_kernels.h"

#include <algorithm>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// Some rows of W times some columns of x, on one thread.
template <class Kind>
struct Task {
  const Kind& side;
  const Product& product;
  Count first, columns;  // of x
  Count begin, end;      // groups of rows
  int vectors;
  Count width = Count{vectors} * side.micro.lanes;

  void run() const {
    static thread_local Buffer panels, all_sums;
    float *const panel = panels.of(side.deepest() * width), *const sums = all_sums.of((end - begin) * side.height * width);
    for (Count k = 0; k < side.tiles(); ++k) {
      pack(k, panel);
      multiply(k, panel, sums);
    }
  }

 private:
  const float* x(Count row) const { return product.x + row * product.x_stride + first; }

  void pack(Count k, float* panel) const {
    const Count rows = side.columns_in(k);
    side.micro.pack(rows, columns, x(side.begin(k)), product.x_stride, panel, width);
    std::fill(panel + rows * width, panel + (side.end(k) - side.begin(k)) * width, 0.0F);
  }

  void multiply(Count k, const float* panel, float* sums) const {
    const auto tile = side.tile(false, vectors);
    const Count batch = std::max<Count>(1, 64 / side.height);
    Count asked = side.end(k);
    for (Count group = begin; group < end; group += batch) {
      const Count groups = std::min(batch, end - group);
      float* const here = sums + (group - begin) * side.height * width;
      if (k + 1 < side.tiles()) {
        const Count deep = side.end(k + 1) - side.begin(k + 1);
        ask(asked, std::min(side.columns, side.end(k) + divided_up(deep * (group + groups - begin), end - begin)));
      }
      tile(side.part(group, groups, end - group, k), panel, here, k == 0);
      if (k + 1 == side.tiles()) finish(group * side.height, std::min(groups * side.height, side.rows - group * side.height), here);
    }
  }

  // Asks for rows of x that the next panel takes: a few at a time, so that they come in while there is other work.
  void ask(Count& asked, Count until) const {
    constexpr Count floats_of_line = 16;
    for (; asked < until; ++asked) {
      for (Count column = 0; column < columns; column += floats_of_line) __builtin_prefetch(x(asked) + column);
    }
  }

  void finish(Count row, Count rows, const float* sums) const {
    const float* const bias = product.bias == nullptr ? nullptr : product.bias + row;
    side.micro.finish(rows, columns, sums, width, bias, product.finish, product.y + row * product.y_stride + first, product.y_stride);
  }
};

template <class Kind>
void drive(const Kind& side, const Product& product, int widest) {
  const Count lanes = side.micro.lanes, across = divided_up(product.width, widest * lanes);
  constexpr Count most_rows = 1024;  // whose sums stay in the second cache
  Count down = std::max<Count>(1, divided_up(side.rows, most_rows));
  if (across * down % product.threads != 0 && across * down < 8 * product.threads) down *= product.threads;
  const Count groups = divided_up(side.groups(), down);
#pragma omp parallel for schedule(static) num_threads(product.threads) if (product.threads > 1)
  for (Count number = 0; number < across * down; ++number) {
    const Count first = number / down * widest * lanes, columns = std::min(widest * lanes, product.width - first);
    const Count begin = std::min(number % down * groups, side.groups()), end = std::min(begin + groups, side.groups());
    Task<Kind>{side, product, first, columns, begin, end, vectors_for(side, false, columns, widest)}.run();
  }
}

}  // namespace

const Tiles& tiles(Isa isa) { return isa == Isa::avx512 ? tiles_avx512() : isa == Isa::avx2 ? tiles_avx2() : tiles_portable(); }

// Sizes of panels: measured on Zen 4. A panel that is read once or twice for each value fits the first cache; blocks of more rows
// read it seldom enough for the second.
void multiply(const NmgMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int most = product.isa != Isa::avx512 ? 6 : w.m == 8 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.nmg(w.value, w.n, w.m, w.wide, false, v); });
  drive(NmgSide(w, columns_in(machine().l1_bytes, Count{vectors} * t.lanes), t), product, vectors);
}

void multiply(const BlockMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int most = product.isa != Isa::avx512 ? 6 : w.height == 1 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.blocks(w.value, w.height, w.width, false, v); });
  const Count bytes = w.height == 1 ? machine().l1_bytes * 3 / 2 : machine().l2_bytes * 3 / 8;
  drive(BlockSide(w, columns_in(bytes, Count{vectors} * t.lanes), t), product, vectors);
}

}  // namespace neap::sparse

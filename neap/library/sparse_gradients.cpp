// The drivers of sparse products' gradients: the product with the transpose, and the product at stored places only.
#include <algorithm>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// y [columns, width] = W^T x: rows of x are packed into a panel; for each K tile, whose rows of y stay in the first cache, all of them pass
// by and are added where W stores a value.
template <class Kind>
void drive_transposed(const Kind& side, const Product& product, int widest) {
  const Count lanes = side.micro.lanes, of_image = divided_up(product.width, widest * lanes), across = product.images * of_image;
  const Count down = product.y_windows == nullptr ? std::min(shares(across, product.threads), side.tiles()) : 1;  // parts of the K tiles
  const Count tiles = divided_up(side.tiles(), down);
  constexpr Count most_rows = 1024;  // of a panel, which stays in the second cache
  const Count groups = std::max<Count>(1, most_rows / side.height), batch = std::max<Count>(1, 64 / side.height);
  for_each_piece(product, of_image * down, [&](Count number) {
    const Count image = number / down / of_image, first = number / down % of_image * widest * lanes;
    const Count count = std::min(widest * lanes, product.width - first);
    const Count begin = std::min(number % down * tiles, side.tiles()), end = std::min(begin + tiles, side.tiles());
    if (begin == end) return;
    const int vectors = vectors_for(side, true, count, widest);
    const auto tile = side.tile(true, vectors);
    const Count width = vectors * lanes, origin = side.begin(begin), depth = side.end(end - 1) - origin;
    Product mine = product;
    mine.x += image * product.x_image;
    mine.y += image * product.y_image;
    const Columns columns{side.micro, mine, first, count, width};
    static thread_local Buffer panels, all_sums;
    float* const panel = panels.of(std::min(groups, side.groups()) * side.height * width);
    float* const sums = all_sums.of(depth * width);
    std::fill(sums, sums + depth * width, 0.0F);
    for (Count from = 0; from < side.groups(); from += groups) {
      const Count to = std::min(from + groups, side.groups()), row = from * side.height;
      const Count rows = std::min(to * side.height, side.rows) - row;
      columns.pack(row, rows, panel);
      std::fill(panel + rows * width, panel + (to - from) * side.height * width, 0.0F);
      for (Count k = begin; k < end; ++k) {
        for (Count group = from; group < to; group += batch) {
          tile(side.part(group, std::min(batch, to - group), to - group, k), panel + (group - from) * side.height * width,
               sums + (side.begin(k) - origin) * width, false);
        }
      }
    }
    columns.finish(origin, std::min(side.columns, origin + depth) - origin, sums);
  });
}

// The values of W = dy x^T: for some features at a time, the rows of x that belong to a K tile are packed, and all rows of dy pass by.
template <class Kind>
void drive_sampled(const Kind& side, const SampledProduct& product, Count features) {
  const Count down = shares(side.tiles(), product.threads), groups = divided_up(side.groups(), down);
  const auto sample = side.sample();
#pragma omp parallel for schedule(static) num_threads(product.threads) if (product.threads > 1)
  for (Count number = 0; number < side.tiles() * down; ++number) {
    const Count k = number / down, begin = std::min(number % down * groups, side.groups()), end = std::min(begin + groups, side.groups());
    if (begin == end) continue;
    const Count columns = side.columns_in(k), depth = side.end(k) - side.begin(k);
    static thread_local Buffer panels;
    float* const panel = panels.of(depth * features);
    const Count of_image = std::max<Count>(1, divided_up(product.width, features));
    for (Count part = 0; part < product.images * of_image; ++part) {
      const Count image = part / of_image, first = part % of_image * features, count = std::min(features, product.width - first);
      const float *const x = product.x + image * product.x_image, *const dy = product.dy + image * product.dy_image;
      if (product.windows != nullptr) {
        pack_windows(*product.windows, x, side.begin(k), columns, first, count, panel, features);
      } else {
        side.micro.pack(columns, count, x + side.begin(k) * product.x_stride + first, product.x_stride, panel, features);
      }
      std::fill(panel + columns * features, panel + depth * features, 0.0F);
      sample(side.part(begin, end - begin, end - begin, k), {.panel = panel,
                                                             .width = features,
                                                             .count = count,
                                                             .columns = columns,
                                                             .x = dy + begin * side.height * product.dy_stride + first,
                                                             .stride = product.dy_stride,
                                                             .rows = side.rows - begin * side.height,
                                                             .values = product.values + side.first_value(begin, k),
                                                             .first = part == 0});
    }
  }
}

// Features at a time: enough that what the lanes of a dot product hold is summed up seldom.
Count features_of(Count width, const Tiles& t) {
  constexpr Count most = 512;
  return std::max<Count>(t.lanes, std::min(most, divided_up(width, t.lanes) * t.lanes));
}
Count sampled_columns(Count features) { return columns_in(machine().l2_bytes * 3 / 8, features); }

}  // namespace

void multiply_transposed(const NmgMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int vectors = widest(4, [&](int v) { return t.nmg(w.value, w.n, w.m, w.wide, true, v); });
  drive_transposed(NmgSide(w, columns_in(machine().l1_bytes, vectors * t.lanes), t), product, vectors);
}
void multiply_transposed(const BlockMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int vectors = widest(4, [&](int v) { return t.blocks(w.value, w.height, w.width, true, v); });
  drive_transposed(BlockSide(w, columns_in(machine().l1_bytes * 3 / 2, vectors * t.lanes), t), product, vectors);
}

void multiply_sampled(const NmgMatrix& w, const SampledProduct& product) {
  const Count features = features_of(product.width, tiles(product.isa));
  drive_sampled(NmgSide(w, sampled_columns(features), tiles(product.isa)), product, features);
}
void multiply_sampled(const BlockMatrix& w, const SampledProduct& product) {
  const Count features = features_of(product.width, tiles(product.isa));
  drive_sampled(BlockSide(w, sampled_columns(features), tiles(product.isa)), product, features);
}

}  // namespace neap::sparse

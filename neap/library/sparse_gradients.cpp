// The drivers of sparse products' gradients: the product with the transpose, and the product at stored places only.
#include <algorithm>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

void copy_rows(const float* from, Count stride, Count rows, Count count, float* to, Count to_stride) {
  for (Count i = 0; i < rows; ++i) std::copy_n(from + i * stride, count, to + i * to_stride);
}

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
          tile(side.part(group, std::min(batch, to - group), k), panel + (group - from) * side.height * width,
               sums + (side.begin(k) - origin) * width, false);
        }
      }
    }
    columns.finish(origin, std::min(side.columns, origin + depth) - origin, sums);
  });
}

// How a sampled product goes through features: several images at a time, side by side, where they are small, so that dot products are
// long and what their lanes hold is summed up seldom; else some features of one image.
struct Features {
  Count images, width, of_image;  // at a time; of a panel, in whole vectors; pieces of an image

  Features(const SampledProduct& product, Count lanes) {
    images = std::clamp<Count>(most_sampled / std::max<Count>(1, product.width), 1, std::max<Count>(1, product.images));
    width = std::max(lanes, std::min(most_sampled / lanes, divided_up(images * product.width, lanes)) * lanes);
    of_image = std::max<Count>(1, divided_up(product.width, width));
  }
  Count parts(Count all_images) const { return images > 1 ? divided_up(all_images, images) : all_images * of_image; }
};

// What a part of the features is taken from: a piece of an image, or whole images.
struct FeaturePart {
  Count image, images, first, count;

  FeaturePart(const SampledProduct& product, const Features& features, Count number) {
    const bool whole = features.images > 1;
    image = whole ? number * features.images : number / features.of_image;
    images = std::min(features.images, product.images - image);
    first = whole ? 0 : number % features.of_image * features.width;
    count = whole ? product.width : std::min(features.width, product.width - first);
  }
};

// Rows of x that belong to columns `begin` on, into a panel.
void pack_features(const SampledProduct& product, const FeaturePart& part, Count begin, Count columns, const Tiles& micro, float* panel,
                   Count width) {
  for (Count i = 0; i < part.images; ++i) {
    const float* const x = product.x + (part.image + i) * product.x_image;
    float* const to = panel + i * part.count;
    if (product.windows != nullptr) {
      pack_windows(*product.windows, x, begin, columns, part.first, part.count, to, width);
    } else if (part.images == 1) {
      return micro.pack(columns, part.count, x + begin * product.x_stride + part.first, product.x_stride, panel, width);
    } else {
      copy_rows(x + begin * product.x_stride, product.x_stride, columns, part.count, to, width);
    }
  }
  clear_behind(panel, columns, part.images * part.count, width);
}

// The values of W = dy x^T: for some features at a time, the rows of x that belong to a K tile are packed, and all rows of dy pass by.
template <class Kind>
void drive_sampled(const Kind& side, const SampledProduct& product, const Features& features) {
  const Count down = shares(side.tiles(), product.threads), width = features.width;
  const auto sample = side.sample();
#pragma omp parallel for schedule(static) num_threads(product.threads) if (product.threads > 1)
  for (Count number = 0; number < side.tiles() * down; ++number) {
    const Count k = number / down, begin = group_begin(side, number % down, down), end = group_begin(side, number % down + 1, down);
    const Count columns = side.columns_in(k), depth = side.end(k) - side.begin(k), row = begin * side.height;
    if (begin == end || depth == 0) continue;  // a matrix without columns stores no values, and has no panel
    const Count rows = std::min(end * side.height, side.rows) - row;
    static thread_local Buffer panels, all_dy;
    float* const panel = panels.of(depth * width);
    for (Count part = 0; part < features.parts(product.images); ++part) {
      const FeaturePart of(product, features, part);
      pack_features(product, of, side.begin(k), columns, side.micro, panel, width);
      std::fill(panel + columns * width, panel + depth * width, 0.0F);
      Sampling sampling{.panel = panel,
                        .width = width,
                        .count = of.count,
                        .columns = columns,
                        .x = product.dy + of.image * product.dy_image + row * product.dy_stride + of.first,
                        .stride = product.dy_stride,
                        .rows = rows,
                        .values = product.values + side.first_value(begin, k),
                        .first = part == 0};
      if (of.images > 1) {
        float* const dy = all_dy.of(rows * width);
        for (Count i = 0; i < of.images; ++i)
          copy_rows(sampling.x + i * product.dy_image, product.dy_stride, rows, of.count, dy + i * of.count, width);
        clear_behind(dy, rows, of.images * of.count, width);
        sampling.x = dy;
        sampling.stride = sampling.count = width;
      }
      sample(side.part(begin, end - begin, k), sampling);
    }
  }
}

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

// A chunk of n:m:g has work for whole vectors of sums, however few its columns; blocks need more columns for that.
void multiply_sampled(const NmgMatrix& w, const SampledProduct& product) {
  const Features features(product, tiles(product.isa).lanes);
  drive_sampled(NmgSide(w, columns_in(machine().l1_bytes * 3 / 2, features.width), tiles(product.isa)), product, features);
}
void multiply_sampled(const BlockMatrix& w, const SampledProduct& product) {
  const Features features(product, tiles(product.isa).lanes);
  drive_sampled(BlockSide(w, columns_in(machine().l2_bytes * 3 / 8, features.width), tiles(product.isa)), product, features);
}

}  // namespace neap::sparse

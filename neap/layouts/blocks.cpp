// Block rows (BCSR): small dense blocks, r rows by c columns, as CSR over blocks. With c = 1 they are pieces of columns, which vector units
// like best. Where the matrix ends inside a block, the rest is padding.
#include <algorithm>
#include <functional>
#include <numeric>

#include "neap/layouts/geometry.h"
#include "neap/layouts/packing.h"

namespace neap::blocks_layout {
namespace {

const std::vector<std::string> component_names = {"values", "offsets", "columns"};

StoredPoints points(Definition& d, int first) {
  const std::int64_t r = d.call().integer("r"), c = d.call().integer("c");
  const Shape& size = d.call().dims("size");
  const Axis block_row = d.axis("r", ceil_div(size[0], r));
  const auto bound = [&](int next) { return position_at(d, first, {axis_position(block_row) + Expr(next)}); };
  const Axis block = d.axis_ragged("b", d.size(first + 1, 0), bound(0), bound(1));
  const Axis i = d.axis("i", Dim(r)), j = d.axis("j", Dim(c));
  const Expr row = axis_position(block_row) * Expr(r) + axis_position(i);
  const Expr column = position_at(d, first + 1, {axis_position(block)}) * Expr(c) + axis_position(j);
  StoredPoints made{{block_row, block, i, j}, row, column, {axis_position(block), axis_position(i), axis_position(j)}, {}};
  const auto fits = [](const Dim& whole, std::int64_t part) { return part == 1 || (whole.is_constant() && whole.constant() % part == 0); };
  if (!fits(size[0], r) || !fits(size[1], c)) made.inside = make(Scalar::logical_and, {row < Expr(size[0]), column < Expr(size[1])});
  return made;
}

// The blocks of a row of blocks that have an element which is kept.
class StoredBlocks {
 public:
  StoredBlocks(const Packer& from, std::int64_t r, std::int64_t c)
      : from_(from), r_(r), c_(c), any_(static_cast<std::size_t>(from.words())), columns_(static_cast<std::size_t>(from.row_room())) {}

  std::int64_t count(std::int64_t block_row) {
    if (c_ > 1) return find(block_row, columns_.data(), 0);
    from_.kept_in_any(block_row * r_, r_, any_.data());
    return masks::loops().count(from_.words(), any_.data());
  }
  // Their numbers in order; how many. What stands behind them, up to `room`, may be overwritten.
  std::int64_t find(std::int64_t block_row, std::int32_t* to, std::int64_t room) {
    from_.kept_in_any(block_row * r_, r_, any_.data());
    if (c_ == 1) return masks::loops().positions(from_.words(), any_.data(), to, room);
    const std::int64_t all = masks::loops().positions(from_.words(), any_.data(), columns_.data(), from_.row_room());
    std::int64_t found = 0;
    for (std::int64_t i = 0, last = -1; i < all; ++i) {
      const std::int64_t block = columns_[static_cast<std::size_t>(i)] / c_;
      if (block != last) to[found++] = static_cast<std::int32_t>(block);
      last = block;
    }
    return found;
  }

 private:
  const Packer& from_;
  std::int64_t r_, c_;
  std::vector<masks::Word> any_;
  std::vector<std::int32_t> columns_;
};

// The kept elements of one row, which go to places that are apart.
template <class Element>
class KeptLine {
 public:
  explicit KeptLine(const Packer& from) : from_(from), elements_(static_cast<std::size_t>(from.row_room())), columns_(elements_.size()) {}

  void take(std::int64_t row, const Element* matrix, Element* to, std::int64_t apart) {
    const std::int64_t found = from_.take_row(row, matrix, elements_.data(), columns_.data(), from_.row_room());
    for (std::int64_t i = 0; i < found; ++i) to[i * apart] = elements_[static_cast<std::size_t>(i)];
  }

 private:
  const Packer& from_;
  std::vector<Element> elements_;
  std::vector<std::int32_t> columns_;
};

// Rows of blocks are counted and then filled, each part of them by itself.
std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes& numbers) {
  const Packer from(dense, keep);
  const std::int64_t r = number_of(numbers, "r"), c = number_of(numbers, "c"), across = from.columns();
  const std::int64_t block_rows = divided_up(from.rows(), r);
  Array offsets = Array::zeros(DType::i64, {block_rows + 1});
  std::int64_t* const by_row = offsets.values<std::int64_t>().data();
  for_each_rows(block_rows, dense.count(), [&](const RowRange& part) {
    StoredBlocks stored(from, r, c);
    for (std::int64_t row = part.begin; row < part.end; ++row) by_row[row + 1] = stored.count(row);
  });
  std::partial_sum(by_row, by_row + block_rows + 1, by_row);
  const std::int64_t count = by_row[block_rows];
  Array values = from.values({count, r, c}), columns(DType::i32, {count});
  std::int32_t* const column_of = columns.values<std::int32_t>().data();
  from.with_elements(values, [&]<class Element>(const Element* elements, Element* kept) {
    // Of some blocks, one row: that of the matrix, `c` columns from each block's first on, those of the last block that there are.
    const auto pack_row = [&](std::int64_t row, const std::int32_t* blocks, std::int64_t found, Element* to) {
      const Element* const all = elements + row * across;
      const std::uint8_t* const mask = from.mask_from(row);
      for (std::int64_t i = 0; i < found; ++i, to += r * c) {
        const std::int64_t first = blocks[i] * c, wide = std::min(c, across - first);
        for (std::int64_t j = 0; j < wide; ++j) to[j] = Packer::masked(all[first + j], mask[first + j]);
        std::fill(to + wide, to + c, Element{0});
      }
    };
    const std::int64_t* const kept_in = from.row_offsets().values<std::int64_t>().data();
    for_each_rows(block_rows, dense.count(), [&](const RowRange& part) {
      StoredBlocks stored(from, r, c);
      KeptLine<Element> line(from);
      for (std::int64_t row = part.begin; row < part.end; ++row) {
        std::int32_t* const blocks = column_of + by_row[row];
        Element* const to = kept + by_row[row] * r * c;
        const std::int64_t found = stored.find(row, blocks, by_row[part.end] - by_row[row]), high = std::min(r, from.rows() - row * r);
        if (high < r) std::fill_n(to, found * r * c, Element{0});
        for (std::int64_t i = 0; i < high; ++i) {
          if (c == 1 && kept_in[row * r + i + 1] - kept_in[row * r + i] == found) {
            line.take(row * r + i, elements, to + i, r);
          } else {
            pack_row(row * r + i, blocks, found, to + i * c);
          }
        }
      }
    });
  });
  return {values, offsets, columns};
}

// Whether a mask keeps of every block all or nothing.
bool whole(const Packer& from, std::int64_t r) {
  for (std::int64_t row = 0; row < from.rows(); ++row) {
    for (std::int64_t column = 0; column < from.columns(); ++column) {
      if (from.kept(row, column) != from.kept(row / r * r, column)) return false;
    }
  }
  return true;
}

// Pieces of columns, which kernels take best: of the largest height that fits, and of its halves.
std::vector<Attributes> fits(const Array& keep) {
  const Packer from(keep, keep);
  std::vector<Attributes> all;
  for (const std::int64_t r : {8, 4, 2}) {
    if (all.empty() && !whole(from, r)) continue;
    all.push_back({{"r", r}, {"c", std::int64_t{1}}});
  }
  return all;
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes& numbers) {
  const ComponentCheck check("blocks", components, component_names);
  const std::int64_t r = number_of(numbers, "r"), c = number_of(numbers, "c"), count = components[2].count();
  check.sizes(0, {count, r, c});
  check.offsets(1, divided_up(size[0], r), count);
  check.sizes(2, {count});
  check.range(2, 0, divided_up(size[1], c));
  check.rising(1, 2);
}

std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t r = call.integer("r"), c = call.integer("c"), count = call.integer("count");
  const std::int64_t rows = keep.size(0).constant(), columns = keep.size(1).constant();
  BlockGeometry{r, c}.check_whole(rows, columns, call.op().name);
  if (count % (r * c) != 0) call.fail(fmt::format("{} elements are no blocks of {} x {}", count, r, c));
  const Var kept = sum(cast(reshape(keep, {rows / r, r, columns / c, c}), DType::i64), {1, 3});
  const Var blocks = build.call("less", {build.constant(DType::i64, 0), kept});
  const Var elements = places_of(build, blocks, count / (r * c)).elements;
  const std::int64_t across = columns / c;
  const Var at = elements - divided(build, elements, across) * static_cast<double>(across);
  return {offsets_of(build, blocks), cast(at, DType::i32)};
}

const RegisterLayout blocks{{.name = "blocks",
                             .about = "dense blocks of r rows and c columns, by rows",
                             .components = {{"values"}, {"offsets"}, {"columns"}},
                             .numbers = BlockGeometry::numbers(),
                             .points = points,
                             .values_shape =
                                 [](const Call& call, int first) {
                                   return Shape{call.size(first + 1, 0), Dim(call.integer("r")), Dim(call.integer("c"))};
                                 },
                             .place_shapes =
                                 [](const Call& call, int first) {
                                   const Dim rows = ceil_div(call.dims("size")[0], call.integer("r"));
                                   return std::vector<Shape>{{rows + Dim(1)}, {call.size(first + 1, 0)}};
                                 },
                             .pack = pack,
                             .fits = fits,
                             .check = check,
                             .places = places,
                             .masks = RunningMasks::known}};

}  // namespace
}  // namespace neap::blocks_layout

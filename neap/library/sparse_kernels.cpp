// The driver of sparse products, after Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008). For a few columns
// of x at a time: rows of x are packed into a panel that stays in cache while all rows of W pass by, whose sums stay in the second cache.
#include "neap/library/sparse_kernels.h"

#include <algorithm>
#include <numeric>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// Groups of rows of W, from begin to end, times some columns of x in several panels. A few groups at a time meet all of them, so that what
// is read of W for one panel is near for the next.
template <class Kind>
void multiply_columns(const Kind& side, const std::vector<Columns>& all, Count begin, Count end) {
  static thread_local Buffer panels, all_sums;
  constexpr Count batch_rows = 64;
  const Count height = side.height, count = static_cast<Count>(all.size()), batch = std::max<Count>(1, batch_rows / height);
  const bool keeps = side.tiles() > 1;  // sums from one K tile to the next
  const Count of_panel = side.deepest() * all[0].width, of_sums = (keeps ? end - begin : batch) * height * all[0].width;
  float *const panel = panels.of(count * of_panel), *const sums = all_sums.of(count * of_sums);
  for (Count k = 0; k < side.tiles(); ++k) {
    const bool last = k + 1 == side.tiles();
    const Count here = side.columns_in(k), deep = last ? 0 : side.columns_in(k + 1);
    for (Count p = 0; p < count; ++p) all[p].pack(side.begin(k), here, side.end(k) - side.begin(k) - here, panel + p * of_panel);
    Count asked = 0;  // rows of the next panels, a few at a time, so that they come in while there is other work
    for (Count group = begin; group < end; group += batch) {
      const Count groups = std::min(batch, end - group), row = group * height, until = deep * (group + groups - begin) / (end - begin);
      for (Count p = 0; p < count; ++p) {
        const Columns& columns = all[p];
        float* const mine = sums + p * of_sums + (keeps ? (group - begin) * height * columns.width : 0);
        for (Count next = asked; next < until; ++next) columns.ask(side.end(k) + next);
        side.tile(false, columns.vectors())(side.part(group, groups, end - group, k), panel + p * of_panel, mine, k == 0);
        if (last) columns.finish(row, std::min(groups * height, side.rows - row), mine);
      }
      asked = until;
    }
  }
}

// `together`: as many panels as meet a few rows of W one after the other.
template <class Kind>
void drive(const Kind& side, const Product& product, int widest, Count together = 1) {
  const Count wide = widest * side.micro.lanes, of_image = divided_up(product.width, wide);
  together = std::max<Count>(1, std::min(together, product.images * of_image / product.threads));
  const Count sets = divided_up(of_image, together), across = product.images * sets;
  constexpr Count most_rows = 1024;  // whose sums stay in the second cache
  Count down = side.tiles() > 1 ? std::max<Count>(1, divided_up(side.rows, most_rows)) : 1;
  if (product.y_windows == nullptr && across * down % product.threads != 0 && across * down < 8 * product.threads) down *= product.threads;
  const Count groups = divided_up(side.groups(), down);
  for_each_piece(product, sets * down, [&](Count number) {
    const Count image = number / down / sets, set = number / down % sets;
    const Count begin = std::min(number % down * groups, side.groups()), end = std::min(begin + groups, side.groups());
    Product mine = product;
    mine.x += image * product.x_image;
    mine.y += image * product.y_image;
    std::vector<Columns> all;
    for (Count panel = set * together; panel < std::min((set + 1) * together, of_image); ++panel) {
      const Count count = std::min(wide, product.width - panel * wide);
      all.push_back({side.micro, mine, panel * wide, count, vectors_for(side, false, count, widest) * side.micro.lanes});
    }
    multiply_columns(side, all, begin, end);
  });
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
  constexpr int row_vectors = 4;
  const bool several_panels = product.width * product.images > row_vectors * t.lanes;  // for which packing pays
  if (w.height == 1 && w.width == 1 && (several_panels || w.order.at != nullptr)) {
    const Count deep = columns_in(machine().l1_bytes * 3 / 2, Count{row_vectors} * t.lanes);
    drive(RowSide(w, deep, t, product.threads), product, row_vectors);
    return;
  }
  const int most = product.isa != Isa::avx512 ? 6 : w.height == 1 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.blocks(w.value, w.height, w.width, false, v); });
  const bool is_full = 2 * (w.offsets[divided_up(w.rows, w.height)] - w.offsets[0]) * w.height * w.width > w.rows * w.columns;
  drive(BlockSide(w, columns_in(machine().l2_bytes * 3 / 8, Count{vectors} * t.lanes), t, product.threads), product, vectors,
        is_full ? 4 : 1);
}

// As blocks of as many rows as the machine transposes at once, with every column.
void multiply(const DenseMatrix& w, const Product& product) {
  const int height = tiles(product.isa).lanes;
  const Count groups = divided_up(w.rows, height);
  static thread_local Buffer packed;
  float* const values = packed.of(groups * w.columns * height);
#pragma omp parallel for schedule(static) num_threads(product.threads) if (product.threads > 1)
  for (Count group = 0; group < groups; ++group) {
    const Count row = group * height;
    tiles(product.isa)
        .transpose(std::min<Count>(height, w.rows - row), w.columns, w.values + row * w.stride, w.stride, values + row * w.columns, height);
  }
  std::vector<std::int32_t> columns(static_cast<std::size_t>(groups * w.columns));
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(groups) + 1);
  for (Count group = 0; group < groups; ++group)
    std::iota(columns.begin() + group * w.columns, columns.begin() + (group + 1) * w.columns, 0);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<Count>(i) * w.columns;
  multiply(BlockMatrix{.rows = w.rows,
                       .columns = w.columns,
                       .height = height,
                       .values = values,
                       .offsets = {offsets.data(), true},
                       .columns_of = columns.data()},
           product);
}

}  // namespace neap::sparse

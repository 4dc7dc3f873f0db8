// The driver of sparse products, after Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008). For a few columns
// of x at a time: rows of x are packed into a panel that stays in cache while all rows of W pass by, whose sums stay in the second cache.
#include "neap/library/sparse_kernels.h"

#include <algorithm>
#include <numeric>

#include "neap/library/sparse_sides.h"

namespace neap::sparse {
namespace {

// How W and x meet, which is measured: so many rows of W pass by all K tiles while their sums stay near, and meet so many panels one after
// the other, so that what is read of W for one panel is near for the next.
struct Walk {
  Count rows, panels;
};

// work(panel, row, rows) for all rows of panels side by side: a few rows of each, then the next, so that a matrix `in_rows` is gone through
// as it stands in memory.
template <class Work>
void for_each_row(Count panels, Count rows, bool in_rows, Work work) {
  constexpr Count few = 2;
  const Count step = in_rows ? few : std::max<Count>(1, rows);
  for (Count row = 0; row < rows; row += step) {
    for (Count p = 0; p < panels; ++p) work(p, row, std::min(step, rows - row));
  }
}

// Groups of rows of W, from begin to end, times some columns of x in several panels, which are packed once.
template <class Kind>
void multiply_columns(const Kind& side, const Product& product, const std::vector<Columns>& all, Count begin, Count end, Count rows) {
  static thread_local Buffer panels, all_sums;
  constexpr Count rows_of_one_tile = 128;  // whose sums are finished while they are near
  const Count height = side.height, count = static_cast<Count>(all.size());
  const Count step = std::clamp<Count>((side.tiles() == 1 ? rows_of_one_tile : rows) / height, 1, end - begin);
  Count width = 0;
  for (const Columns& each : all) width = std::max(width, each.width);
  const bool keeps = step < end - begin;  // panels, for all rows
  const Count of_panel = (keeps ? side.end(side.tiles() - 1) : side.deepest()) * width, of_sums = step * height * width;
  float *const packed = panels.of(count * of_panel), *const sums = all_sums.of(count * of_sums);
  for (Count from = begin; from < end; from += step) {
    const Count groups = std::min(step, end - from), row = from * height;
    for (Count k = 0; k < side.tiles(); ++k) {
      const Count first = side.begin(k), columns = side.columns_in(k), padding = side.end(k) - first - columns;
      const auto panel = [&](Count p) { return packed + p * of_panel + (keeps ? first * all[p].width : 0); };
      if (from == begin) {
        for_each_row(count, columns, !product.x_transposed && product.windows == nullptr,
                     [&](Count p, Count at, Count few) { all[p].pack(first + at, few, panel(p) + at * all[p].width); });
        for (Count p = 0; p < count; ++p) std::fill_n(panel(p) + columns * all[p].width, padding * all[p].width, 0.0F);
      }
      for (Count p = 0; p < count; ++p) {
        const auto tile = side.tile(false, all[p].vectors());
        const auto add = [&](const auto& part, Count at) { tile(part, panel(p), sums + p * of_sums + at * height * all[p].width, k == 0); };
        if (p == 0) {
          side.fetch(side.part(from, groups, k), add);
        } else {
          add(side.part(from, groups, k), 0);
        }
      }
    }
    for_each_row(count, std::min(groups * height, side.rows - row), !product.y_transposed && product.y_windows == nullptr,
                 [&](Count p, Count at, Count few) { all[p].finish(row + at, few, sums + p * of_sums + at * all[p].width); });
  }
}

// How many panels are a piece of work: as many as W is best walked with; of several threads, as many as leave each the same to do but for a
// sixteenth, in enough pieces that one which is held up is helped.
Count panels_of_piece(Count panels, Count most, Count threads) {
  constexpr Count pieces_of_thread = 6;
  const auto is_fair = [&](Count each) {
    const Count pieces = divided_up(panels, each), load = divided_up(pieces, threads) * each;
    return pieces >= pieces_of_thread * threads && 16 * load <= 17 * divided_up(panels, threads);
  };
  Count each = std::max<Count>(1, most);
  while (threads > 1 && each > 1 && !is_fair(each)) --each;
  return each;
}

// Threads share the columns of x, in panels alike wide, where there are enough; else the rows of W, by what these store.
// Micro-kernels for up to four vectors add in the same order, so that where columns are cut does not matter.
template <class Kind>
void drive(const Kind& side, const Product& product, int widest, const Walk& walk) {
  const Count lanes = side.micro.lanes, vectors = divided_up(product.width, lanes), threads = product.threads;
  const auto multiple = [&](Count count) { return divided_up(count, threads) * threads; };
  Count of_image = divided_up(vectors, widest);
  const bool adds = product.y_windows != nullptr;  // to a picture, in the order of panels
  const bool is_even = !adds && widest <= 4 && product.images % threads != 0 && of_image >= threads && multiple(of_image) <= vectors;
  if (is_even) of_image = multiple(of_image);
  const auto first = [&](Count panel) { return (is_even ? panel * vectors / of_image : panel * widest) * lanes; };

  const Count most_kept = 8 * machine().l2_bytes;  // of x, where many panels would take more
  const Count most =
      std::min(columns_in(most_kept, widest * lanes) / std::max<Count>(1, side.columns), product.images * of_image / threads);
  const Count sets = divided_up(of_image, panels_of_piece(of_image, std::min(walk.panels, most), product.images == 1 ? threads : 1));
  const Count down = adds ? 1 : shares(product.images * sets, product.threads);
  for_each_piece(product, sets * down, [&](Count number) {
    const Count image = number / down / sets, set = number / down % sets;
    const Count begin = group_begin(side, number % down, down), end = group_begin(side, number % down + 1, down);
    if (begin == end) return;
    Product mine = product;
    mine.x += image * product.x_image;
    mine.y += image * product.y_image;
    std::vector<Columns> all;
    for (Count panel = set * of_image / sets; panel < (set + 1) * of_image / sets; ++panel) {
      const Count count = std::min(first(panel + 1), product.width) - first(panel);
      all.push_back({side.micro, mine, first(panel), count, vectors_for(side, false, count, widest) * lanes});
    }
    multiply_columns(side, mine, all, begin, end, walk.rows);
  });
}

}  // namespace

const Tiles& tiles(Isa isa) { return isa == Isa::avx512 ? tiles_avx512() : isa == Isa::avx2 ? tiles_avx2() : tiles_portable(); }

// Sizes of panels: measured on Zen 4, with AVX2 on Zen 3. A panel that is read once or twice for each value fits the first cache; blocks of
// more rows read it seldom enough for the second. Panels meet W one after the other where what is read of W weighs as much as they do.
void multiply(const NmgMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const bool is_wide = product.isa == Isa::avx512;
  const int most = !is_wide ? 6 : w.n == 1 && w.m == 10 ? 2 : w.m == 8 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.nmg(w.value, w.n, w.m, w.wide, false, v); });
  const Count deep = columns_in(machine().l1_bytes, Count{vectors} * t.lanes);
  const NmgSide side(w, deep, t);
  drive(side, product, vectors,
        side.slots <= deep ? Walk{.rows = is_wide ? 512 : 128, .panels = 24 / vectors} : Walk{.rows = 1024, .panels = 2});
}

void multiply(const BlockMatrix& w, const Product& product) {
  constexpr Count few_of_row = 20;  // single elements: what a row has of a K tile pays for loading and storing its sums
  const Tiles& t = tiles(product.isa);
  const bool is_wide = product.isa == Isa::avx512;
  const int row_vectors = is_wide ? 4 : 6;
  const bool several_panels = product.width * product.images > row_vectors * t.lanes;  // for which packing pays
  if (w.height == 1 && w.width == 1 && (several_panels || w.order.at != nullptr)) {
    const Count width = Count{row_vectors} * t.lanes, of_row = (w.offsets[w.rows] - w.offsets[0]) / std::max<Count>(1, w.rows);
    const Count near = columns_in(machine().l1_bytes * (is_wide ? 3 : 2) / 2, width), most = columns_in(machine().l2_bytes * 3 / 8, width);
    const Count deep = is_wide ? near : std::clamp(few_of_row * w.columns / std::max<Count>(1, of_row), near, std::max(near, most));
    drive(RowSide(w, deep, t, product.threads), product, row_vectors, {.rows = 1024, .panels = 2});
    return;
  }
  const int most = !is_wide ? 6 : w.height == 1 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.blocks(w.value, w.height, w.width, false, v); });
  const Count stored = (w.offsets[divided_up(w.rows, w.height)] - w.offsets[0]) * w.height * w.width;
  const bool is_full = is_wide ? 5 * stored > 2 * w.rows * w.columns : 4 * stored > 3 * w.rows * w.columns;
  const Count deep = columns_in(is_full ? machine().l2_bytes / 6 : machine().l2_bytes * 3 / 8, Count{vectors} * t.lanes);
  const Walk sparser = is_wide ? Walk{.rows = 1024, .panels = 1} : Walk{.rows = 256, .panels = 4};  // whole lines of x and y
  drive(BlockSide(w, deep, t, product.threads), product, vectors, is_full ? Walk{.rows = 256, .panels = is_wide ? 4 : 8} : sparser);
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

#include "neap/library/sparse_sides.h"

#include <utility>

#include "neap/base/revolving_door.h"

namespace neap::sparse {
namespace {

// The values of a row that stand in another order, one behind the other, and room behind them.
template <class V>
const void* in_order(const BlockMatrix& matrix, Count at, Count count, Count room) {
  static thread_local Buffer row;
  V* const to = row.of<V>(count + room);
  for (Count i = 0; i < count; ++i) to[i] = static_cast<const V*>(matrix.values)[matrix.order[at + i]];
  return to;
}

const void* values_of_row(const BlockMatrix& matrix, Count at, Count count, Count room) {
  const bool is_whole = matrix.value == Value::f32;
  if (matrix.order.at == nullptr) return static_cast<const char*>(matrix.values) + at * (is_whole ? 4 : 2);
  return is_whole ? in_order<float>(matrix, at, count, room) : in_order<std::uint16_t>(matrix, at, count, room);
}

}  // namespace

Count Side::deepest() const {
  Count most = 0;
  for (Count tile = 0; tile < tiles(); ++tile) most = std::max(most, end(tile) - begin(tile));
  return most;
}

NmgSide::NmgSide(const NmgMatrix& matrix, Count tile_columns, const Tiles& of)
    : Side{matrix.rows, matrix.columns, matrix.m, of},
      w(matrix),
      slots(binomial(w.m, w.n) * w.g),
      chunks(divided_up(columns, slots)),
      chunks_per_tile(std::max<Count>(1, tile_columns / slots)) {
  for (Count chunk = 0; chunk < chunks; chunk += chunks_per_tile) bounds.push_back(chunk * slots);
  if (chunks == 0) bounds.push_back(0);
  bounds.push_back(chunks * slots);
  order_accumulators();
}

NmgPart NmgSide::part(Count group, Count groups, Count tile) const {
  const Count at = first_slot(group, tile);
  const bool has_values = w.values != nullptr;  // a side of which only the places are wanted has none
  return {.values = has_values ? behind(w.values, at * value_bytes()) : nullptr,
          .index = behind(w.index, at * index_bytes()),
          .wide = w.wide,
          .groups = groups,
          .group_slots = chunks * slots,
          .chunks = std::min(chunks_per_tile, chunks - tile * chunks_per_tile),
          .g = w.g,
          .patterns = slots / w.g,
          .n = w.n,
          .m = w.m,
          .rows = pattern_rows.data(),
          .order = order.data()};
}

// A row that stays from one pattern to the next keeps its accumulator.
void NmgSide::order_accumulators() {
  const auto n = static_cast<std::size_t>(w.n);
  std::vector<int> things(n), held(n, -1), which(n);
  for (Count pattern = 0; pattern < slots / w.g; ++pattern) {
    revolving_door(w.n, w.m, pattern, things.data());
    hold_subset(w.n, things.data(), held.data(), which.data());
    pattern_rows.insert(pattern_rows.end(), held.begin(), held.end());
    order.insert(order.end(), which.begin(), which.end());
  }
}

EvenSide::EvenSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of) : Side{matrix.rows, matrix.columns, matrix.height, of} {
  const Count wide = divided_up(columns, matrix.width);
  const Count most = matrix.rising ? std::max<Count>(1, tile_columns / matrix.width) : std::max<Count>(1, wide);
  step = divided_up(wide, std::max<Count>(1, divided_up(wide, most)));
  for (Count at = 0; at < wide; at += step) bounds.push_back(at * matrix.width);
  if (wide == 0) bounds.push_back(0);
  bounds.push_back(wide * matrix.width);
}

BlockSide::BlockSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads)
    : EvenSide(matrix, tile_columns, of), w(matrix) {
  starts.resize(static_cast<std::size_t>(groups()) * bounds.size());
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    std::vector<int> counts(static_cast<std::size_t>(tiles()));
#pragma omp for schedule(static)
    for (Count group = 0; group < groups(); ++group) {
      Count at = w.offsets[group];
      micro.count_in_tiles(w.offsets[group + 1] - at, w.columns_of + at, tiles(), step, counts.data());
      Count* start = starts.data() + group * (tiles() + 1);
      for (const int count : counts) {
        *start++ = at;
        at += count;
      }
      *start = at;
    }
  }
}

BlockPart BlockSide::part(Count group, Count groups, Count tile) const {
  return {.values = w.values,
          .columns = w.columns_of,
          .starts = starts.data() + group * (tiles() + 1) + tile,
          .groups = groups,
          .stride = tiles() + 1,
          .height = w.height,
          .width = w.width,
          .origin = begin(tile)};
}

// Each thread has rows of its own, which come one after the other in each K tile, behind those of the threads before.
RowSide::RowSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads)
    : EvenSide(matrix, tile_columns, of), value(matrix.value), offsets(matrix.offsets) {
  constexpr Count room = 32;                                               // elements that whole vectors may be read beyond a row
  static thread_local Buffer of_starts, of_counts, of_values, of_columns;  // of the calling thread, read by all
  const Count all = stored_before(rows), last = matrix.offsets[rows], many = tiles();
  Count* const first_of = of_starts.of<Count>(many * rows + 1);
  int* const counts = of_counts.of<int>(rows * many);
  float* const values = of_values.of(all);  // room for either kind
  auto* const columns_of = of_columns.of<unsigned short>(all);
  packed = {.values = values, .columns = columns_of, .starts = first_of, .groups = rows};
  std::vector<Count> places(static_cast<std::size_t>((threads + 1) * many));  // [threads, K tiles]: the next, and the last thread's ends
  const PackRow pack_row = micro.pack_row(value);

  const auto first = [&](Count share) {
    return share_begin(share, threads, rows, [&](Count row) { return stored_before(row) + row * many; });
  };
  const auto count = [&](Count share) {
    Count* const found = places.data() + share * many;
    for (Count row = first(share); row < first(share + 1); ++row) {
      const Count at = matrix.offsets[row];
      int* const here = counts + row * many;
      micro.count_in_tiles(matrix.offsets[row + 1] - at, matrix.columns_of + at, many, step, here);
      for (Count tile = 0; tile < many; ++tile) found[tile] += here[tile];
    }
  };
  const auto place = [&] {
    Count next = 0;
    for (Count tile = 0; tile < many; ++tile) {
      for (Count share = 0; share < threads; ++share) next += std::exchange(places[static_cast<std::size_t>(share * many + tile)], next);
      places[static_cast<std::size_t>(threads * many + tile)] = next;
    }
    first_of[many * rows] = all;
  };
  const auto copy = [&](Count share) {
    std::vector<Count> next(places.begin() + share * many, places.begin() + (share + 1) * many);
    const PackedRows mine{.values = values, .columns = columns_of, .next = next.data(), .ends = places.data() + (share + 1) * many};
    for (Count row = first(share); row < first(share + 1); ++row) {
      for (Count tile = 0; tile < many; ++tile) first_of[tile * rows + row] = mine.next[tile];
      const Count at = matrix.offsets[row];
      const Count in_row = matrix.offsets[row + 1] - at, readable = std::min(last - at, in_row + room);
      pack_row(values_of_row(matrix, at, in_row, room), matrix.columns_of + at, readable, counts + row * many, many, step, mine);
    }
  };
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
#pragma omp for schedule(static)
    for (int share = 0; share < threads; ++share) count(share);
#pragma omp single
    place();
#pragma omp for schedule(static)
    for (int share = 0; share < threads; ++share) copy(share);
  }
}

RowPart RowSide::part(Count row, Count count, Count tile) const {
  return {.values = packed.values, .columns = packed.columns, .starts = packed.starts + tile * rows + row, .groups = count};
}

void Columns::pack(Count row, Count rows, float* panel) const {
  if (product.windows != nullptr) {
    pack_windows(*product.windows, product.x, row, rows, first, count, panel, width);
    clear_behind(panel, rows, count, width);
  } else if (product.x_transposed) {
    micro.transpose(count, rows, product.x + first * product.x_stride + row, product.x_stride, panel, width);
    clear_behind(panel, rows, count, width);
  } else {
    micro.pack(rows, count, product.x + row * product.x_stride + first, product.x_stride, panel, width);
  }
}

void Columns::finish(Count row, Count rows, float* sums) const {
  if (rows == 0 || count == 0) return;  // y may be nowhere
  const float* const bias = product.bias == nullptr ? nullptr : product.bias + row;
  if (product.y_windows != nullptr) {
    add_windows(*product.y_windows, sums, width, row, rows, first, count, product.y);
  } else if (product.y_transposed) {
    micro.finish(rows, count, sums, width, bias, product.finish, sums, width);
    micro.transpose(rows, count, sums, width, product.y + first * product.y_stride + row, product.y_stride);
  } else {
    micro.finish(rows, count, sums, width, bias, product.finish, product.y + row * product.y_stride + first, product.y_stride);
  }
}

}  // namespace neap::sparse

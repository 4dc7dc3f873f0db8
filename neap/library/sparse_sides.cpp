#include "neap/library/sparse_sides.h"

#include "neap/base/revolving_door.h"

namespace neap::sparse {
namespace {

template <class V>
void take_in_order(const BlockMatrix& matrix, Count at, Count count, const PackedRows& to, Count place) {
  for (Count i = 0; i < count; ++i) static_cast<V*>(to.values)[place + i] = static_cast<const V*>(matrix.values)[matrix.order[at + i]];
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
  std::vector<int> things(n), held(n, -1);
  for (Count pattern = 0; pattern < slots / w.g; ++pattern) {
    revolving_door(w.n, w.m, pattern, things.data());
    for (int& row : held) {
      if (std::find(things.begin(), things.end(), row) == things.end()) row = -1;
    }
    for (const int thing : things) {
      if (std::find(held.begin(), held.end(), thing) == held.end()) *std::find(held.begin(), held.end(), -1) = thing;
    }
    for (const int row : held) {
      pattern_rows.push_back(row);
      order.push_back(static_cast<int>(std::find(things.begin(), things.end(), row) - things.begin()));
    }
  }
}

BlockSide::BlockSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads)
    : Side{matrix.rows, matrix.columns, matrix.height, of}, w(matrix) {
  const Count wide = divided_up(columns, w.width), most = w.rising ? std::max<Count>(1, tile_columns / w.width) : std::max<Count>(1, wide);
  const Count step = divided_up(wide, std::max<Count>(1, divided_up(wide, most))) * w.width;  // K tiles are of one size
  for (Count at = 0; at < columns; at += step) bounds.push_back(at);
  if (columns == 0) bounds.push_back(0);
  bounds.push_back(divided_up(columns, w.width) * w.width);
  starts.resize(static_cast<std::size_t>(groups()) * bounds.size());
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (Count group = 0; group < groups(); ++group) {
    const Count last = w.offsets[group + 1];
    Count* const start = starts.data() + group * (tiles() + 1);
    start[0] = w.offsets[group];
    for (Count tile = 1; tile < tiles(); ++tile) {  // columns rise, so that a tile has at most as many blocks as block columns
      const Count from = start[tile - 1], most_blocks = std::min(last - from, step / w.width);
      const int bound = static_cast<int>(begin(tile) / w.width);
      const bool is_full = most_blocks > 0 && w.columns_of[from + most_blocks - 1] < bound;
      start[tile] = from + (is_full ? most_blocks : micro.count_below(most_blocks, w.columns_of + from, bound));
    }
    start[tiles()] = last;
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

RowSide::RowSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads)
    : Side{matrix.rows, matrix.columns, 1, of}, value(matrix.value), offsets(matrix.offsets) {
  const BlockSide plain(matrix, tile_columns, of, threads);
  bounds = plain.bounds;
  const Count all = matrix.offsets[rows] - matrix.offsets[0], row_starts = tiles() + 1;
  starts.resize(static_cast<std::size_t>(tiles() * rows + 1));
  Count place = 0;
  for (Count tile = 0; tile < tiles(); ++tile) {
    for (Count row = 0; row < rows; ++row) {
      starts[static_cast<std::size_t>(tile * rows + row)] = place;
      const Count* const at = plain.starts.data() + row * row_starts + tile;
      place += at[1] - at[0];
    }
  }
  starts.back() = place;
  static thread_local Buffer values, columns_of;  // of the calling thread, read by all
  packed = {values.of(all), reinterpret_cast<unsigned short*>(columns_of.of(divided_up(all, 2)))};
  const PackRun pack_run = micro.pack_run(value);
  const auto copy = [&](Count row, Count tile) {
    const Count at = plain.starts[static_cast<std::size_t>(row * row_starts + tile)];
    const Count* const to = starts.data() + tile * rows + row;
    pack_run(matrix.order.at == nullptr ? matrix.values : nullptr, matrix.columns_of, at, to[1] - to[0], begin(tile), packed, to[0]);
    if (matrix.order.at != nullptr)
      (value == Value::f32 ? take_in_order<float> : take_in_order<std::uint16_t>)(matrix, at, to[1] - to[0], packed, to[0]);
  };
  const auto first = [&](Count share) {
    return share_begin(share, threads, rows, [&](Count row) { return stored_before(row) + row * tiles(); });
  };
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (int share = 0; share < threads; ++share) {
    for (Count row = first(share); row < first(share + 1); ++row) {  // read as they stand
      for (Count tile = 0; tile < tiles(); ++tile) copy(row, tile);
    }
  }
}

RowPart RowSide::part(Count row, Count count, Count tile) const {
  return {.values = packed.values, .columns = packed.columns, .starts = starts.data() + tile * rows + row, .groups = count};
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

// The driver of sparse products, after Goto and van de Geijn (Anatomy of High-Performance Matrix Multiplication, 2008). For a few columns
// of x at a time: rows of x are packed into a panel that stays in cache while all rows of W pass by, whose sums stay in the second cache.
#include "neap/library/sparse_kernels.h"

#include <algorithm>
#include <vector>

#include "neap/base/revolving_door.h"
#include "neap/library/sparse_buffer.h"

namespace neap::sparse {
namespace {

constexpr int tile_vectors[] = {1, 2, 3, 4, 6};

// What both kinds of matrices give the driver:
//   rows, height: of all, of a group
//   bounds: the columns at which K tiles begin, and the end of the last one, which may be padding
//   tile(vectors): the micro-kernel; null where there is none
//   part(first group, groups, groups that follow, K tile): what it takes
struct Side {
  Count rows, columns, height;
  std::vector<Count> bounds;
  const Tiles& micro;

  Count tiles() const { return static_cast<Count>(bounds.size()) - 1; }
  Count begin(Count tile) const { return bounds[static_cast<std::size_t>(tile)]; }
  Count end(Count tile) const { return bounds[static_cast<std::size_t>(tile) + 1]; }
  Count deepest() const {
    Count most = 0;
    for (Count tile = 0; tile < tiles(); ++tile) most = std::max(most, end(tile) - begin(tile));
    return most;
  }
};

struct NmgSide : Side {
  const NmgMatrix& w;
  Count slots, chunks, chunks_per_tile;
  std::vector<int> pattern_rows, order;

  NmgSide(const NmgMatrix& matrix, Count tile_columns, const Tiles& of)
      : Side{matrix.rows, matrix.columns, matrix.m, {}, of},
        w(matrix),
        slots(binomial(w.m, w.n) * w.g),
        chunks(divided_up(columns, slots)),
        chunks_per_tile(std::max<Count>(1, tile_columns / slots)) {
    for (Count chunk = 0; chunk < chunks; chunk += chunks_per_tile) bounds.push_back(chunk * slots);
    if (chunks == 0) bounds.push_back(0);
    bounds.push_back(chunks * slots);
    order_accumulators();
  }
  Tile<NmgPart> tile(int vectors) const { return micro.nmg(w.value, w.n, w.m, w.wide, vectors); }
  NmgPart part(Count group, Count groups, Count follow, Count tile) const {
    const Count at = (group * chunks + tile * chunks_per_tile) * slots;
    const auto move = [](const void* from, Count bytes) { return static_cast<const void*>(static_cast<const char*>(from) + bytes); };
    return {.values = move(w.values, at * w.n * (w.value == Value::f32 ? 4 : 2)),
            .index = move(w.index, at * (w.wide ? 4 : 2)),
            .wide = w.wide,
            .groups = groups,
            .group_slots = chunks * slots,
            .follow = follow,
            .chunks = std::min(chunks_per_tile, chunks - tile * chunks_per_tile),
            .g = w.g,
            .patterns = slots / w.g,
            .n = w.n,
            .m = w.m,
            .rows = pattern_rows.data(),
            .order = order.data()};
  }

 private:
  // Which row and which value of a slot each accumulator holds, pattern after pattern: a row that stays keeps its accumulator.
  void order_accumulators() {
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
};

struct BlockSide : Side {
  const BlockMatrix& w;
  std::vector<Count> starts;  // [groups, K tiles + 1]: the first block of a group at or behind each bound

  BlockSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of)
      : Side{matrix.rows, matrix.columns, matrix.height, {}, of}, w(matrix) {
    const Count step = std::max<Count>(1, tile_columns / w.width) * w.width;
    for (Count at = 0; at < columns; at += step) bounds.push_back(at);
    if (columns == 0) bounds.push_back(0);
    bounds.push_back(divided_up(columns, w.width) * w.width);
    const Count groups = divided_up(rows, height);
    starts.reserve(static_cast<std::size_t>(groups) * bounds.size());
    for (Count group = 0; group < groups; ++group) {
      const Count first = w.offsets[group], last = w.offsets[group + 1];
      starts.push_back(first);
      for (Count tile = 1; tile < tiles(); ++tile) {
        const auto bound = static_cast<std::int32_t>(begin(tile) / w.width);
        int below = 0;  // counting all of them takes less time than guessing wrong where to stop
        for (Count block = first; block < last; ++block) below += w.columns_of[block] < bound;
        starts.push_back(first + below);
      }
      starts.push_back(last);
    }
  }
  Tile<BlockPart> tile(int vectors) const { return micro.blocks(w.value, w.height, w.width, vectors); }
  BlockPart part(Count group, Count groups, Count follow, Count tile) const {
    return {.values = w.values,
            .columns = w.columns_of,
            .starts = starts.data() + group * (tiles() + 1) + tile,
            .groups = groups,
            .stride = tiles() + 1,
            .follow = follow,
            .height = w.height,
            .width = w.width,
            .origin = begin(tile)};
  }
};

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
    const Count from = side.begin(k), to = side.end(k), real = std::min(side.columns, to) - from;
    side.micro.pack(real, columns, x(from), product.x_stride, panel, width);
    std::fill(panel + real * width, panel + (to - from) * width, 0.0F);
  }

  void multiply(Count k, const float* panel, float* sums) const {
    const auto tile = side.tile(vectors);
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
  const int lanes = side.micro.lanes;
  const Count groups = divided_up(side.rows, side.height), across = divided_up(product.width, Count{widest} * lanes);
  constexpr Count most_rows = 1024;  // whose sums stay in the second cache
  Count down = divided_up(side.rows, most_rows);
  if (across * down % product.threads != 0 && across * down < 8 * product.threads) down *= product.threads;
  const Count groups_down = divided_up(groups, std::max<Count>(down, 1));
#pragma omp parallel for schedule(static) num_threads(product.threads) if (product.threads > 1)
  for (Count number = 0; number < across * down; ++number) {
    const Count first = number / down * widest * lanes, columns = std::min<Count>(Count{widest} * lanes, product.width - first);
    int vectors = widest;
    for (const int fewer : tile_vectors) {
      if (fewer < vectors && fewer * lanes >= columns && side.tile(fewer) != nullptr) vectors = fewer;
    }
    const Count begin = number % down * groups_down;
    Task<Kind>{side, product, first, columns, begin, std::min(begin + groups_down, groups), vectors}.run();
  }
}

// The widest panel that has a micro-kernel, of at most so many vectors.
template <class Get>
int widest(int most, Get tile) {
  int found = 1;
  for (const int vectors : tile_vectors) {
    if (vectors <= most && tile(vectors) != nullptr) found = vectors;
  }
  return found;
}
Count columns_in(Count bytes, int vectors, int lanes) { return std::max<Count>(1, bytes / (Count{vectors} * lanes * 4)); }

}  // namespace

const Tiles& tiles(Isa isa) { return isa == Isa::avx512 ? tiles_avx512() : isa == Isa::avx2 ? tiles_avx2() : tiles_portable(); }

// Sizes of panels: measured on Zen 4. A panel that is read once or twice for each value fits the first cache; blocks of more rows
// read it seldom enough for the second.
void multiply(const NmgMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int most = product.isa != Isa::avx512 ? 6 : w.m == 8 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.nmg(w.value, w.n, w.m, w.wide, v); });
  drive(NmgSide(w, columns_in(machine().l1_bytes, vectors, t.lanes), t), product, vectors);
}

void multiply(const BlockMatrix& w, const Product& product) {
  const Tiles& t = tiles(product.isa);
  const int most = product.isa != Isa::avx512 ? 6 : w.height == 1 ? 3 : 4;
  const int vectors = widest(most, [&](int v) { return t.blocks(w.value, w.height, w.width, v); });
  const Count bytes = w.height == 1 ? machine().l1_bytes * 3 / 2 : machine().l2_bytes * 3 / 8;
  drive(BlockSide(w, columns_in(bytes, vectors, t.lanes), t), product, vectors);
}

}  // namespace neap::sparse

// Sparse matrices as the drivers of their products see them: groups of rows, and K tiles, which are ranges of columns. Both kinds have
//   tile(transposed, vectors): the micro-kernel; null where there is none for panels so wide
//   part(group, groups, tile): what it takes of some groups in a K tile
//   fetch(part, work): work(part, 0), or work(some of its groups, how many are ahead) for all; `part` is in no cache
//   stored_before(group): how many values are stored in the groups ahead
#pragma once
#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "neap/base/blocks.h"
#include "neap/base/pieces.h"
#include "neap/library/sparse_kernels.h"

namespace neap::sparse {

inline Count divided_up(Count a, Count b) { return (a + b - 1) / b; }

struct Side {
  Count rows, columns, height;  // of all, of all, of a group
  const Tiles& micro;
  std::vector<Count> bounds = {};  // the columns at which K tiles begin, and the end of the last one, which may be padding

  Count groups() const { return divided_up(rows, height); }
  Count tiles() const { return static_cast<Count>(bounds.size()) - 1; }
  Count begin(Count tile) const { return bounds[static_cast<std::size_t>(tile)]; }
  Count end(Count tile) const { return bounds[static_cast<std::size_t>(tile) + 1]; }
  Count columns_in(Count tile) const { return std::min(end(tile), columns) - begin(tile); }  // that are no padding
  Count deepest() const;                                                                     // columns of a tile, at most
  template <class Part, class Work>
  void fetch(const Part& part, Work work) const {
    work(part, 0);
  }
};

struct NmgSide : Side {
  const NmgMatrix& w;
  Count slots, chunks, chunks_per_tile;
  std::vector<int> pattern_rows = {}, order = {};  // as in NmgPart

  NmgSide(const NmgMatrix& matrix, Count tile_columns, const Tiles& of);
  Tile<NmgPart> tile(bool transposed, int vectors) const { return micro.nmg(w.value, w.n, w.m, w.wide, transposed, vectors); }
  NmgPart part(Count group, Count groups, Count tile) const;
  template <class Work>
  void fetch(NmgPart part, Work work) const;
  Sample<NmgPart> sample() const { return micro.sample_nmg(w.n); }
  Count stored_before(Count group) const { return group * chunks * slots * w.n; }
  Count first_value(Count group, Count tile) const { return first_slot(group, tile) * w.n; }  // of part(group, ...)

 private:
  Count first_slot(Count group, Count tile) const { return (group * chunks + tile * chunks_per_tile) * slots; }
  Count value_bytes() const { return w.n * (w.value == Value::f32 ? 4 : 2); }  // of a slot
  Count index_bytes() const { return w.wide ? 4 : 2; }
  static const void* behind(const void* from, Count bytes) { return static_cast<const char*>(from) + bytes; }
  void order_accumulators();
};

// Asks for bytes that are read soon; of long runs for the beginning only, which tells the machine's own prefetcher to go on.
inline void ask_for(const void* from, Count bytes) {
  constexpr Count most = 1024, line = 64;
  for (Count at = 0; at < std::min(bytes, most); at += line) __builtin_prefetch(static_cast<const char*>(from) + at);
}

// A group's elements of a K tile stand far from the next group's, which are asked for a group ahead.
template <class Work>
void NmgSide::fetch(NmgPart part, Work work) const {
  const Count groups = part.groups, stored = part.chunks * slots;
  part.groups = 1;
  for (Count group = 0; group < groups; ++group) {
    const NmgPart now = part;
    if (group + 1 < groups) {
      part.values = behind(part.values, part.group_slots * value_bytes());
      part.index = behind(part.index, part.group_slots * index_bytes());
      ask_for(part.values, stored * value_bytes());
      ask_for(part.index, stored * index_bytes());
    }
    work(now, group);
  }
}

// A matrix whose K tiles are alike wide: so many blocks, or columns.
struct EvenSide : Side {
  Count step;  // blocks
  EvenSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of);
};

struct BlockSide : EvenSide {
  const BlockMatrix& w;
  std::vector<Count> starts = {};  // [groups, K tiles + 1]: the first block of a group at or behind each bound

  BlockSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads = 1);  // made by so many
  Tile<BlockPart> tile(bool transposed, int vectors) const { return micro.blocks(w.value, w.height, w.width, transposed, vectors); }
  BlockPart part(Count group, Count groups, Count tile) const;
  Sample<BlockPart> sample() const { return micro.sample_blocks(w.height); }
  Count stored_before(Count group) const { return (w.offsets[group] - w.offsets[0]) * w.height * w.width; }
  Count first_value(Count, Count) const { return 0; }
};

// CSR with the elements of each K tile one row after the other, copied on so many threads: what is read for one panel is one stream.
struct RowSide : EvenSide {
  RowSide(const BlockMatrix& matrix, Count tile_columns, const Tiles& of, int threads);
  Tile<RowPart> tile(bool, int vectors) const { return micro.rows(value, vectors); }
  RowPart part(Count row, Count count, Count tile) const;
  Count stored_before(Count row) const { return offsets[row] - offsets[0]; }

 private:
  Value value;
  Offsets offsets;
  RowPart packed = {};  // all of it: starts are [K tiles, rows], and the end
};

constexpr int tile_vectors[] = {1, 2, 3, 4, 6};
// The widest panel of at most so many vectors for which there is a micro-kernel: tile(vectors) is not null.
template <class Get>
int widest(int most, Get tile) {
  int found = 1;
  for (const int vectors : tile_vectors) {
    if (vectors <= most && tile(vectors) != nullptr) found = vectors;
  }
  return found;
}
// The narrowest panel that holds so many columns of x, at most `most` vectors.
template <class Kind>
int vectors_for(const Kind& side, bool transposed, Count columns, int most) {
  for (const int vectors : tile_vectors) {
    if (vectors < most && vectors * side.micro.lanes >= columns && side.tile(transposed, vectors) != nullptr) return vectors;
  }
  return most;
}
// Columns of W whose rows of x fill so many bytes.
inline Count columns_in(Count bytes, Count width) { return std::max<Count>(1, bytes / (width * 4)); }

// Some columns of a product, on one thread.
struct Columns {
  const Tiles& micro;
  const Product& product;
  Count first, count, width;  // width: of panels and sums

  int vectors() const { return static_cast<int>(width / micro.lanes); }
  // Rows of x into a panel.
  void pack(Count row, Count rows, float* panel) const;
  // Rows of y from their sums, which are changed.
  void finish(Count row, Count rows, float* sums) const;
};

// Of rows `width` long, what is behind the first `count` elements, to 0.
inline void clear_behind(float* panel, Count rows, Count count, Count width) {
  for (Count i = 0; count < width && i < rows; ++i) std::fill(panel + i * width + count, panel + (i + 1) * width, 0.0F);
}

// Columns `first` to first + count of some rows of x, into a panel whose rows are `width` apart; what is behind them is left alone.
void pack_windows(const Windows& windows, const float* x, Count row, Count rows, Count first, Count count, float* panel, Count width);
// The other way round: sums are added to y.
void add_windows(const Windows& windows, const float* sums, Count width, Count row, Count rows, Count first, Count count, float* y);

// Into how many parts so many pieces of work are cut, so that all threads have as much to do; of many pieces they have anyhow.
inline Count shares(Count pieces, int threads) { return pieces % threads != 0 && pieces < 8 * threads ? threads : 1; }

// Where share number `share` of `shares` of so many things begins, so that all weigh about the same; those ahead of thing i weigh
// before(i).
template <class Before>
Count share_begin(Count share, Count shares, Count things, Before before) {
  const double wanted = static_cast<double>(before(things)) * static_cast<double>(share) / static_cast<double>(shares);
  Count first = 0, last = things;
  while (first < last) {
    const Count middle = first + (last - first) / 2;
    if (static_cast<double>(before(middle)) < wanted) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return share >= shares ? things : first;
}
// Of the groups of a matrix, by the values that they store: a few rows of a graph may have most. A row takes as long as some values do.
template <class Kind>
Count group_begin(const Kind& side, Count share, Count shares) {
  constexpr Count row = 8;  // cycles from a row to the next, by those of a value
  return share_begin(share, shares, side.groups(), [&](Count group) { return side.stored_before(group) + group * side.height * row; });
}

// work(number) for all pieces of a product, of which an image has so many, on all threads. Where windows are added to a picture, one thread
// makes it.
template <class Work>
void for_each_piece(const Product& product, Count of_image, Work work) {
  const Count share = product.y_windows == nullptr ? 1 : std::max<Count>(1, of_image);
  share_out(static_cast<std::size_t>(product.images * of_image / share), product.threads, [&](std::size_t number) {
    const auto part = static_cast<Count>(number);
    if (product.y_windows != nullptr) std::fill_n(product.y + part * product.y_image, product.y_image, 0.0F);
    for (Count i = part * share; i < (part + 1) * share; ++i) work(i);
  });
}

// Memory of a thread that is kept between calls, at the beginning of a line. What fills a good part of a second cache is in large pages:
// small ones lie anywhere, and those that meet in the cache would push each other out of it.
class Buffer {
 public:
  template <class T = float>
  T* of(Count count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > bytes_) {
      memory_ = allocate_block(bytes < least_scattered ? bytes : std::max(bytes, least_large_block));
      if (memory_ == nullptr) throw std::bad_alloc();
      bytes_ = bytes;
    }
    return static_cast<T*>(memory_.get());
  }

 private:
  static constexpr std::size_t least_scattered = std::size_t{128} << 10;
  std::shared_ptr<void> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace neap::sparse

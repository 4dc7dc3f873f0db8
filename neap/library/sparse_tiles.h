// The micro-kernels of sparse products (sparse_kernels.h): each adds the products of some groups of rows of a sparse matrix and a panel of
// x to the sums of those rows. A panel holds rows of x side by side, `vectors` machine vectors of each. Compiled once for each instruction
// set; nothing of the standard library may be in those files, so that no shared function is compiled for a newer CPU.
#pragma once

namespace neap::sparse {

using Count = long long;

// What a stored value is; sums are f32.
enum class Value : unsigned char { f32, bf16 };

// The stored elements of some groups of m rows in some chunks.
struct NmgPart {
  const void* values;  // of a group: [chunks, patterns, g, n]
  const void* index;   // [chunks, patterns, g]: i16, i32 where wide
  bool wide;
  Count groups, group_slots;  // slots from a group to the next
  Count chunks, g, patterns;
  int n, m;
  const int* rows;   // [patterns, n]: of the accumulators of a pattern; neighbours differ in one
  const int* order;  // [patterns, n]: which value of a slot belongs to which accumulator
};

// Some rows of blocks: those of group i stand from starts[i * stride] to starts[i * stride + 1].
struct BlockPart {
  const void* values;  // [blocks, height, width]
  const int* columns;  // of blocks
  const Count* starts;
  Count groups, stride;
  int height, width;
  Count origin;  // column of x at which the panel begins
};

// Single elements of some rows in a K tile, as they are packed for it: those of row i stand from starts[i] to starts[i + 1].
struct RowPart {
  const void* values;
  const unsigned short* columns;  // rows of the panel
  const Count* starts;
  Count groups;
};
// Where they are packed: those of a row in K tile t come to next[t], which moves on; what stands behind them may be overwritten, up to
// ends[t].
struct PackedRows {
  void* values;
  unsigned short* columns;
  Count* next;
  const Count* ends;
};

enum class Finish : unsigned char { none, relu, gelu, swish };

// The sums are set where `first`, else added to. Transposed: the panel holds the rows of x that belong to the groups, the sums are those of
// the K tile's columns and always added to.
template <class Part>
using Tile = void (*)(const Part& part, const float* panel, float* sums, bool first);

// A product at stored places only: values[of row r and column c] = sum over f of x[r, f] * panel[c, f].
struct Sampling {
  const float* panel;  // [columns of the K tile, width]
  Count width, count;  // features in it
  Count columns;       // that are no padding
  const float* x;      // the first group's first row
  Count stride, rows;  // from it on, that are no padding
  float* values;       // as the part's; 0 at padding
  bool first;          // set, not added to
};
template <class Part>
using Sample = void (*)(const Part& part, const Sampling& sampling);

// A row of which counts[t] elements are in K tile t, whose first column is t * step; from its first element on so many may be read.
using PackRow = void (*)(const void* values, const int* columns, Count readable, const int* counts, Count tiles, Count step,
                         const PackedRows& to);

struct Tiles {
  int lanes;
  // The micro-kernel for panels of so many vectors, of 1, 2, 3, 4 and 6; null: there is none, as where the
  // registers do not hold its sums.
  Tile<NmgPart> (*nmg)(Value value, int n, int m, bool wide, bool transposed, int vectors);
  Tile<BlockPart> (*blocks)(Value value, int height, int width, bool transposed, int vectors);
  Tile<RowPart> (*rows)(Value value, int vectors);
  Sample<NmgPart> (*sample_nmg)(int n);
  Sample<BlockPart> (*sample_blocks)(int height);
  PackRow (*pack_row)(Value value);
  // How many of some rising columns are in each K tile: in tile t from t * step on, in the last all that are left.
  void (*count_in_tiles)(Count count, const int* columns, Count tiles, Count step, int* counts);
  // Whether all are in [0, limit); one that is less than the one ahead of it makes `rising` false.
  bool (*all_within)(Count count, const int* from, int limit, bool& rising);
  // Rows of `columns` elements into a panel `width` wide; what is beyond is 0.
  void (*pack)(Count rows, Count columns, const float* from, Count stride, float* panel, Count width);
  // to[j, i] = from[i, j]
  void (*transpose)(Count rows, Count columns, const float* from, Count stride, float* to, Count to_stride);
  // to[i, j] = finish(sums[i, j] + bias[i]); bias may be null.
  void (*finish)(Count rows, Count columns, const float* sums, Count width, const float* bias, Finish finish, float* to, Count stride);
};

const Tiles& tiles_portable();
const Tiles& tiles_avx2();
const Tiles& tiles_avx512();

}  // namespace neap::sparse

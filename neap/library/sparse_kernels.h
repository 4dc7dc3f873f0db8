// Products of sparse matrices with dense ones, for n:m:g, blocks and CSR: what the layouts' operators run on. Dense matrices are row-major
// f32, their rows `stride` elements apart; the columns of x and y (tokens, features) are contiguous and of any number. Results do not
// depend on the number of threads. The components of a sparse matrix are trusted: who takes them from outside checks them first.
#pragma once
#include <cstdint>

#include "neap/base/machine.h"
#include "neap/library/sparse_tiles.h"

namespace neap::sparse {

// W [rows, columns] in grouped n:m form: rows in groups of m, columns in chunks of P * g with P = binomial(m, n), both padded. In each
// chunk of a group, every slot of pattern p (base/revolving_door.h) stores n values of one column: value j is in row p's thing j of the
// group.
struct NmgMatrix {
  Count rows = 0, columns = 0;
  int n = 1, m = 1;
  Count g = 1;
  Value value = Value::f32;
  const void* values = nullptr;  // [ceil(rows / m), ceil(columns / (P * g)), P, g, n]; 0 where the column is beyond the last
  const void* index = nullptr;   // [ceil(rows / m), ceil(columns / (P * g)), P, g]: the column inside its chunk, i16
  bool wide = false;             // i32, where P * g is more than 32767
};

// Of i32 or i64.
struct Offsets {
  const void* at = nullptr;
  bool wide = false;
  Count operator[](Count i) const { return wide ? static_cast<const std::int64_t*>(at)[i] : static_cast<const std::int32_t*>(at)[i]; }
};

// W [rows, columns] as blocks of height x width in rows of blocks, padded; 1 x 1 is CSR.
struct BlockMatrix {
  Count rows = 0, columns = 0;
  int height = 1, width = 1;
  Value value = Value::f32;
  const void* values = nullptr;              // [blocks, height, width]; 0 where the row or the column is beyond the last
  Offsets offsets;                           // [ceil(rows / height) + 1]
  const std::int32_t* columns_of = nullptr;  // [blocks]: the column of each block, counted in blocks
  bool rising = true;                        // columns, within each row of blocks; else they are not cut into tiles
  Offsets order = {};                        // of CSR: where among the values element i's stands, as in a list by columns; at i where null
};

// W [rows, columns] with all elements stored. It is packed for each product: dense and sparse matrices go through one driver.
struct DenseMatrix {
  Count rows = 0, columns = 0;
  const float* values = nullptr;
  Count stride = 0;
};

// x as the windows of a convolution over pictures [channels, height, width]: row (c * kernel_height + r) * kernel_width + s, column
// oh * out_width + ow of it is the tap (r, s) of channel c at that place; 0 where the window leaves the picture.
struct Windows {
  Count height = 0, width = 0, kernel_height = 1, kernel_width = 1, out_width = 0;
  Count row_stride = 1, column_stride = 1, row_dilation = 1, column_dilation = 1, top = 0, left = 0;  // top, left: padding
  bool are_pictures() const {  // each window is one element, in order
    return kernel_height == 1 && kernel_width == 1 && row_stride == 1 && column_stride == 1 && top == 0 && left == 0 && out_width == width;
  }
};

// y [rows, width] = finish(W x + bias) with x [columns, width] and bias [rows], or null.
struct Product {
  const float* x = nullptr;
  Count x_stride = 0;
  bool x_transposed = false;  // x is [width, columns]
  const float* bias = nullptr;
  Finish finish = Finish::none;
  float* y = nullptr;
  Count y_stride = 0;
  bool y_transposed = false;  // y is [width, rows]
  Count width = 0;
  const Windows* windows = nullptr;  // x is pictures, `width` is of all places of a window; x_stride is not used
  // y is pictures, the rows of W x are taps of windows: each is added where it stands. Without bias or function; y_stride is not used.
  const Windows* y_windows = nullptr;
  Count images = 1;  // products with the same W, of x and y so many elements apart
  Count x_image = 0, y_image = 0;
  int threads = 1;
  Isa isa = best_isa();
};
void multiply(const NmgMatrix& w, const Product& product);
void multiply(const BlockMatrix& w, const Product& product);
void multiply(const DenseMatrix& w, const Product& product);

// The gradient of x: y [columns, width] = finish(W^T x + bias) with x [rows, width] and bias [columns], or null; x is no windows.
void multiply_transposed(const NmgMatrix& w, const Product& product);
void multiply_transposed(const BlockMatrix& w, const Product& product);  // values in the order of their columns

// The gradient of the values, as they are stored, f32: of row r and column c, the sum over f of dy[r, f] * x[c, f]; 0 where there is
// padding.
struct SampledProduct {
  const float* dy = nullptr;  // [rows, width]
  Count dy_stride = 0;
  const float* x = nullptr;  // [columns, width]
  Count x_stride = 0;
  float* values = nullptr;
  Count width = 0;
  const Windows* windows = nullptr;  // as of a Product
  Count images = 1;                  // which are summed, dy and x so many elements apart
  Count dy_image = 0, x_image = 0;
  int threads = 1;
  Isa isa = best_isa();
};
// Features are taken so many at a time, of several images where these fit.
constexpr Count most_sampled = 512;
void multiply_sampled(const NmgMatrix& w, const SampledProduct& product);  // the matrix's own values are not read
void multiply_sampled(const BlockMatrix& w, const SampledProduct& product);

const Tiles& tiles(Isa isa);

}  // namespace neap::sparse

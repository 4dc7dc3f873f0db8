// Kernels of sparse products take the places of elements as they come: what would lie outside of the matrix is refused ahead of them.
#pragma once
#include "neap/library/sparse_kernels.h"

namespace neap::sparse {

// Whether all are in [least, limit).
template <class T>
bool all_within(const T* places, Count count, Count least, Count limit) {
  bool outside = false;
#pragma omp simd reduction(| : outside)
  for (Count i = 0; i < count; ++i) outside |= places[i] < least || places[i] >= limit;
  return !outside;
}

// Offsets that rise within the `stored` elements, and columns of the matrix. Says in `rising` whether columns rise within each row, without
// which they are not cut into tiles. Error on the first row whose places do not lie in the matrix, and, where values are taken (there are
// none yet), if rows do not hold all elements.
void check_places(BlockMatrix& matrix, Count stored);
// Likewise of columns within their chunks, `count` of them.
void check_places(const NmgMatrix& matrix, Count count);
// The places of `count` values in another order. Error on one that is not below `stored`.
void check_order(const Offsets& order, Count count, Count stored);

}  // namespace neap::sparse

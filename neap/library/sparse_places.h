// Kernels of sparse products take the places of elements as they come: what would lie outside of the matrix is refused ahead of them.
#pragma once
#include <limits>

#include "neap/library/sparse_kernels.h"

namespace neap::sparse {

// Whether all are in [least, limit).
template <class T>
bool all_within(const T* places, Count count, Count least, Count limit) {
  T smallest = std::numeric_limits<T>::max(), largest = std::numeric_limits<T>::min();  // as narrow as they are: more are in a register
#pragma omp simd reduction(min : smallest) reduction(max : largest)
  for (Count i = 0; i < count; ++i) {
    smallest = places[i] < smallest ? places[i] : smallest;
    largest = places[i] > largest ? places[i] : largest;
  }
  return count == 0 || (smallest >= least && largest < limit);
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

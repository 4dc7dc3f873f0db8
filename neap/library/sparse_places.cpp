#include "neap/library/sparse_places.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/revolving_door.h"
#include "neap/library/sparse_sides.h"
#include "neap/library/sparse_tiles.h"

namespace neap::sparse {
namespace {

constexpr const char* remedy = "give the components that the layout packs";

}  // namespace

void check_places(BlockMatrix& matrix, Count stored) {
  const Tiles& micro = tiles(best_isa());
  const Count groups = divided_up(matrix.rows, matrix.height);
  const auto limit = static_cast<int>(divided_up(matrix.columns, matrix.width));
  constexpr Count worth_threads = 1 << 15;
  const int threads = stored < worth_threads ? 1 : thread_count();
  Count outside = groups;  // the first row of blocks of which something is
  bool rising = true;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1) reduction(min : outside) reduction(&& : rising)
  for (Count group = 0; group < groups; ++group) {
    const Count first = matrix.offsets[group], last = matrix.offsets[group + 1];
    bool rises = true;
    if (first < 0 || first > last || last > stored || !micro.all_within(last - first, matrix.columns_of + first, limit, rises))
      outside = std::min(outside, group);
    rising = rising && rises;
  }
  matrix.rising = rising;
  if (outside < groups)
    throw Error(fmt::format("row {} of a sparse matrix of {} x {} names places outside of it", outside * matrix.height, matrix.rows,
                            matrix.columns),
                "", remedy);
  const bool written = matrix.values == nullptr && stored > 0;
  if (written && (matrix.offsets[0] > 0 || matrix.offsets[groups] < stored))
    throw Error(fmt::format("the rows of a sparse matrix hold places {} to {} of {}: others would have no value", matrix.offsets[0],
                            matrix.offsets[groups], stored),
                "", remedy);
}

void check_places(const NmgMatrix& matrix, Count count) {
  const Count chunk = binomial(matrix.m, matrix.n) * matrix.g;
  const bool inside = matrix.wide ? all_within(static_cast<const std::int32_t*>(matrix.index), count, 0, chunk)
                                  : all_within(static_cast<const std::int16_t*>(matrix.index), count, 0, chunk);
  if (!inside)
    throw Error(fmt::format("an index of a {}:{}:{} matrix is not in 0 .. {}", matrix.n, matrix.m, matrix.g, chunk - 1), "", remedy);
}

void check_order(const Offsets& order, Count count, Count stored) {
  const bool inside = order.wide ? all_within(static_cast<const std::int64_t*>(order.at), count, 0, stored)
                                 : all_within(static_cast<const std::int32_t*>(order.at), count, 0, stored);
  if (!inside) throw Error(fmt::format("the order of a sparse matrix's columns names none of its {} elements", stored), "", remedy);
}

}  // namespace neap::sparse

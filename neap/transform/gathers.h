// What reads at places from the data cost: rows of a table in no order, of which caches hold what fits.
#pragma once
#include <functional>

#include "neap/base/machine.h"
#include "neap/ir/graph.h"

namespace neap {

// Whether a read's place depends on the data.
bool is_gather(const Expr& read);

// Lines that so many bytes of a row touch, in the mean of rows that are `step` bytes apart.
double lines_of_row(std::int64_t bytes, std::int64_t step);

using SizeAsPlain = std::function<double(const Dim&)>;  // what a size is taken for

// In bytes of a stream that take as long. `operands`: the values that the map reads, by number. Counts every read, not every distinct
// element: each touches whole lines, which come the quicker the nearer the cache is that holds the table. Of a map over slabs (below), a
// slab of the tables is in the near cache, and the sums of all rows are taken up again at each slab.
double gathered_bytes(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands,
                      const GatherRates& rates);

// Entries of rows can be walked by slabs of the tables that they point into: for all slabs, for all rows, for the row's entries that point
// into the slab. What that takes with the slab that is the quickest.
struct SlabChoice {
  int entry = -1;         // the axis of the map; -1: no slab is quicker than none
  std::int64_t list = 0;  // the operand that points
  std::int64_t rows = 0;  // of the tables, in a slab
  std::int64_t slabs = 0;
  double bytes = 0;  // as above
};
// `rows`: the one size to look at, quicker or not; 0: all sizes that fit near caches. By the rates of a usual machine: whether it pays on
// this one, its costs say.
SlabChoice best_slab(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands,
                     std::int64_t rows = 0);

// Columns of the tables that a map points into can be cut to panels, each of which is a slice of a table laid anew (x[k, columns[e], f]):
// for all panels, for all rows, for all entries of a row. What that takes, with making the panels, where they are `columns` wide.
double panel_bytes(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands, int axis,
                   std::int64_t columns);

}  // namespace neap

// Maps along the entries of sparse patterns (edges): which make values with an element for each entry, which sum over the entries of rows,
// and which values need not be stored because only passes over the rows read them, each at the entry where it stands.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "neap/ir/row_entries.h"
#include "neap/transform/draft.h"

namespace neap {

struct EdgeMap {
  enum Kind : std::uint8_t {
    flat,    // y[e, f] = ..., over all entries
    ragged,  // y[e, f] = ..., over the entries of each row
    sums,    // y[r, f] = ... sum over the entries of r ...
    totals   // y[f] = ... sum over all entries ...
  };
  Kind kind = flat;
  ValueId offsets = no_value;  // of the rows; of a flat map those of what it reads, or of who reads it; no_value: it has no rows
  int row = -1;                // ids of axes
  std::set<int> entries;
  bool read = false;  // of a flat map, or of totals: whether the rows are those of what it reads, so that they have all entries that count
};

class EdgeMaps {
 public:
  explicit EdgeMaps(const Draft& draft);

  const EdgeMap* find(int node) const;
  // Read only by maps along the same rows, at their own entries.
  bool joined(ValueId value) const { return joined_.count(value) != 0; }
  // Maps that read joined values and whose results are wanted: what passes over the rows are made for. Those that can share a pass
  // together, in the order in which passes can run.
  std::vector<std::vector<int>> passes() const;

 private:
  void classify(int at);
  void find_offsets();
  void find_joined();
  void keep_dear();
  void leave_flat();
  std::map<int, int> levels() const;
  bool is_sink(int at) const;
  bool reads_joined(int at) const;
  bool reads_at_entry(int at, ValueId value) const;

  const Draft& draft_;
  std::vector<int> order_;  // of the maps here
  std::map<int, EdgeMap> maps_;
  std::set<ValueId> joined_;
};

}  // namespace neap

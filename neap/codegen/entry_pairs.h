// Two entries of a row at a time. Nests over rows of half as many lanes as a register has (an attention's heads) leave the other half
// empty, and what they compute of an entry is a long chain of operations, of which a CPU can look only so far ahead: two entries stand side
// by side in whole registers there. The other nests of the loop run for the one entry, then for the other.
#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "neap/codegen/nest.h"

namespace neap {

struct EntryPairs {
  std::set<std::string> buffers;         // that hold both entries' elements: those of an entry, and a row's sums while the loop runs
  std::vector<std::vector<Nest>> nests;  // in order: one for both entries, or one for each
  std::vector<std::pair<std::string, Reduction>> sums;  // of a row, whose halves are to be folded behind the loop
};

// How the nests of a loop over the entries of `axis` take two at a time; nothing where they cannot, or none of them would gain. `of_entry`:
// the buffers of an entry.
std::optional<EntryPairs> pairs_of_entries(Emitter& emit, const std::vector<const Nest*>& nests, const Axis& axis,
                                           const std::set<std::string>& of_entry);

// The statements that fold both halves of a row's sums into the first.
std::string fold_pairs_text(const EntryPairs& pairs);

}  // namespace neap

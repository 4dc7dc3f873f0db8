// The generated kernels of a graph: equal maps share one; those that the cache does not hold are compiled together.
#pragma once
#include <memory>
#include <vector>

#include "neap/codegen/kernel.h"

namespace neap {

class KernelSet {
 public:
  KernelSet() = default;
  // Where there is no working compiler the maps that the cache does not hold are left to the interpreter; that is said once on standard
  // error.
  KernelSet(const Graph& graph, Isa isa, bool compile);

  const KernelEntry* entry(std::size_t node) const {  // null: not a map, or not generated
    return node < entry_of_.size() && entry_of_[node] >= 0 ? &entries_[static_cast<std::size_t>(entry_of_[node])] : nullptr;
  }
  int distinct() const { return static_cast<int>(entries_.size()); }
  double seconds() const { return seconds_; }

 private:
  std::vector<int> entry_of_;
  std::vector<KernelEntry> entries_;
  std::vector<std::shared_ptr<void>> modules_;
  double seconds_ = 0;
};

// The sources of a graph's kernels, one text a file, spread by cost over `files`.
std::vector<std::string> kernel_sources(const Graph& graph, Isa isa, int files);

}  // namespace neap

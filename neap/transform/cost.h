// What a graph costs on this machine: bytes that its nodes move, flops, and the time that the slower of the two takes.
#pragma once
#include "neap/base/machine.h"
#include "neap/ir/graph.h"

namespace neap {

struct Cost {
  double bytes = 0;  // moved between nodes: operands read and results written
  double flops = 0;
  double seconds = 0;  // modelled: the larger of bytes over bandwidth and flops over peak, and the start of a kernel
  Cost& operator+=(const Cost& other);
  Cost operator-(const Cost& other) const;
};

constexpr std::int64_t typical_size = 128;  // of a symbol whose value nobody names

class CostModel {
 public:
  // Sizes at which symbols are priced (one that is not named here is of typical size); rates of this machine by default.
  explicit CostModel(Symbols symbols = {}, const Rates& rates = machine_rates());
  // A call that is bound to no library yet is priced by who would be quickest: a library that takes it, or the loops of its definition
  // (which a composite's parts are taken to share).
  // Operands of a map that are marked as free (none where empty) are priced as if they lay as it suits.
  Cost node(const Graph& graph, const Node& node, const std::vector<bool>& free = {}) const;
  Cost as_loops(const Graph& graph, const Node& call) const;
  Cost graph(const Graph& graph) const;
  double bytes(const Type& type) const;
  Symbols sizes(const Graph& graph) const;      // of all its symbols, as they are priced
  CostModel in_cache() const;                   // the same where all operands are in the last-level cache
  CostModel gathering_near(double part) const;  // the same where so many of the rows that lists point at are in a near cache
  double start_seconds() const { return rates_.call_seconds; }
  double copy_seconds(double bytes) const { return bytes / rates_.copy_bytes_per_second; }
  double evaluate(const Dim& dim) const;

 private:
  struct Work;
  Work work_of_entries(const Graph& graph, const Map& map, const std::vector<ValueId>& operands) const;
  Work work_of(const Graph& graph, const Map& map, const std::vector<ValueId>& operands, const std::vector<double>& factors = {},
               bool all_stretched = false) const;
  Work call_work(const Graph& graph, const Node& node) const;
  double loops_factor(const Graph& graph, const Node& call) const;
  double accumulated_bytes(const Graph& graph, const Node& map_node) const;
  Cost priced(const Work& work, double bytes) const;
  double call_bytes(const Graph& graph, const Node& node) const;

  Symbols symbols_;
  Rates rates_;
};

}  // namespace neap

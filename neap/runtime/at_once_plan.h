// How a graph runs at once for known sizes: a list of steps, made once for each signature and kept.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/ir/graph.h"
#include "neap/runtime/blocked_map.h"
#include "neap/runtime/library.h"

namespace neap {

struct AtOncePlan {
  // A value while the plan runs.
  struct Slot {
    DType dtype = DType::f32;
    Sizes sizes;
  };
  struct Step {
    // One of the four.
    std::unique_ptr<LibraryCall> library;
    std::unique_ptr<const BlockedMap> blocked;
    std::shared_ptr<const Map> interpreted;  // what neither takes
    bool same_elements = false;              // a reshape
    std::vector<int> inputs, outputs;        // slots; -1: an absent operand
    std::vector<int> last_used;              // slots that are free afterwards
    std::vector<Type> types;                 // of the outputs, for `interpreted`
    std::string place;                       // for errors
  };
  std::vector<Slot> slots;
  std::vector<std::pair<int, ValueId>> constants;    // slots of the graph's constants: their elements are looked up in each run
  std::vector<std::pair<int, Array>> own_constants;  // of composites' definitions
  std::vector<int> inputs, outputs;                  // slots
  std::vector<Step> steps;
  Symbols symbols;
  std::vector<std::shared_ptr<const Map>> kept;  // maps of the graph: the signature names them by address
};

// Equal for graphs that run by the same plan on inputs of these dtypes and sizes; the values of constants do not count.
Hash at_once_signature(const Graph& graph, const std::vector<Array>& inputs);

AtOncePlan plan_at_once(const Graph& graph, const Symbols& symbols);

}  // namespace neap

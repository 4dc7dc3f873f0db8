#include "neap/standalone/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "neap/base/error.h"
#include "neap/runtime/memory_plan.h"
#include "neap/runtime/relayout.h"

namespace neap {
namespace {

constexpr std::size_t alignment = 64;

class Planner {
 public:
  Planner(const Graph& graph, const Symbols& symbols, const std::string& prefix)
      : graph_(graph), symbols_(symbols), prefix_(prefix), memory_(plan_memory(graph, symbols)) {}

  StandalonePlan make() {
    for (const std::string& symbol : graph_.symbols()) plan_.sizes.push_back(symbols_.at(symbol));
    plan_.arena_bytes = memory_.arena_bytes;
    place_ends();
    for (const NodePtr& node : graph_.nodes()) add_call(*node);
    return std::move(plan_);
  }

 private:
  void place_ends() {
    std::set<std::string> names;
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      places_[graph_.inputs[i].value] = {'i', static_cast<std::int64_t>(i)};
      plan_.inputs.push_back(describe(graph_.inputs[i].name, graph_.inputs[i].value, fmt::format("input{}", i), names));
    }
    const Uses uses(graph_);
    names.clear();
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const Output& output = graph_.outputs[i];
      if (output.updates >= 0) {
        throw Error(fmt::format("output {} updates an input: the graph is a training step", i), "graph " + plain_text(graph_.name),
                    "build the network alone, as `neap train` writes it");
      }
      plan_.outputs.push_back(describe(output.name, output.value, fmt::format("output{}", i), names));
      const StandalonePlan::Place mine{'o', static_cast<std::int64_t>(i)};
      if (uses.producer(output.value) >= 0 && places_.count(output.value) == 0) {
        places_[output.value] = mine;
      } else {
        plan_.copies.push_back({static_cast<int>(i), place(output.value)});
      }
    }
  }

  StandalonePlan::Tensor describe(const std::string& name, ValueId value, const std::string& otherwise,
                                  std::set<std::string>& names) const {
    const Type& type = graph_.type(value);
    std::string shown = !name.empty() && plain_text(name) == name ? name : otherwise;
    while (!names.insert(shown).second) shown += "_";
    return {shown, type.dtype, evaluate(type.shape, symbols_), storage_bytes(type).evaluate(symbols_)};
  }

  StandalonePlan::Place place(ValueId id) {
    if (id == no_value) return {};
    if (const auto known = places_.find(id); known != places_.end()) return known->second;
    StandalonePlan::Place& made = places_[id];
    if (const auto& constant = graph_.value(id).constant) {
      plan_.weights.resize((plan_.weights.size() + alignment - 1) / alignment * alignment, '\0');
      made = {'w', static_cast<std::int64_t>(plan_.weights.size())};
      const Array stored = laid_out(*constant, graph_.type(id));
      plan_.weights.append(reinterpret_cast<const char*>(stored.raw()), static_cast<std::size_t>(stored.bytes()));
    } else {
      made = {'a', memory_.buffers[memory_.of.at(id)].offset};
    }
    return made;
  }

  void add_call(const Node& node) {
    if (!node.is_map()) throw Error(fmt::format("operator {} has no loops of its own", node.op), place_of(graph_, node));
    StandalonePlan::Call& call = plan_.calls.emplace_back();
    for (const std::string& origin : node.origin) call.about += (call.about.empty() ? "" : ", ") + origin;
    call.about = plain_text(call.about);
    for (const ValueId id : node.inputs) call.places.push_back(place(id));
    for (const ValueId id : node.outputs) call.places.push_back(place(id));
    const std::vector<std::string> symbols = graph_.symbols();
    for (std::size_t k = 0; k < standalone_isas.size(); ++k) {
      KernelSource source = generate_kernel(graph_, node, symbols, standalone_isas[k]);
      const auto [known, fresh] = known_[k].emplace(source.name, static_cast<int>(known_[k].size()));
      call.kernel[k] = known->second;
      if (!fresh) continue;
      const std::string name = prefix_ + std::to_string(known->second);
      for (std::size_t at = source.text.find(source.name); at != std::string::npos; at = source.text.find(source.name, at + name.size())) {
        source.text.replace(at, source.name.size(), name);
      }
      plan_.kernels[k].push_back(std::move(source.text));
    }
  }

  const Graph& graph_;
  const Symbols& symbols_;
  const std::string& prefix_;
  MemoryPlan memory_;
  StandalonePlan plan_;
  std::map<ValueId, StandalonePlan::Place> places_;
  std::array<std::map<std::string, int>, standalone_isas.size()> known_;
};

}  // namespace

std::string plain_text(std::string_view text) {
  constexpr std::size_t most = 100;
  std::string plain(text.substr(0, most));
  for (char& c : plain) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_-./: ,+").find(c) != std::string_view::npos;
    if (!good) c = '_';
  }
  return plain;
}

StandalonePlan plan_standalone(const Graph& graph, const Symbols& symbols, const std::string& prefix) {
  return Planner(graph, symbols, prefix).make();
}

}  // namespace neap

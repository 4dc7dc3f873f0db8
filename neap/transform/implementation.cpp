// Runs a library's call by another implementation, or by loops of our own, and loops that are a call by a library: for whoever measures
// which is quicker.
#include "neap/ir/map_nodes.h"
#include "neap/runtime/library.h"
#include "neap/transform/expansion.h"
#include "neap/transform/inline_map.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/recognise_call.h"
#include "neap/transform/transformation.h"

namespace neap::implementation_transformation {
namespace {

std::string bind(Draft& draft, int at, std::size_t choice) {
  Node node = draft.node(at);
  const auto& all = implementations_of(node.op);
  if (choice > all.size()) return fmt::format("{} has {} implementations", node.op, all.size());
  const Implementation& library = *all[choice - 1];
  if (library.name == node.implementation) return "it runs so already";
  if (std::string reason = refusal(library, draft.shell(), node); !reason.empty()) return reason;
  node.implementation = library.name;
  draft.replace(at, std::move(node));
  return "";
}

// Its epilogue is a map, into which the call's own is written.
std::string as_loops(Draft& draft, int at) {
  const Node node = draft.node(at);
  if (is_composite(node)) return fmt::format("{} is made of several operators", node.op);
  Node call = node;
  call.implementation.clear();
  call.epilogue = nullptr;
  if (node.epilogue == nullptr) {
    draft.replace(at, as_map(draft.shell(), call));
    return "";
  }
  call.inputs.resize(static_cast<std::size_t>(node.epilogue_first));
  call.outputs = {draft.add_value(draft.type(node.outputs[0]))};
  call = as_map(draft.shell(), call);
  std::string reason;
  if (!pointwise_axes(*call.map, call.map->stages[0], draft.type(call.outputs[0]), reason)) return reason;
  Node behind;
  behind.map = node.epilogue;
  behind.inputs = {call.outputs[0]};
  behind.inputs.insert(behind.inputs.end(), node.inputs.begin() + node.epilogue_first, node.inputs.end());
  behind.outputs = node.outputs;
  behind.origin = node.origin;
  behind.kept = node.kept;
  const int first = draft.insert(call, at);
  draft.replace(at, std::move(behind));
  inline_into(draft, call, call.outputs[0], at);
  draft.erase(first);
  return "";
}

// A map that is a call, as `bind` would have it: it goes back to a map where that refuses.
std::string as_call(Draft& draft, int at, std::size_t choice) {
  const NodePtr map_node = draft.pointer(at);
  std::string why;
  std::optional<Node> call = recognise_call(draft.shell(), *map_node, why);
  if (!call) return why;
  const Draft::Mark mark = draft.mark();
  draft.replace(at, std::move(*call));
  why = bind(draft, at, choice);
  if (!why.empty()) draft.rollback(mark);
  return why;
}

std::string choose(Draft& draft, const Site& site, const Parameters& parameters) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0) return "the node is gone";
  const auto choice = static_cast<std::size_t>(parameters.at("choice"));
  if (draft.node(at).is_map()) return choice == 0 ? "it runs in loops already" : as_call(draft, at, choice);
  if (draft.node(at).implementation.empty()) return "there is no library's call here";
  return choice == 0 ? as_loops(draft, at) : bind(draft, at, choice);
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() ? sums_products(*node.map) : !node.implementation.empty()) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation implementation{
    {.name = "implementation",
     .level = 1,
     .about = "runs a library's call by another implementation or by loops of our own, and loops that are a call by a library",
     .parameters = {{"choice", 0, 0, 7, "0: loops of our own; else the operator's implementations, by name, from 1"}},
     .find = find,
     .apply = choose}};

}  // namespace
}  // namespace neap::implementation_transformation

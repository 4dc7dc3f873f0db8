#include "neap/runtime/library.h"

#include <algorithm>
#include <unordered_map>

#include "neap/base/error.h"

namespace neap {
namespace {

// By operator, in the order of their names, so that no link order decides.
std::unordered_map<std::string, std::vector<const Implementation*>>& registry() {
  static std::unordered_map<std::string, std::vector<const Implementation*>> by_operator;
  return by_operator;
}

}  // namespace

RegisterImplementation::RegisterImplementation(Implementation implementation) {
  static std::vector<std::unique_ptr<Implementation>> all;
  auto& same = registry()[implementation.op];
  all.push_back(std::make_unique<Implementation>(std::move(implementation)));
  same.push_back(all.back().get());
  std::sort(same.begin(), same.end(), [](const Implementation* a, const Implementation* b) { return a->name < b->name; });
}

const std::vector<const Implementation*>& implementations_of(const std::string& op) {
  static const std::vector<const Implementation*> none;
  const auto found = registry().find(op);
  return found == registry().end() ? none : found->second;
}

const Implementation& find_implementation(const std::string& op, std::string_view name) {
  for (const Implementation* implementation : implementations_of(op)) {
    if (implementation->name == name) return *implementation;
  }
  throw Error(fmt::format("operator {} has no implementation '{}' in this build", op, name), "", "lower it to a map instead");
}

std::string refusal(const Implementation& implementation, const Graph& graph, const Node& node) {
  const Call call = make_call(graph, node);
  const std::vector<Type> inputs = types_of(graph, node.inputs), outputs = types_of(graph, node.outputs);
  std::string reason = implementation.refuses(call, inputs, outputs);
  if (!reason.empty() || node.epilogue == nullptr) return reason;
  if (implementation.refuses_epilogue == nullptr) return fmt::format("{} takes no epilogue", implementation.name);
  return implementation.refuses_epilogue(call, *node.epilogue, {inputs.begin() + node.epilogue_first, inputs.end()}, outputs[0]);
}

const Implementation* choose_implementation(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                            std::string* why) {
  for (const Implementation* implementation : implementations_of(call.op().name)) {
    const std::string reason = implementation->refuses(call, inputs, outputs);
    if (reason.empty()) return implementation;
    if (why != nullptr) *why += (why->empty() ? "" : "; ") + implementation->name + ": " + reason;
  }
  return nullptr;
}

const Implementation* choose_implementation(const Graph& graph, const Node& node, std::string* why) {
  if (node.is_map() || implementations_of(node.op).empty()) return nullptr;  // most calls: no types to look at
  return choose_implementation(make_call(graph, node), types_of(graph, node.inputs), types_of(graph, node.outputs), why);
}

}  // namespace neap

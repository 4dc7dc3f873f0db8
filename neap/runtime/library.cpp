#include "neap/runtime/library.h"

#include "neap/base/error.h"

namespace neap {
namespace {
std::vector<std::unique_ptr<Implementation>>& registry() {
  static std::vector<std::unique_ptr<Implementation>> all;
  return all;
}
}  // namespace

RegisterImplementation::RegisterImplementation(Implementation implementation) {
  registry().push_back(std::make_unique<Implementation>(std::move(implementation)));
}

std::vector<const Implementation*> implementations_of(std::string_view op) {
  std::vector<const Implementation*> found;
  for (const auto& implementation : registry()) {
    if (implementation->op == op) found.push_back(implementation.get());
  }
  return found;
}

const Implementation& find_implementation(std::string_view op, std::string_view name) {
  for (const Implementation* implementation : implementations_of(op)) {
    if (implementation->name == name) return *implementation;
  }
  throw Error(fmt::format("operator {} has no implementation '{}' in this build", op, name), "", "lower it to a map instead");
}

const Implementation* choose_implementation(const Graph& graph, const Node& node, std::string* why) {
  const Call call = make_call(graph, node);
  std::vector<Type> inputs, outputs;
  for (const ValueId id : node.inputs) inputs.push_back(id == no_value ? Type{} : graph.type(id));
  for (const ValueId id : node.outputs) outputs.push_back(graph.type(id));
  for (const Implementation* implementation : implementations_of(node.op)) {
    const std::string reason = implementation->refuses(call, inputs, outputs);
    if (reason.empty()) return implementation;
    if (why != nullptr) *why += (why->empty() ? "" : "; ") + implementation->name + ": " + reason;
  }
  return nullptr;
}

}  // namespace neap

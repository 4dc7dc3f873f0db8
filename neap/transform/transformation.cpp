#include "neap/transform/transformation.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/base/suggestion.h"

namespace neap {
namespace {
std::map<std::string, Transformation, std::less<>>& registry() {
  static std::map<std::string, Transformation, std::less<>> transformations;
  return transformations;
}
}  // namespace

std::string Site::to_string() const {
  std::string text;
  for (const ValueId id : at) text += fmt::format("{}%{}", text.empty() ? "" : " -> ", id);
  return text;
}

void Pass::made(const Graph& graph, const Node& node, std::string reason) { edits.push_back({node_name(graph, node), std::move(reason)}); }

void Pass::refuse(const Graph& graph, const Node& node, std::string reason) {
  refusals.push_back({"", 0, node_name(graph, node), std::move(reason)});
}

RegisterTransformation::RegisterTransformation(Transformation transformation) {
  NEAP_ASSERT((transformation.apply_everywhere != nullptr) != (transformation.find != nullptr && transformation.apply != nullptr),
              " {} is an edit at a site or a pass over a graph", transformation.name);
  std::string name = transformation.name;
  const bool fresh = registry().emplace(std::move(name), std::move(transformation)).second;
  NEAP_ASSERT(fresh, " a transformation of this name is there already");
}

const Transformation& find_transformation(std::string_view name) {
  const auto found = registry().find(name);
  if (found != registry().end()) return found->second;
  throw Error(fmt::format("there is no transformation '{}'", name), "", suggestion_among(name, registry()));
}

std::vector<const Transformation*> all_transformations() {
  std::vector<const Transformation*> all;
  for (const auto& [name, t] : registry()) all.push_back(&t);
  std::stable_sort(all.begin(), all.end(), [](const Transformation* a, const Transformation* b) { return a->level < b->level; });
  return all;
}

std::string node_name(const Graph& graph, const Node& node) {
  const ValueId first = node.outputs.empty() ? no_value : node.outputs[0];
  constexpr std::size_t usual = 32;
  std::string text;
  text.reserve(usual);
  text += '%';
  text += std::to_string(first);
  text += ' ';
  text += node.is_map() ? "map" : node.op;
  if (graph.has_value(first) && !graph.value(first).name.empty()) text += " '" + graph.value(first).name + "'";
  if (node.origin.empty()) return text;
  text += " (" + node.origin[0];
  if (node.origin.size() > 1) text += " + " + std::to_string(node.origin.size() - 1);
  return text + ")";
}

}  // namespace neap

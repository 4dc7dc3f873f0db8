#include "neap/viewer/graph_json.h"

#include <map>
#include <nlohmann/json.hpp>

#include "neap/base/build_id.h"
#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/codegen/compiler.h"
#include "neap/codegen/kernel.h"

namespace neap {
namespace {

using Json = nlohmann::json;

std::string types_text(const Graph& graph, const std::vector<ValueId>& ids) {
  std::string text;
  for (const ValueId id : ids) {
    if (id != no_value) text += (text.empty() ? "" : ", ") + graph.type(id).to_string();
  }
  return text;
}

std::string body_of(const Graph& graph, const Node& node, const std::vector<std::string>& names) {
  std::vector<std::string> operands;
  for (const ValueId id : node.inputs) operands.push_back(id == no_value ? "_" : names[static_cast<std::size_t>(id)]);
  if (node.is_map()) return to_string(*node.map, operands);
  std::string text = node.op + "(";
  for (std::size_t i = 0; i < operands.size(); ++i) text += (i > 0 ? ", " : "") + operands[i];
  return text + ") : " + types_text(graph, node.outputs);
}

std::string code_of(const Graph& graph, const Node& node, const std::vector<std::string>& symbols) {
  try {
    return generate_kernel(graph, node, symbols, best_isa()).text;
  } catch (const Error&) {
    return "";  // such a map runs in the interpreter
  }
}

// "block1/depthwise: conv2d" of the first origin; the operator where there is none.
std::string label_of(const Node& node) {
  std::string label = node.origin.empty() ? (node.is_map() ? "map" : node.op) : node.origin.front();
  if (node.origin.size() > 1) label += fmt::format(" + {} more", node.origin.size() - 1);
  return label;
}

Json node_json(const Graph& graph, const Node& node, std::size_t at, const CostModel& model, const std::vector<std::string>& names,
               const std::vector<std::string>& symbols) {
  const Cost cost = model.node(graph, node);
  Json json{{"id", at},
            {"name", label_of(node)},
            {"op", node.is_map() ? "map" : node.op},
            {"kind", node.is_map()                 ? "map"
                     : node.implementation.empty() ? "call"
                                                   : "library"},
            {"impl", node.is_map() ? fmt::format("generated, {}", name(best_isa())) : node.implementation},
            {"shape", types_text(graph, node.outputs)},
            {"text", body_of(graph, node, names)},
            {"from", node.origin},
            {"bytes", cost.bytes},
            {"flops", cost.flops}};
  if (node.is_map()) json["code"] = code_of(graph, node, symbols);
  return json;
}

Json edge_json(const Graph& graph, ValueId id, const CostModel& model, const std::vector<std::string>& names) {
  const Type& type = graph.type(id);
  return {{"tensor", names[static_cast<std::size_t>(id)]},
          {"shape", type.to_string()},
          {"layout", type.layout.tag(type.rank())},
          {"bytes", model.bytes(type)}};
}

}  // namespace

Json graph_json(const Graph& graph, const CostModel& model, const std::vector<double>& seconds) {
  const std::vector<std::string> names = value_names(graph), symbols = graph.symbols();
  const Uses uses(graph);
  Json nodes = Json::array(), edges = Json::array();
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = *graph.nodes()[i];
    Json json = node_json(graph, node, i, model, names, symbols);
    if (i < seconds.size()) json["ms"] = seconds[i] * 1e3;
    nodes.push_back(std::move(json));
    for (const ValueId id : node.inputs) {
      if (id == no_value) continue;
      Json edge = edge_json(graph, id, model, names);
      edge["to"] = i;
      if (const int from = uses.producer(id); from >= 0) edge["from"] = from;
      edges.push_back(std::move(edge));
    }
  }
  for (const Output& output : graph.outputs) {
    if (const int from = uses.producer(output.value); from >= 0) {
      Json edge = edge_json(graph, output.value, model, names);
      edge["from"] = from;
      edges.push_back(std::move(edge));
    }
  }
  return {{"nodes", std::move(nodes)}, {"edges", std::move(edges)}};
}

Json edits_json(const std::vector<Step>& steps) {
  Json edits = Json::array();
  for (const Step& step : steps) {
    Json places = Json::array();
    for (const Made& made : step.made) places.push_back({{"place", made.place}, {"reason", made.reason}});
    edits.push_back({{"step", edits.size() + 1},
                     {"level", step.level},
                     {"name", step.transformation},
                     {"place", step.place},
                     {"note", step.edits > 1 ? fmt::format("{} edits", step.edits) : ""},
                     {"places", std::move(places)},
                     {"bytes_saved_predicted", step.before.bytes - step.after.bytes},
                     {"bytes_before", step.before.bytes},
                     {"bytes_after", step.after.bytes}});
  }
  return edits;
}

Json sparse_json(const std::vector<SparseUse>& uses) {
  Json all = Json::array();
  for (const SparseUse& use : uses) {
    all.push_back({{"matrix", use.matrix}, {"layout", use.layout}, {"by", use.by}});
    if (!use.dense.empty())
      all.back()["dense"] = {{"operator", use.dense}, {"for", use.dense_for}, {"bytes", use.dense_bytes}, {"reason", use.reason}};
  }
  return all;
}

Json refusals_json(const std::vector<Refusal>& refusals) {
  constexpr int shown = 5;
  struct Seen {
    int level = 0, count = 0;
  };
  std::map<std::pair<std::string, std::string>, Seen> seen;
  Json all = Json::array();
  for (const Refusal& refusal : refusals) {
    Seen& alike = seen[{refusal.transformation, refusal.reason}];
    alike.level = refusal.level;
    if (++alike.count > shown) continue;
    all.push_back({{"level", refusal.level}, {"name", refusal.transformation}, {"place", refusal.place}, {"reason", refusal.reason}});
  }
  for (const auto& [key, alike] : seen) {
    if (alike.count <= shown) continue;
    all.push_back({{"level", alike.level},
                   {"name", key.first},
                   {"place", fmt::format("and {} more places", alike.count - shown)},
                   {"reason", key.second}});
  }
  return all;
}

Json machine_json() {
  const Machine& here = machine();
  return {{"cpu", here.cpu},
          {"cores", here.cores},
          {"isa", std::string(name(best_isa()))},
          {"threads", thread_count()},
          {"caches", {{"L1", here.l1_bytes}, {"L2", here.l2_bytes}, {"L3", here.l3_bytes}}},
          {"memory", here.memory_bytes}};
}

Json versions_json() {
  Json versions{{"neap", version()}};
  try {
    versions["compiler"] = compiler_version();
  } catch (const Error&) {
    versions["compiler"] = "none";
  }
  return versions;
}

}  // namespace neap

#include "neap/runtime/verify_calls.h"

#include "neap/base/error.h"
#include "neap/ops/operator.h"
#include "neap/runtime/library.h"

namespace neap {
namespace {

void verify_results(const Graph& graph, const Node& node, const Call& call) {
  const std::vector<Type> made = infer(call);
  if (made.size() != node.outputs.size())
    throw Error(fmt::format("{} makes {} results, not {}", node.op, made.size(), node.outputs.size()), call.describe());
  for (std::size_t i = 0; i < made.size(); ++i) {
    const Type& said = graph.type(node.outputs[i]);
    const bool same_dtype = said.dtype == made[i].dtype || node.epilogue != nullptr;  // which may make another of it
    if (said.shape == made[i].shape && same_dtype) continue;
    throw Error(fmt::format("result {} of {} is {}, not {}", i, node.op, made[i].to_string(), said.to_string()), call.describe());
  }
}

void verify_call(const Graph& graph, const Node& node) {
  const Call call = make_call(graph, node);
  verify_results(graph, node, call);
  if (node.implementation.empty()) return;
  if (const std::string reason = refusal(find_implementation(node.op, node.implementation), graph, node); !reason.empty())
    throw Error(fmt::format("{} does not take the call of {}: {}", node.implementation, node.op, reason), call.describe());
}

}  // namespace

void verify_calls(const Graph& graph) {
  for (const NodePtr& node : graph.nodes()) {
    if (node->is_map()) continue;
    try {
      verify_call(graph, *node);
    } catch (const Error& error) {
      throw Error(error.problem(), place_of(graph, *node) + (error.place().empty() ? "" : ", " + error.place()), error.remedy());
    }
  }
}

}  // namespace neap

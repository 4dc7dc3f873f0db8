// Runs a map in the library call that makes what it reads, on each element before that is stored: activations, residuals, scales. What a
// library takes it says itself (`Implementation::refuses_epilogue`).
#include <algorithm>

#include "neap/runtime/library.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_epilogue_transformation {
namespace {

bool is_free_call(const Node& node) { return !node.is_map() && !node.implementation.empty() && node.epilogue == nullptr; }

// The call with the map as its epilogue. Operand 0 of an epilogue is the call's result; its further operands stand behind the call's.
Node fused(const Node& call, const Node& map_node) {
  Node made = call;
  made.epilogue_first = static_cast<int>(call.inputs.size());
  std::vector<std::int64_t> number;
  std::int64_t next = 1;
  for (const ValueId id : map_node.inputs) {
    const bool own = id == call.outputs[0];
    number.push_back(own ? 0 : next++);
    if (!own) made.inputs.push_back(id);
  }
  Map map = *map_node.map;
  renumber_reads(map, [&](std::int64_t operand) { return number[static_cast<std::size_t>(operand)]; });
  made.epilogue = std::make_shared<const Map>(std::move(map));
  made.outputs = map_node.outputs;
  made.kept = call.kept && map_node.kept;
  made.origin = merge_origins(call.origin, map_node.origin);
  return made;
}

std::string check(const Draft& draft, const Node& call, const Node& reader) {
  const ValueId value = call.outputs[0];
  if (!reader.is_map()) return fmt::format("{} reads it, which is another call", reader.op);
  const Map& map = *reader.map;
  if (map.stages.size() != 1 || !map.locals.empty() || !map.stages[0].axes.empty())
    return "its reader is a scope or writes several results";
  const Type &from = draft.type(value), &to = draft.type(reader.outputs[0]);
  if (!(from == to)) return fmt::format("its reader makes {} of {}", to.to_string(), from.to_string());
  const Stage& stage = map.stages[0];
  std::string reason;
  if (!pointwise_axes(map, stage, to, reason)) return "of its reader: " + reason;
  const auto is_value = [&](const Expr& e) {
    return e->op == Scalar::read && reader.inputs[static_cast<std::size_t>(e->integer)] == value;
  };
  visit_map(map, [&](const Expr& e) {
    if (!is_value(e) || !reason.empty()) return;
    if (!std::equal(e->args.begin(), e->args.end(), stage.index.begin(), stage.index.end(), same))
      reason = "its reader reads other elements than it writes";
  });
  if (!reason.empty()) return reason;
  const Implementation& library = find_implementation(call.op, call.implementation);
  if (library.refuses_epilogue == nullptr) return fmt::format("{}'s {} takes no epilogue", library.name, call.op);
  const Node made = fused(call, reader);
  std::vector<Type> operands;
  for (auto i = static_cast<std::size_t>(made.epilogue_first); i < made.inputs.size(); ++i) operands.push_back(draft.type(made.inputs[i]));
  return library.refuses_epilogue(make_call(draft.shell(), call), *made.epilogue, operands, to);
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const ValueId value = site.at.empty() ? no_value : site.at[0];
  const int at = draft.producer(value);
  if (at < 0 || !is_free_call(draft.node(at))) return "it is made by no library call without an epilogue";
  const NodePtr call = draft.pointer(at);
  if (call->outputs.size() != 1) return fmt::format("{} has several results", call->op);
  if (draft.is_output(value)) return "its result is an output of the graph";
  const std::vector<int>& users = draft.users(value);
  if (users.size() != 1) return fmt::format("{} nodes read it", users.size());
  const int reader = users[0];
  if (std::string reason = check(draft, *call, draft.node(reader)); !reason.empty()) return reason;
  draft.replace(reader, fused(*call, draft.node(reader)));
  draft.erase_unused(at);
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (!is_free_call(node) || node.outputs.size() != 1) continue;
    const std::vector<int>& users = draft.users(node.outputs[0]);
    if (std::any_of(users.begin(), users.end(), [&](int user) { return draft.node(user).is_map(); })) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation fuse_epilogue{{.name = "fuse_epilogue",
                                            .level = 2,
                                            .about = "runs a map in the library call ahead of it, on each element before that is stored",
                                            .find = find,
                                            .apply = apply}};

}  // namespace
}  // namespace neap::fuse_epilogue_transformation

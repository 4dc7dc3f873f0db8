// Computes once what is computed twice: nodes of one structure on the same operands.
#include <unordered_map>

#include "neap/transform/structure.h"
#include "neap/transform/transformation.h"

namespace neap::share_common_transformation {
namespace {

constexpr std::int64_t largest_compared = 4096;  // bytes of a constant whose elements are compared; larger ones are told by their place

struct ByHash {
  std::size_t operator()(const Hash& hash) const { return static_cast<std::size_t>(hash.low); }
};

Hash constant_identity(const Array& elements, const Type& type) {
  Hasher hasher;
  hasher.add(static_cast<std::uint64_t>(elements.dtype())).add(elements.sizes().size());
  for (const std::int64_t size : elements.sizes()) hasher.add(static_cast<std::uint64_t>(size));
  if (!type.layout.row_major()) hasher.add(type.layout.tag(type.rank()));
  if (elements.bytes() <= largest_compared) {
    hasher.add(std::string_view(reinterpret_cast<const char*>(elements.raw()), static_cast<std::size_t>(elements.bytes())));
  } else {
    hasher.add(reinterpret_cast<std::uintptr_t>(elements.raw()));
  }
  return hasher.finish();
}

int share(Graph& graph, const Parameters&, Pass& pass) {
  Edit edit;
  std::unordered_map<Hash, ValueId, ByHash> constants;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (!graph.has_value(id) || !graph.value(id).constant) continue;
    const auto [first, fresh] = constants.emplace(constant_identity(*graph.value(id).constant, graph.type(id)), id);
    if (!fresh && graph.type(id) == graph.type(first->second)) edit.replace[id] = first->second;
  }
  const auto resolve = [&](ValueId id) {
    const auto found = edit.replace.find(id);
    return found == edit.replace.end() ? id : found->second;
  };
  std::unordered_map<Hash, std::size_t, ByHash> seen;
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = *graph.nodes()[i];
    const auto [first, fresh] = seen.emplace(structure(graph, node, resolve), i);
    if (fresh) continue;
    edit.erase.insert(i);
    const Node& same = *graph.nodes()[first->second];
    pass.made(graph, node, "what " + node_name(graph, same) + " computes");
    for (std::size_t k = 0; k < node.outputs.size(); ++k) edit.replace[node.outputs[k]] = same.outputs[k];
  }
  if (edit.replace.empty()) return 0;
  const int edits = static_cast<int>(edit.erase.size());
  neap::apply(graph, edit);
  return edits;
}

const RegisterTransformation share_common{
    {.name = "share_common", .level = 3, .about = "computes once what is computed twice", .needs_gain = false, .apply_everywhere = share}};

}  // namespace
}  // namespace neap::share_common_transformation

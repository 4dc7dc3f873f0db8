// Writes composites out and makes maps of primitive calls: what no library runs.
#include "neap/transform/expansion.h"
#include "neap/transform/transformation.h"

namespace neap::lower_transformation {
namespace {

int lower_all(Graph& graph, const Parameters&, Pass&) {
  return rewrite_nodes(graph, [&](Node& node) {
    if (node.is_map() || !node.implementation.empty()) return Fate::unchanged;
    if (is_composite(node)) return Fate::expand;
    node = as_map(graph, node);
    return Fate::changed;
  });
}

const RegisterTransformation lower{{.name = "lower",
                                    .level = 0,
                                    .about = "makes maps of the calls that no library runs; writes composites out",
                                    .needs_gain = false,
                                    .apply_everywhere = lower_all}};

}  // namespace
}  // namespace neap::lower_transformation

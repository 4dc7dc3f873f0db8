// The parser of graphs: any text is a graph or an Error. What parses prints, reads back the same, and is verified, hashed and counted.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "neap/base/error.h"
#include "neap/ir/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  neap::Graph graph;
  try {
    graph = neap::parse_graph({reinterpret_cast<const char*>(data), size});
  } catch (const neap::Error&) {
    return 0;
  }
  const std::string text = neap::to_string(graph);
  const neap::Graph back = neap::parse_graph(text, neap::large_constants(graph));
  if (neap::to_string(back) != text || neap::structural_hash(back) != neap::structural_hash(graph)) std::abort();
  try {
    neap::verify(graph);
    for (const neap::NodePtr& node : graph.nodes()) {
      if (node->is_map()) neap::volume(graph, *node);
    }
  } catch (const neap::Error&) {  // not legal, or sizes that do not fit
  }
  return 0;
}

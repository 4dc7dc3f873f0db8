// The reader of graphs with their data, as `neap data` writes them: a folder of graph.json and graph.npz.
#include "neap/gnn/graph_data.h"

#include "fuzz/parts.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) {
    auto parts = neap::parts_of(bytes);
    neap::gnn::parse_graph_data(parts["graph.json"], parts["graph.npz"], "fuzz");
  });
}

// The edge list reader.
#include "fuzz/target.h"
#include "neap/gnn/read.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size,
                          [](std::string_view bytes) { neap::gnn::graph_of(neap::gnn::parse_edge_list(bytes, "fuzz"), {}, "fuzz"); });
}

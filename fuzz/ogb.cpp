// The reader of OGB's folders.
#include "fuzz/parts.h"
#include "fuzz/target.h"
#include "neap/gnn/read_ogb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) {
    std::map<std::string, neap::gnn::OgbFile> files;
    for (const auto& [name, text] : neap::parts_of(bytes)) files[name] = {text, "fuzz/" + name};
    neap::gnn::parse_ogb(files, "fuzz");
  });
}

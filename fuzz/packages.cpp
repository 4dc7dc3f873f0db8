// The reader of Debian's package lists.
#include "fuzz/target.h"
#include "neap/gnn/debian.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size,
                          [](std::string_view bytes) { neap::gnn::debian_packages(bytes, "fuzz", {.least_words = 1, .least_others = 1}); });
}

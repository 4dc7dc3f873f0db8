// The npy reader.
#include "neap/files/npy.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) { neap::parse_npy(bytes, "fuzz"); });
}

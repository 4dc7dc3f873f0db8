// The CSV reader.
#include "neap/files/csv.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) { neap::parse_csv(bytes, "fuzz"); });
}

// The PNG and JPEG readers.
#include "neap/files/image.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) { neap::decode_image(bytes, "fuzz"); });
}

// The ONNX reader: a legal graph, or an Error.
#include "neap/onnx/onnx.h"

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(
      data, size, [](std::string_view bytes) { neap::verify(neap::read_onnx_bytes(bytes, "/nonexistent"), neap::Level::operators); });
}

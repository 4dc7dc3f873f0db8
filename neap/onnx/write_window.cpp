// Pools whose windows ONNX of opset 17 has only in part.
#include <algorithm>

#include "neap/onnx/writer.h"

namespace neap::write_window_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// Distances between the taps came with opset 19.
bool write_average_pool(OnnxCall& c) {
  const Call& call = c.call();
  const Integers& dilations = call.integers("dilations");
  if (std::any_of(dilations.begin(), dilations.end(), [](std::int64_t d) { return d != 1; })) return false;
  OnnxAttributes attributes{{"kernel_shape", call.integers("kernel_size")},
                            {"ceil_mode", std::int64_t{call.flag("ceil_mode") ? 1 : 0}},
                            {"count_include_pad", std::int64_t{call.flag("count_include_pad") ? 1 : 0}}};
  for (const char* name : {"strides", "pads"}) {
    if (!call.integers(name).empty()) attributes.push_back({name, call.integers(name)});
  }
  c.give(c.emit("AveragePool", {c.input(0)}, attributes));
  return true;
}

const RegisterOnnxWriter average_pool{"average_pool", write_average_pool};

}  // namespace
}  // namespace neap::write_window_onnx

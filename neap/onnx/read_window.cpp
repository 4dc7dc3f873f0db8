// Operators that slide a window: convolutions and pools, with ONNX's ways to say how much is padded.
#include <algorithm>

#include "neap/onnx/reader.h"

namespace neap::read_window_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

Integers or_ones(Integers values, int rank) {
  if (values.empty()) values.assign(static_cast<std::size_t>(rank), 1);
  return values;
}

std::int64_t known_size(const OnnxNode& node, const Dim& size, const char* what) {
  if (!size.is_constant()) node.fail(fmt::format("{} of {} must be known", what, size.to_string()), "give the sizes of the inputs");
  return size.constant();
}

// Pads so that there are as many windows as strides: the odd element at the end, or at the begin.
Integers same_pads(const OnnxNode& node, const Shape& sizes, const Integers& kernel, const Integers& strides, const Integers& dilations,
                   bool upper) {
  const std::size_t rank = kernel.size();
  Integers pads(2 * rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    const Dim windows = ceil_div(sizes[i], strides[i]);
    const Dim missing = (windows - Dim(1)) * Dim(strides[i]) + Dim((kernel[i] - 1) * dilations[i] + 1) - sizes[i];
    const std::int64_t total = std::max<std::int64_t>(known_size(node, missing, "the padding"), 0);
    pads[i] = upper ? total / 2 : total - total / 2;
    pads[rank + i] = total - pads[i];
  }
  return pads;
}

struct Window {
  Integers kernel, strides, dilations, pads;
  bool same = false;
  bool same_upper = false;
};

// Reads what convolutions and pools have in common; the pads of auto_pad are worked out of the sizes of the first input.
Window read_window(const OnnxNode& node, const Integers& kernel) {
  Window window;
  window.kernel = kernel;
  const int rank = static_cast<int>(kernel.size());
  if (node.rank(0) != rank + 2) node.fail(fmt::format("a window of {} axes on {}", rank, node.type(0).to_string()));
  window.strides = or_ones(node.integers("strides", {}), rank);
  window.dilations = or_ones(node.integers("dilations", {}), rank);
  window.pads = node.integers("pads", {});
  constexpr std::int64_t most = 1 << 24;
  for (const Integers* values : {&window.kernel, &window.strides, &window.dilations}) {
    if (static_cast<int>(values->size()) != rank) node.fail("kernel, strides and dilations differ in length");
    for (const std::int64_t value : *values) {
      if (value < 1 || value > most) node.fail(fmt::format("a kernel, stride or dilation of {}", value));
    }
  }
  for (const std::int64_t pad : window.pads) {
    if (pad < -most || pad > most) node.fail(fmt::format("a pad of {}", pad));
  }
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID" && automatic != "SAME_UPPER" && automatic != "SAME_LOWER")
    node.fail("auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
  window.same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  window.same_upper = automatic == "SAME_UPPER";
  if (automatic != "NOTSET") window.pads.clear();
  return window;
}

Shape spatial(const Type& type) { return {type.shape.begin() + 2, type.shape.end()}; }

Integers kernel_of_weights(const OnnxNode& node) {
  if (node.rank(1) < 3) node.fail("the weights are " + node.type(1).to_string());
  Integers kernel;
  for (const Dim& size : spatial(node.type(1))) kernel.push_back(known_size(node, size, "the kernel size"));
  const Integers given = node.integers("kernel_shape", kernel);
  if (given != kernel) node.fail("kernel_shape is not that of the weights");
  return kernel;
}

void read_conv(OnnxNode& node) {
  Window window = read_window(node, kernel_of_weights(node));
  if (window.same) window.pads = same_pads(node, spatial(node.type(0)), window.kernel, window.strides, window.dilations, window.same_upper);
  node.give(node.build().call(
      "conv", node.inputs(),
      {{"strides", window.strides}, {"pads", window.pads}, {"dilations", window.dilations}, {"groups", node.integer("group", 1)}}));
}

// The sizes of the result may be given (output_shape); then the pads follow from them.
void read_conv_transpose(OnnxNode& node) {
  Window window = read_window(node, kernel_of_weights(node));
  const std::size_t rank = window.kernel.size();
  Integers extra = node.integers("output_padding", {});
  if (extra.empty()) extra.assign(rank, 0);
  Integers wanted = node.integers("output_shape", {});
  if (wanted.size() == rank + 2) wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (extra.size() != rank || (!wanted.empty() && wanted.size() != rank))
    node.fail("output_padding or output_shape has another length than the kernel");
  if (!wanted.empty() || window.same) {
    window.pads.assign(2 * rank, 0);
    for (std::size_t i = 0; i < rank; ++i) {
      const Dim size = node.type(0).shape[i + 2];
      const Dim target = wanted.empty() ? size * Dim(window.strides[i]) : Dim(wanted[i]);
      const Dim full = Dim(window.strides[i]) * (size - Dim(1)) + Dim((window.kernel[i] - 1) * window.dilations[i] + 1 + extra[i]);
      std::int64_t total = known_size(node, full - target, "the padding");
      if (total < 0) {  // a larger result than the windows reach: more at the end
        extra[i] -= total;
        total = 0;
      }
      window.pads[i] = window.same_upper || !window.same ? total / 2 : total - total / 2;
      if (!wanted.empty() && !window.same_upper) window.pads[i] = total - total / 2;
      window.pads[rank + i] = total - window.pads[i];
    }
  }
  node.give(node.build().call("conv_transpose", node.inputs(),
                              {{"strides", window.strides},
                               {"pads", window.pads},
                               {"dilations", window.dilations},
                               {"output_padding", extra},
                               {"groups", node.integer("group", 1)}}));
}

Window read_pool_window(OnnxNode& node) {
  Window window = read_window(node, node.integers("kernel_shape", {}));
  if (window.same) window.pads = same_pads(node, spatial(node.type(0)), window.kernel, window.strides, window.dilations, window.same_upper);
  return window;
}

Attributes pool_attributes(OnnxNode& node, const Window& window) {
  return {{"kernel_size", window.kernel},
          {"strides", window.strides},
          {"pads", window.pads},
          {"dilations", window.dilations},
          {"ceil_mode", node.flag("ceil_mode", false)}};
}

// Where in x each window's largest element lies: its number among all elements, pictures counted by rows or (storage_order 1) by columns.
Var positions_of_largest(const OnnxNode& node, const Window& window, const Attributes& attributes, bool by_columns) {
  Builder& build = node.build();
  const Var x = node.input(0), tap = cast(build.call("max_pool_tap", {x}, attributes), DType::i64);
  const int rank = static_cast<int>(window.kernel.size());
  const auto number = [&](const Dim& value) { return build.call("size_value", {}, {{"size", Shape{value}}, {"dtype", DType::i64}}); };
  const auto counted = [&](int axis) {
    Shape line(static_cast<std::size_t>(rank) + 2, Dim(1));
    line[static_cast<std::size_t>(axis)] = tap.size(axis);
    return reshape(build.call("arange", {}, {{"size", Shape{tap.size(axis)}}, {"dtype", DType::i64}}), line);
  };
  std::vector<Var> place(static_cast<std::size_t>(rank));  // in the picture, one an axis
  Var rest = tap;
  for (std::size_t i = place.size(); i-- > 0;) {
    const Var size = build.constant(DType::i64, static_cast<double>(window.kernel[i])), r = build.call("mod", {rest, size});
    const std::int64_t pad = window.pads.empty() ? 0 : window.pads[i];
    place[i] = counted(static_cast<int>(i) + 2) * static_cast<double>(window.strides[i]) + r * static_cast<double>(window.dilations[i]) -
               static_cast<double>(pad);
    rest = build.call("floor_div", {rest, size});
  }
  Var at = counted(0) * number(x.size(1)) + counted(1);
  for (int i = 0; i < rank; ++i) at = at * number(x.size(i + 2));
  Var within;
  for (int i = 0; i < rank; ++i) {
    const int axis = by_columns ? rank - 1 - i : i;
    const Var& next = place[static_cast<std::size_t>(axis)];
    within = within ? within * number(x.size(axis + 2)) + next : next;
  }
  return at + within;
}

void read_max_pool(OnnxNode& node) {
  const bool by_columns = node.flag("storage_order", false);
  const Window window = read_pool_window(node);
  const Attributes attributes = pool_attributes(node, window);
  node.give(node.build().call("max_pool", {node.input(0)}, attributes));
  if (node.wants(1)) node.give(positions_of_largest(node, window, attributes, by_columns));
}

void read_average_pool(OnnxNode& node) {
  const Window window = read_pool_window(node);
  Attributes attributes = pool_attributes(node, window);
  attributes["count_include_pad"] = node.flag("count_include_pad", false);
  node.give(node.build().call("average_pool", {node.input(0)}, std::move(attributes)));
}

// (sum over the window of |x|^p)^(1/p), by way of the mean: padding counts as zeros.
void read_lp_pool(OnnxNode& node) {
  const Window window = read_pool_window(node);
  const double p = node.opset() < 2 ? node.number("p", 2) : static_cast<double>(node.integer("p", 2));
  Attributes attributes = pool_attributes(node, window);
  if (std::get<bool>(attributes["ceil_mode"])) node.fail("ceil_mode is not supported here");
  attributes["count_include_pad"] = true;
  double elements = 1;
  for (const std::int64_t size : window.kernel) elements *= static_cast<double>(size);
  const Var x = unary("abs", node.input(0));
  const Var power = node.build().constant(x.dtype(), p), root = node.build().constant(x.dtype(), 1 / p);
  const Var mean = node.build().call("average_pool", {node.build().call("pow", {x, power})}, std::move(attributes));
  node.give(node.build().call("pow", {mean * elements, root}));
}

void read_global_lp_pool(OnnxNode& node) {
  const double p = node.opset() < 2 ? node.number("p", 2) : static_cast<double>(node.integer("p", 2));
  const Var x = unary("abs", node.input(0));
  std::vector<std::int64_t> axes;
  for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  const Var total = sum(node.build().call("pow", {x, node.build().constant(x.dtype(), p)}), axes, true);
  node.give(node.build().call("pow", {total, node.build().constant(x.dtype(), 1 / p)}));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "Conv", .read = read_conv}},
    RegisterOnnx{{.type = "ConvTranspose", .read = read_conv_transpose}},
    RegisterOnnx{{.type = "AveragePool", .read = read_average_pool}},
    RegisterOnnx{{.type = "LpPool", .read = read_lp_pool}},
    RegisterOnnx{{.type = "GlobalLpPool", .read = read_global_lp_pool}},
    RegisterOnnx{{.type = "MaxPool", .read = read_max_pool}},
};

}  // namespace
}  // namespace neap::read_window_onnx

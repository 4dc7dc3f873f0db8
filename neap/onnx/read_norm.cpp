// Normalisations and linear layers.
#include "neap/onnx/reader.h"

namespace neap::read_norm_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// The statistics of the batch and the running ones, as population variance; before opset 9 old attributes say which of the two.
void read_batch_norm(OnnxNode& node) {
  node.ignore("consumed_inputs");
  if (!node.flag("spatial", true)) node.fail("statistics for each pixel (spatial = 0) are not supported");
  const double epsilon = node.number("epsilon", 1e-5), momentum = node.number("momentum", 0.9);
  bool training = node.flag("training_mode", false);
  if (node.opset() < 7) training = !node.flag("is_test", false);
  if (node.opset() >= 7 && node.opset() < 14) training = node.output_count() > 1;
  std::vector<Var> x = node.inputs();
  if (x.size() != 5) node.fail(fmt::format("takes 5 inputs, {} are given", x.size()));
  const DType statistics = x[3].dtype();
  for (std::size_t i = 1; i < 5; ++i) x[i] = cast(x[i], x[0].dtype());
  if (!training) return node.give(node.build().call("batch_norm_inference", x, {{"epsilon", epsilon}}));
  const std::vector<Var> y = node.build().calls("batch_norm", {x[0], x[1], x[2]}, {{"epsilon", epsilon}});
  node.give(y[0]);
  const auto running = [&](const Var& old, const Var& fresh) { return cast(old * momentum + fresh * (1 - momentum), statistics); };
  node.give(running(x[3], y[1]));
  node.give(running(x[4], y[2]));
}

// alpha * a b + beta * c
void read_gemm(OnnxNode& node) {
  node.ignore("broadcast");
  const double alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  Var y = node.build().call("matmul", {node.input(0), node.input(1)},
                            {{"transpose_a", node.flag("transA", false)}, {"transpose_b", node.flag("transB", false)}});
  if (y.rank() != 2) node.fail("takes matrices");
  if (alpha != 1) y = y * alpha;
  if (node.has(2) && beta != 0) y = y + (beta == 1 ? node.input(2) : node.input(2) * beta);
  node.give(y);
}

// The dtype of the statistics.
DType stashed(const OnnxNode& node, DType dtype) { return node.integer("stash_type", 1) == 1 && size_of(dtype) < 4 ? DType::f32 : dtype; }

// Mean and 1 / deviation are outputs as well.
void read_layer_norm(OnnxNode& node) {
  const Var x = node.input(0);
  const std::int64_t first = node.axis(node.integer("axis", -1), x.rank());
  const double epsilon = node.number("epsilon", 1e-5);
  const DType inner = stashed(node, x.dtype());
  if (!node.wants(1) && !node.wants(2) && inner == x.dtype() && static_cast<int>(first) == x.rank() - node.rank(1)) {
    std::vector<Var> inputs{x, node.input(1)};
    if (node.has(2)) inputs.push_back(node.input(2));
    return node.give(node.build().call("layer_norm", inputs, {{"axis", first}, {"epsilon", epsilon}}));
  }
  Integers axes;
  for (std::int64_t axis = first; axis < x.rank(); ++axis) axes.push_back(axis);
  const std::vector<Var> y = node.build().calls("standardize", {cast(x, inner)}, {{"axes", axes}, {"epsilon", epsilon}});
  Var result = cast(y[0], x.dtype()) * node.input(1);
  if (node.has(2)) result = result + node.input(2);
  node.give(result);
  Shape kept = x.shape();
  for (const std::int64_t axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
  node.give(reshape(y[1], kept));
  node.give(reshape(y[2], kept));
}

void read_rms_norm(OnnxNode& node) {
  const Var x = node.input(0);
  const std::int64_t first = node.axis(node.integer("axis", -1), x.rank());
  const DType inner = stashed(node, x.dtype());
  const Attributes attributes{{"axis", first}, {"epsilon", node.number("epsilon", 1e-5)}};
  node.give(cast(node.build().call("rms_norm", {cast(x, inner), cast(node.input(1), inner)}, attributes), x.dtype()));
}

void read_group_norm(OnnxNode& node) {
  const Var x = node.input(0);
  const DType inner = stashed(node, x.dtype());
  const Attributes attributes{{"groups", node.integer("num_groups", 0)}, {"epsilon", node.number("epsilon", 1e-5)}};
  const std::vector<Var> inputs{cast(x, inner), cast(node.input(1), inner), cast(node.input(2), inner)};
  node.give(cast(node.build().call("group_norm", inputs, attributes), x.dtype()));
}

// Before opset 21 scale and bias are per group.
void read_group_norm_by_group(OnnxNode& node) {
  const Var x = node.input(0);
  const std::int64_t groups = node.integer("num_groups", 0);
  Dim width;
  if (groups < 1 || x.rank() < 2 || !Dim::divide_exactly(x.size(1), groups, width))
    node.fail(fmt::format("{} groups of {}", groups, x.type().to_string()));
  const auto per_channel = [&](const Var& v) { return reshape(expand(reshape(v, {groups, 1}), {groups, width}), {x.size(1)}); };
  node.give(node.build().call("group_norm", {x, per_channel(node.input(1)), per_channel(node.input(2))},
                              {{"groups", groups}, {"epsilon", node.number("epsilon", 1e-5)}}));
}

// (x - mean) / deviation over axes; the reference adds 1e-9 to the deviation.
void read_mean_variance(OnnxNode& node) {
  const Var x = node.input(0);
  const Integers axes = node.axes(node.integers("axes", {0, 2, 3}), x.rank());
  const Var centred = x - mean(x, axes, true);
  node.give(centred / (sqrt(mean(centred * centred, axes, true)) + 1e-9));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "BatchNormalization", .read = read_batch_norm}},
    RegisterOnnx{{.type = "Gemm", .read = read_gemm}},
    RegisterOnnx{{.type = "LayerNormalization", .since = 17, .read = read_layer_norm}},
    RegisterOnnx{{.type = "GroupNormalization", .since = 18, .read = read_group_norm_by_group}},
    RegisterOnnx{{.type = "GroupNormalization", .since = 21, .read = read_group_norm}},
    RegisterOnnx{{.type = "RMSNormalization", .since = 23, .read = read_rms_norm}},
    RegisterOnnx{{.type = "MeanVarianceNormalization", .since = 9, .read = read_mean_variance}},
};

}  // namespace
}  // namespace neap::read_norm_onnx

// Steps of optimisers (domain ai.onnx.preview.training): parameters, gradients and moments in, new parameters and moments out.
#include <functional>

#include "neap/onnx/reader.h"

namespace neap::read_training_onnx {
namespace {

// R, T, then for each of the n tensors its x, its gradient, and its moments, each kind together.
struct Step {
  Var rate, count;
  std::int64_t tensors;
};

Step read_step(OnnxNode& node, int kinds) {
  if (node.input_count() < 2 + kinds || (node.input_count() - 2) % kinds != 0) node.fail(fmt::format("{} inputs", node.input_count()));
  return {reshape(node.input(0), {}), reshape(node.input(1), {}), (node.input_count() - 2) / kinds};
}

Var tensor(const OnnxNode& node, const Step& step, int kind, std::int64_t i) {
  return node.input(2 + kind * static_cast<int>(step.tensors) + static_cast<int>(i));
}

void give_by_kind(OnnxNode& node, const std::vector<std::vector<Var>>& results) {
  for (std::size_t kind = 0; kind < results[0].size(); ++kind) {
    for (const std::vector<Var>& of_tensor : results) node.give(of_tensor[kind]);
  }
}

// H += g^2; x -= rate / (1 + t decay) * g / (sqrt(H) + epsilon)
void read_adagrad(OnnxNode& node) {
  const Step step = read_step(node, 3);
  const double decay = node.number("decay_factor", 0), epsilon = node.number("epsilon", 1e-6), norm = node.number("norm_coefficient", 0);
  const Var rate = step.rate / (cast(step.count, step.rate.dtype()) * decay + 1);
  std::vector<std::vector<Var>> results;
  for (std::int64_t i = 0; i < step.tensors; ++i) {
    const Var x = tensor(node, step, 0, i), g = tensor(node, step, 1, i) + x * norm, h = tensor(node, step, 2, i) + g * g;
    results.push_back({x - rate * g / (sqrt(h) + epsilon), h});
  }
  give_by_kind(node, results);
}

void read_adam(OnnxNode& node) {
  const Step step = read_step(node, 4);
  const double alpha = node.number("alpha", 0.9), beta = node.number("beta", 0.999), epsilon = node.number("epsilon", 1e-6);
  const double norm = node.number("norm_coefficient", 0), norm_after = node.number("norm_coefficient_post", 0);
  Builder& build = node.build();
  const Var t = cast(step.count, step.rate.dtype());
  const auto power = [&](double base) { return build.call("pow", {build.constant(t.dtype(), base), t}); };
  const Var corrected = step.rate * sqrt(1 - power(beta)) / (1 - power(alpha));
  const Var rate = where(build.call("greater", {t, build.constant(t.dtype(), 0)}), corrected, step.rate);
  std::vector<std::vector<Var>> results;
  for (std::int64_t i = 0; i < step.tensors; ++i) {
    const Var x = tensor(node, step, 0, i), g = tensor(node, step, 1, i) + x * norm;
    const Var v = tensor(node, step, 2, i) * alpha + g * (1 - alpha), h = tensor(node, step, 3, i) * beta + g * g * (1 - beta);
    results.push_back({(x - rate * v / (sqrt(h) + epsilon)) * (1 - norm_after), v, h});
  }
  give_by_kind(node, results);
}

// v = alpha v + (beta at the first step 1) g; x -= rate * v, or with Nesterov's look ahead rate * (g + alpha v)
void read_momentum(OnnxNode& node) {
  const Step step = read_step(node, 3);
  const double alpha = node.number("alpha", 0), beta = node.number("beta", 0), norm = node.number("norm_coefficient", 0);
  const std::string mode = node.text("mode", "standard");
  if (mode != "standard" && mode != "nesterov") node.fail("the mode is neither standard nor nesterov");
  Builder& build = node.build();
  const Var t = cast(step.count, step.rate.dtype());
  const Var weight =
      where(build.call("greater", {t, build.constant(t.dtype(), 0)}), build.constant(t.dtype(), beta), build.constant(t.dtype(), 1));
  std::vector<std::vector<Var>> results;
  for (std::int64_t i = 0; i < step.tensors; ++i) {
    const Var x = tensor(node, step, 0, i), g = tensor(node, step, 1, i) + x * norm;
    const Var v = tensor(node, step, 2, i) * alpha + weight * g;
    results.push_back({x - step.rate * (mode == "nesterov" ? g + v * alpha : v), v});
  }
  give_by_kind(node, results);
}

const RegisterOnnx adagrad{{.type = "ai.onnx.preview.training.Adagrad", .read = read_adagrad}};
const RegisterOnnx adam{{.type = "ai.onnx.preview.training.Adam", .read = read_adam}};
const RegisterOnnx momentum{{.type = "ai.onnx.preview.training.Momentum", .read = read_momentum}};

}  // namespace
}  // namespace neap::read_training_onnx

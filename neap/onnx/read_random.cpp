// Random numbers: drawn by Neap's counter (ops/random.cpp), so that a model gives the same numbers in every run, on any number of threads.
#include <bit>

#include "neap/onnx/reader.h"

namespace neap {

RandomSource random_source(const OnnxNode& node, std::optional<std::int64_t> seed) {
  Builder& build = node.build();
  const std::int64_t stream = seed ? 0 : 1 + static_cast<std::int64_t>(build.graph().nodes().size());
  return {build.constant(Array::scalar(seed.value_or(0))), stream};
}

namespace read_random_onnx {
namespace {

std::optional<std::int64_t> seed_of(const OnnxNode& node) {
  if (!node.has("seed")) return std::nullopt;
  return std::bit_cast<std::uint32_t>(static_cast<float>(node.number("seed", 0)));
}

// The shape is an attribute, or that of an input.
void draw(OnnxNode& node, const char* op, bool like, const Attributes& numbers) {
  Attributes attributes = numbers;
  Shape shape;
  DType otherwise = DType::f32;
  if (like) {
    const Type type = node.type(0);
    shape = type.shape;
    otherwise = type.dtype;
  } else {
    for (const std::int64_t size : node.integers("shape", {})) {
      if (size < 0) node.fail(fmt::format("a size of {}", size));
      shape.emplace_back(size);
    }
  }
  const RandomSource source = random_source(node, seed_of(node));
  attributes["shape"] = shape;
  attributes["dtype"] = node.dtype("dtype", otherwise);
  attributes["stream"] = source.stream;
  node.give(node.build().call(op, {source.seed}, std::move(attributes)));
}

std::function<void(OnnxNode&)> uniform(bool like) {
  return [like](OnnxNode& node) { draw(node, "random_uniform", like, {{"low", node.number("low", 0)}, {"high", node.number("high", 1)}}); };
}

std::function<void(OnnxNode&)> normal(bool like) {
  return [like](OnnxNode& node) {
    draw(node, "random_normal", like, {{"mean", node.number("mean", 0)}, {"scale", node.number("scale", 1)}});
  };
}

void read_bernoulli(OnnxNode& node) {
  const Var p = node.input(0);
  const DType dtype = node.dtype("dtype", p.dtype());
  const RandomSource source = random_source(node, seed_of(node));
  node.give(cast(node.build().call("bernoulli", {p, source.seed}, {{"stream", source.stream}}), dtype));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "RandomUniform", .read = uniform(false), .fold = false}},
    RegisterOnnx{{.type = "RandomUniformLike", .read = uniform(true), .fold = false}},
    RegisterOnnx{{.type = "RandomNormal", .read = normal(false), .fold = false}},
    RegisterOnnx{{.type = "RandomNormalLike", .read = normal(true), .fold = false}},
    RegisterOnnx{{.type = "Bernoulli", .since = 15, .read = read_bernoulli, .fold = false}},
};

}  // namespace
}  // namespace read_random_onnx
}  // namespace neap

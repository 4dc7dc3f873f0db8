// Windows and Fourier transforms: products with matrices that are known when the model is read.
#include <cmath>
#include <numbers>

#include "neap/onnx/reader.h"

namespace neap::read_signal_onnx {
namespace {

constexpr double turn = 2 * std::numbers::pi;
constexpr std::int64_t longest = 1 << 20, largest_matrix = 1 << 22;

// a - b cos(2 pi i / n) + c cos(4 pi i / n), over n elements or, symmetric, over one less.
std::function<void(OnnxNode&)> cosine_window(double a, double b, double c) {
  return [=](OnnxNode& node) {
    const std::int64_t size = node.integers(0).at(0);
    if (size < 1 || size > longest) node.fail(fmt::format("a window of {} elements", size));
    const double n = static_cast<double>(node.flag("periodic", true) ? size : size - 1);
    Array window(node.dtype("output_datatype", DType::f32), {size});
    for (std::int64_t i = 0; i < size; ++i) {
      const double at = n == 0 ? 0 : turn * static_cast<double>(i) / n;
      window.set(i, a - b * std::cos(at) + c * std::cos(2 * at));
    }
    node.give(std::move(window));
  };
}

// y[k] = sum_n x[n] e^(-+ 2 pi i k n / N) along an axis; the last axis holds real and imaginary parts.
void read_dft(OnnxNode& node) {
  const Var x = node.input(0);
  const int rank = x.rank();
  const bool inverse = node.flag("inverse", false), onesided = node.flag("onesided", false);
  const std::int64_t given = node.opset() < 20 ? node.integer("axis", 1) : node.has(2) ? node.integers(2).at(0) : -2;
  if (inverse && onesided)
    node.fail("the inverse of one half of a spectrum is not supported", "give the whole, or only one of inverse and onesided");
  if (rank < 2) node.fail("takes at least one axis and the parts of numbers");
  const int axis = node.axis(given, rank);
  const Dim parts = x.size(-1), whole = x.size(axis);
  if (axis == rank - 1 || !whole.is_constant() || !(parts == Dim(1) || parts == Dim(2)))
    node.fail("takes [..., N, ..., 1 or 2] of known N", "give the sizes of the inputs");
  const std::int64_t n = node.has(1) ? node.integers(1).at(0) : whole.constant();
  if (n != whole.constant()) node.fail("a length other than the axis's is not supported", "pad or slice before");
  const std::int64_t outputs = onesided ? n / 2 + 1 : n;
  if (n < 1 || outputs > largest_matrix / n) node.fail(fmt::format("a transform of {} elements", n));
  std::vector<double> cosines, sines;
  for (std::int64_t k = 0; k < outputs; ++k) {
    for (std::int64_t i = 0; i < n; ++i) {
      const double angle = (inverse ? turn : -turn) * static_cast<double>(k * i % n) / static_cast<double>(n),
                   scale = inverse ? 1.0 / static_cast<double>(n) : 1;
      cosines.push_back(scale * std::cos(angle));
      sines.push_back(scale * std::sin(angle));
    }
  }
  Builder& build = node.build();
  Shape rows{element_count(Shape(x.shape().begin(), x.shape().begin() + axis)), n,
             element_count(Shape(x.shape().begin() + axis + 1, x.shape().end() - 1))};
  Shape shape = x.shape();
  shape[static_cast<std::size_t>(axis)] = outputs;
  shape.back() = 1;
  const auto part = [&](std::int64_t at) {
    return reshape(
        build.call("slice", {x}, {{"starts", Shape{at}}, {"stops", Shape{at + 1}}, {"axes", std::vector<std::int64_t>{rank - 1}}}), rows);
  };
  const auto times = [&](const std::vector<double>& matrix, const Var& of) {
    return reshape(matmul(build.constant(Array::of(matrix, {outputs, n}).cast(x.dtype())), of), shape);
  };
  const Var real = part(0);
  Var y_real = times(cosines, real), y_imaginary = times(sines, real);
  if (parts == Dim(2)) {
    const Var imaginary = part(1);
    y_real = y_real - times(sines, imaginary);
    y_imaginary = y_imaginary + times(cosines, imaginary);
  }
  node.give(build.call("concat", {y_real, y_imaginary}, {{"axis", std::int64_t{rank - 1}}}));
}

// Triangles of equal width on the mel scale, from the bins of a spectrum.
void read_mel_weights(OnnxNode& node) {
  const std::int64_t mels = node.integers(0).at(0), length = node.integers(1).at(0), rate = node.integers(2).at(0);
  const double low = node.numbers(3).at(0), high = node.numbers(4).at(0);
  const std::int64_t bins = length / 2 + 1;
  if (mels < 1 || length < 1 || rate < 1 || mels > largest_matrix / bins) node.fail(fmt::format("{} bands of {} bins", mels, bins));
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  std::vector<std::int64_t> edges;
  for (std::int64_t i = 0; i < mels + 2; ++i) {
    const double at = mel(low) + static_cast<double>(i) * ((mel(high) - mel(low)) / static_cast<double>(mels + 2));
    const double hertz = 700 * (std::pow(10, at / 2595) - 1);
    edges.push_back(static_cast<std::int64_t>(std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate))));
  }
  Array weights = Array::zeros(node.dtype("output_datatype", DType::f32), {bins, mels});
  const auto set = [&](std::int64_t bin, std::int64_t band, double value) {
    if (bin >= 0 && bin < bins) weights.set(bin * mels + band, value);
  };
  for (std::int64_t i = 0; i < mels; ++i) {
    const std::int64_t from = edges[static_cast<std::size_t>(i)], centre = edges[static_cast<std::size_t>(i + 1)],
                       to = edges[static_cast<std::size_t>(i + 2)];
    if (centre == from) set(centre, i, 1);
    for (std::int64_t j = std::max<std::int64_t>(from, 0); centre != from && j <= std::min(centre, bins); ++j)
      set(j, i, static_cast<double>(j - from) / static_cast<double>(centre - from));
    for (std::int64_t j = std::max<std::int64_t>(centre, 0); to != centre && j < std::min(to, bins); ++j)
      set(j, i, static_cast<double>(to - j) / static_cast<double>(to - centre));
  }
  node.give(std::move(weights));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "HannWindow", .since = 17, .read = cosine_window(0.5, 0.5, 0)}},
    RegisterOnnx{{.type = "HammingWindow", .since = 17, .read = cosine_window(25.0 / 46, 21.0 / 46, 0)}},
    RegisterOnnx{{.type = "BlackmanWindow", .since = 17, .read = cosine_window(0.42, 0.5, 0.08)}},
    RegisterOnnx{{.type = "DFT", .since = 17, .read = read_dft}},
    RegisterOnnx{{.type = "MelWeightMatrix", .since = 17, .read = read_mel_weights}},
};

}  // namespace
}  // namespace neap::read_signal_onnx

// Normalisations, softmax and cross entropy against plain loops, and where numbers are large, infinite or not numbers.
#include "tests/ops/calls.h"

namespace neap::norm_test {
namespace {

using testing::expect_near;
using testing::random;
using testing::refusal;
using testing::run;

constexpr double infinity = HUGE_VAL;

TEST(BatchNorm, NormalisesEachChannel) {
  const Array x = random({3, 2, 5}), scale = random({2}, 2), bias = random({2}, 3);
  std::vector<double> y(30), means(2), variances(2);
  for (std::int64_t c = 0; c < 2; ++c) {
    const auto at = [&](std::int64_t i) { return (i / 5 * 2 + c) * 5 + i % 5; };
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < 15; ++i) mean += x.get(at(i)) / 15;
    for (std::int64_t i = 0; i < 15; ++i) variance += std::pow(x.get(at(i)) - mean, 2) / 15;
    for (std::int64_t i = 0; i < 15; ++i)
      y[static_cast<std::size_t>(at(i))] = (x.get(at(i)) - mean) / std::sqrt(variance + 0.01) * scale.get(c) + bias.get(c);
    means[static_cast<std::size_t>(c)] = mean, variances[static_cast<std::size_t>(c)] = variance;
  }
  for (const bool shifted : {false, true}) {
    std::vector<Array> inputs{x, scale, bias};
    if (shifted) inputs.push_back(random({2}, 4));
    const std::vector<Array> got = run("batch_norm", inputs, {{"epsilon", 0.01}});
    expect_near(got[0], y);
    expect_near(got[1], means);
    expect_near(got[2], variances);
    expect_near(run("batch_norm_inference", {x, scale, bias, got[1], got[2]}, {{"epsilon", 0.01}})[0], y);
  }
}

TEST(BatchNorm, ShiftNearTheMeanKeepsTheVariance) {
  Array x = random({64, 1}, 1, DType::f32);
  for (std::int64_t i = 0; i < 64; ++i) x.set(i, x.get(i) + 1e4);
  double mean = 0, variance = 0;
  for (std::int64_t i = 0; i < 64; ++i) mean += x.get(i) / 64;
  for (std::int64_t i = 0; i < 64; ++i) variance += std::pow(x.get(i) - mean, 2) / 64;
  const Array one = Array::full(DType::f32, {1}, 1);
  const double got = run("batch_norm", {x, one, one, Array::full(DType::f32, {1}, 1e4)})[2].get(0);
  EXPECT_NEAR(got, variance, 1e-5 * variance);
}

TEST(BatchNorm, RefusesOtherChannels) {
  const Array x = Array::zeros(DType::f32, {2, 3, 4}), three = Array::zeros(DType::f32, {3}), four = Array::zeros(DType::f32, {4});
  EXPECT_EQ(refusal("batch_norm", {x, four, three}), "batch_norm: operand 'scale' is f32[4]");
  EXPECT_EQ(refusal("batch_norm", {x, three, Array::zeros(DType::f64, {3})}), "batch_norm: operand 'bias' is f64[3]");
  EXPECT_EQ(refusal("batch_norm", {three, three, three}), "batch_norm: normalises floating-point values [N,C,...]");
}

TEST(Softmax, ExtremeRows) {
  const double nan = std::nan("");
  const Array x =
      Array::of(std::vector<double>{1e30, 1e30, -1e30, -infinity, 0, -infinity, -infinity, -infinity, -infinity, 1, nan, 2}, {4, 3});
  expect_near(run("softmax", {x})[0], {0.5, 0.5, 0, 0, 1, 0, nan, nan, nan, nan, nan, nan});
  const double half = std::log(0.5);
  expect_near(run("log_softmax", {x})[0], {half, half, -2e30, -infinity, 0, -infinity, nan, nan, nan, nan, nan, nan}, 1e-10);
}

TEST(Softmax, AnyAxisAndSize) {
  for (const Sizes& sizes : {Sizes{2, 3, 4}, Sizes{1, 1, 1}, Sizes{5, 0, 2}, Sizes{3, 1, 7}}) {
    for (const std::int64_t axis : {0, 1, 2, -1, -3}) {
      const Array x = random(sizes), y = run("softmax", {x}, {{"axis", axis}})[0], logarithm = run("log_softmax", {x}, {{"axis", axis}})[0];
      const auto a = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
      std::int64_t inner = 1;
      for (std::size_t i = a + 1; i < 3; ++i) inner *= sizes[i];
      std::vector<double> wanted(static_cast<std::size_t>(x.count())), logs(wanted.size());
      for (std::int64_t i = 0; i < x.count(); ++i) {
        double total = 0;
        for (std::int64_t j = 0; j < sizes[a]; ++j) total += std::exp(x.get(i - i / inner % sizes[a] * inner + j * inner));
        wanted[static_cast<std::size_t>(i)] = std::exp(x.get(i)) / total;
        logs[static_cast<std::size_t>(i)] = x.get(i) - std::log(total);
      }
      expect_near(y, wanted);
      expect_near(logarithm, logs);
    }
  }
  EXPECT_EQ(refusal("softmax", {random({2, 3})}, {{"axis", std::int64_t{2}}}), "softmax: axis 2 is not an axis of rank 2");
  EXPECT_EQ(refusal("softmax", {Array::zeros(DType::i64, {2})}), "softmax: takes floating-point values");
}

TEST(CrossEntropy, IsMinusTheLogarithmOfTheLabelsShare) {
  const Array x = random({4, 3}), labels = Array::of(std::vector<std::int64_t>{2, 0, 1, 2});
  for (const double s : {0.0, 0.25}) {
    std::vector<double> rows;
    double total = 0;
    for (std::int64_t n = 0; n < 4; ++n) {
      double sum = 0, row = 0;
      for (std::int64_t c = 0; c < 3; ++c) sum += std::exp(x.get(n * 3 + c));
      for (std::int64_t c = 0; c < 3; ++c) row -= ((c == labels.get_int(n) ? 1 - s : 0) + s / 3) * (x.get(n * 3 + c) - std::log(sum));
      rows.push_back(row);
      total += row;
    }
    const auto loss = [&](const char* reduction) {
      return run("cross_entropy", {x, labels}, {{"reduction", std::string(reduction)}, {"label_smoothing", s}})[0];
    };
    expect_near(loss("none"), rows);
    expect_near(loss("sum"), {total});
    expect_near(loss("mean"), {total / 4});
  }
}

TEST(CrossEntropy, LargeLogitsAndWrongLabels) {
  const Array x = Array::of(std::vector<double>{1e30, 0, -1e30, 5, -infinity, 5}, {3, 2});
  expect_near(run("cross_entropy", {x, Array::of(std::vector<std::int64_t>{0, 0, 1})}, {{"reduction", std::string("none")}})[0],
              {0, 1e30, 0});
  const Array wrong = run("cross_entropy", {x, Array::of(std::vector<std::int64_t>{0, 2, -1})}, {{"reduction", std::string("none")}})[0];
  expect_near(wrong, {0, std::nan(""), std::nan("")});
}

TEST(CrossEntropy, ErrorsAreNamed) {
  const Array x = random({4, 3}), labels = Array::zeros(DType::i64, {4});
  EXPECT_EQ(refusal("cross_entropy", {x, Array::zeros(DType::i64, {3})}), "cross_entropy: labels of shape [3] for logits of shape [4,3]");
  EXPECT_EQ(refusal("cross_entropy", {x, Array::zeros(DType::f32, {4})}), "cross_entropy: labels are f32");
  EXPECT_EQ(refusal("cross_entropy", {x, labels}, {{"reduction", std::string("average")}}), "cross_entropy: reduction is 'average'");
  EXPECT_EQ(refusal("cross_entropy", {x, labels}, {{"label_smoothing", 2.0}}), "cross_entropy: label_smoothing is 2");
}

// Standardizes runs of `run` elements that lie together, with a scale and bias for element i of all given by f.
template <class F>
std::vector<double> standardized(const Array& x, std::int64_t run, double epsilon, F&& affine) {
  std::vector<double> y;
  for (std::int64_t begin = 0; begin < x.count(); begin += run) {
    double mean = 0, variance = 0;
    for (std::int64_t i = begin; i < begin + run; ++i) mean += x.get(i) / static_cast<double>(run);
    for (std::int64_t i = begin; i < begin + run; ++i) variance += std::pow(x.get(i) - mean, 2) / static_cast<double>(run);
    for (std::int64_t i = begin; i < begin + run; ++i) y.push_back(affine(i, (x.get(i) - mean) / std::sqrt(variance + epsilon)));
  }
  return y;
}

TEST(Norms, OfOneExample) {
  const Array x = random({2, 6, 5}), five = random({5}, 2), thirty = random({6, 5}, 3), six = random({6}, 4), other = random({6}, 5);
  const Attributes epsilon{{"epsilon", 0.01}};
  expect_near(run("layer_norm", {x}, epsilon)[0], standardized(x, 5, 0.01, [](auto, double y) { return y; }));
  expect_near(run("layer_norm", {x, five, five}, epsilon)[0],
              standardized(x, 5, 0.01, [&](auto i, double y) { return y * five.get(i % 5) + five.get(i % 5); }));
  expect_near(run("layer_norm", {x, thirty}, {{"epsilon", 0.01}, {"axis", std::int64_t{1}}})[0],
              standardized(x, 30, 0.01, [&](auto i, double y) { return y * thirty.get(i % 30); }));
  const auto per_channel = [&](auto i, double y) { return y * six.get(i / 5 % 6) + other.get(i / 5 % 6); };
  expect_near(run("instance_norm", {x, six, other}, epsilon)[0], standardized(x, 5, 0.01, per_channel));
  for (const std::int64_t groups : {1, 2, 3, 6}) {
    expect_near(run("group_norm", {x, six, other}, {{"groups", groups}, {"epsilon", 0.01}})[0],
                standardized(x, 30 / groups, 0.01, per_channel));
  }
  std::vector<double> rms, length;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    double power = 0;
    for (std::int64_t j = 0; j < 5; ++j) power += std::pow(x.get(i / 5 * 5 + j), 2);
    rms.push_back(x.get(i) / std::sqrt(power / 5 + 0.01) * five.get(i % 5));
    length.push_back(x.get(i) / std::sqrt(power));
  }
  expect_near(run("rms_norm", {x, five}, epsilon)[0], rms);
  expect_near(run("lp_normalize", {x})[0], length);
  EXPECT_EQ(refusal("layer_norm", {x, six}), "layer_norm: operand 'scale' has shape [6]");
  EXPECT_EQ(refusal("group_norm", {x}, {{"groups", std::int64_t{4}}}), "group_norm: 6 channels in 4 groups");
  EXPECT_EQ(refusal("group_norm", {x, five}, {{"groups", std::int64_t{2}}}), "group_norm: operand 'scale' has shape [5]");
}

TEST(Norms, OfZeros) {
  const Array zeros = Array::zeros(DType::f32, {2, 3});
  for (const char* op : {"layer_norm", "rms_norm", "lp_normalize"}) expect_near(run(op, {zeros})[0], std::vector<double>(6));
}

TEST(Norms, LocalResponse) {
  const Array x = random({2, 5, 3});
  for (const std::int64_t size : {1, 2, 3, 4, 7}) {
    std::vector<double> wanted;
    for (std::int64_t i = 0; i < x.count(); ++i) {
      const std::int64_t c = i / 3 % 5;
      double power = 0;
      // ONNX: from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2)
      for (std::int64_t other = std::max<std::int64_t>(0, c - (size - 1) / 2); other <= std::min<std::int64_t>(4, c + size / 2); ++other)
        power += std::pow(x.get(i + (other - c) * 3), 2);
      wanted.push_back(x.get(i) / std::pow(2 + 0.3 * power / static_cast<double>(size), 0.6));
    }
    expect_near(run("local_response_norm", {x}, {{"size", size}, {"alpha", 0.3}, {"beta", 0.6}, {"bias", 2.0}})[0], wanted);
  }
}

}  // namespace
}  // namespace neap::norm_test

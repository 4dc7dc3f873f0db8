// Random numbers: their distribution, and that they depend on seed, stream and position alone.
#include "neap/ir/scalar.h"
#include "tests/ops/calls.h"

namespace neap::random_test {
namespace {

using testing::refusal;
using testing::run;

Array seed(std::int64_t value) { return Array::scalar<std::int64_t>(value); }

struct Moments {
  double mean = 0, variance = 0, least = HUGE_VAL, largest = -HUGE_VAL;
  explicit Moments(const Array& x) {
    const auto n = static_cast<double>(x.count());
    for (std::int64_t i = 0; i < x.count(); ++i)
      mean += x.get(i) / n, least = std::min(least, x.get(i)), largest = std::max(largest, x.get(i));
    for (std::int64_t i = 0; i < x.count(); ++i) variance += std::pow(x.get(i) - mean, 2) / n;
  }
};

Attributes of_shape(const Shape& shape, DType dtype = DType::f32) { return {{"shape", shape}, {"dtype", dtype}}; }

TEST(Random, UniformIsEven) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Attributes attributes = of_shape({100, 100}, dtype);
    attributes["low"] = -1.0, attributes["high"] = 3.0;
    const Moments m(run("random_uniform", {seed(5)}, attributes)[0]);
    EXPECT_NEAR(m.mean, 1, 0.05);
    EXPECT_NEAR(m.variance, 16.0 / 12, 0.05);
    EXPECT_GE(m.least, -1);
    EXPECT_LT(m.largest, 3);
  }
}

TEST(Random, NormalIsNormal) {
  Attributes attributes = of_shape({100, 200});
  attributes["mean"] = 2.0, attributes["scale"] = 3.0;
  const Array x = run("random_normal", {seed(5)}, attributes)[0];
  const Moments m(x);
  EXPECT_NEAR(m.mean, 2, 0.1);
  EXPECT_NEAR(m.variance, 9, 0.3);
  std::int64_t within = 0;
  for (std::int64_t i = 0; i < x.count(); ++i) within += std::abs(x.get(i) - 2) < 3 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(within) / static_cast<double>(x.count()), 0.6827, 0.01);
}

TEST(Random, SeedStreamAndPositionDecide) {
  const auto draw = [](std::int64_t key, std::int64_t stream, Shape shape) {
    Attributes attributes = of_shape(shape);
    attributes["stream"] = stream;
    return run("random_uniform", {seed(key)}, attributes)[0];
  };
  const Array a = draw(1, 0, {30});
  const auto equal_elements = [&](const Array& b) {
    int equal = 0;
    for (std::int64_t i = 0; i < std::min(a.count(), b.count()); ++i) equal += a.get(i) == b.get(i) ? 1 : 0;
    return equal;
  };
  EXPECT_EQ(equal_elements(draw(1, 0, {5, 6})), 30);
  EXPECT_EQ(equal_elements(draw(1, 0, {7})), 7);
  EXPECT_EQ(equal_elements(draw(2, 0, {30})), 0);
  EXPECT_EQ(equal_elements(draw(1, 1, {30})), 0);
  EXPECT_EQ(static_cast<float>(a.get(3)), static_cast<float>(philox(1, 0, 3) >> 8U) * 0x1p-24F);
}

TEST(Random, BernoulliAndDropoutKeepTheirShares) {
  const Array ones = Array::full(DType::f32, {10000}, 1);
  EXPECT_NEAR(Moments(run("bernoulli", {Array::full(DType::f32, {10000}, 0.3), seed(1)})[0]).mean, 0.3, 0.02);
  EXPECT_EQ(Moments(run("bernoulli", {ones, seed(1)})[0]).least, 1);
  EXPECT_EQ(Moments(run("bernoulli", {Array::zeros(DType::f32, {10000}), seed(1)})[0]).largest, 0);
  for (const double rate : {0.0, 0.2, 0.9}) {
    const Moments m(run("dropout", {ones, seed(1)}, {{"rate", rate}})[0]);
    EXPECT_NEAR(m.mean, 1, 0.1);
    EXPECT_NEAR(m.largest, 1 / (1 - rate), 1e-5);
  }
  const Moments none(run("dropout", {Array::full(DType::f32, {9}, HUGE_VAL), seed(1)}, {{"rate", 1.0}})[0]);
  EXPECT_EQ(none.least, 0);
  EXPECT_EQ(none.largest, 0);
}

TEST(Random, ErrorsAreNamed) {
  EXPECT_EQ(refusal("random_uniform", {Array::scalar(1.0F)}, of_shape({2})), "random_uniform: the seed is f32[]");
  EXPECT_EQ(refusal("random_normal", {seed(1)}, of_shape({2}, DType::i32)), "random_normal: makes floating-point numbers");
  EXPECT_EQ(refusal("dropout", {Array::zeros(DType::f32, {2}), seed(1)}, {{"rate", 1.5}}), "dropout: a rate of 1.5");
}

}  // namespace
}  // namespace neap::random_test

// Losses against their formulas, and where they are easily wrong.
#include "tests/ops/calls.h"

namespace neap::loss_test {
namespace {

using testing::expect_near;
using testing::random;
using testing::refusal;
using testing::run;
using testing::uniform;

// One number an element by a formula, under each reduction.
template <class F>
void expect_loss(const char* op, const std::vector<Array>& inputs, Attributes attributes, F&& formula) {
  SCOPED_TRACE(op);
  std::vector<double> each;
  double total = 0;
  for (std::int64_t i = 0; i < inputs[0].count(); ++i) {
    each.push_back(formula(inputs[0].get(i), inputs[1].get(i), i));
    total += each.back();
  }
  attributes["reduction"] = std::string("none");
  expect_near(run(op, inputs, attributes)[0], each);
  attributes["reduction"] = std::string("sum");
  expect_near(run(op, inputs, attributes)[0], {total});
  attributes["reduction"] = std::string("mean");
  expect_near(run(op, inputs, attributes)[0], {total / static_cast<double>(each.size())});
}

TEST(Loss, Formulas) {
  const Array x = random({4, 3}), t = random({4, 3}, 2), p = uniform({4, 3}, 0, 1), weight = uniform({3}, 0.5, 2);
  expect_loss("mse_loss", {x, t}, {}, [](double a, double b, auto) { return (a - b) * (a - b); });
  expect_loss("l1_loss", {x, t}, {}, [](double a, double b, auto) { return std::abs(a - b); });
  expect_loss("huber_loss", {x, t}, {{"delta", 0.7}}, [](double a, double b, auto) {
    const double d = std::abs(a - b);
    return d <= 0.7 ? d * d / 2 : 0.7 * (d - 0.35);
  });
  expect_loss("smooth_l1_loss", {x, t}, {{"beta", 0.7}}, [](double a, double b, auto) {
    const double d = std::abs(a - b);
    return d <= 0.7 ? d * d / 1.4 : d - 0.35;
  });
  const auto logistic = [](double a) { return 1 / (1 + std::exp(-a)); };
  expect_loss("binary_cross_entropy_with_logits", {x, p}, {},
              [&](double a, double b, auto) { return -b * std::log(logistic(a)) - (1 - b) * std::log(1 - logistic(a)); });
  expect_loss("binary_cross_entropy_with_logits", {x, p, weight}, {}, [&](double a, double b, std::int64_t i) {
    return -weight.get(i % 3) * b * std::log(logistic(a)) - (1 - b) * std::log(1 - logistic(a));
  });
  expect_loss("kl_div", {x, p}, {}, [](double a, double b, auto) { return b * (std::log(b) - a); });
  expect_loss("kl_div", {x, t}, {{"log_target", true}}, [](double a, double b, auto) { return std::exp(b) * (b - a); });
}

TEST(Loss, ExtremeValues) {
  const Array x = Array::of(std::vector<double>{1e4, -1e4, 1e4, -1e4}), t = Array::of(std::vector<double>{1, 1, 0, 0});
  expect_near(run("binary_cross_entropy_with_logits", {x, t}, {{"reduction", std::string("none")}})[0], {0, 1e4, 1e4, 0});
  expect_near(run("kl_div", {x, t}, {{"reduction", std::string("none")}})[0], {-1e4, 1e4, 0, 0});
}

TEST(Loss, NegativeLogLikelihoodPicksTheLabel) {
  const Array x = random({2, 3, 2}), labels = Array::of(std::vector<std::int64_t>{0, 2, 1, 5}, {2, 2});
  expect_near(run("nll_loss", {x, labels}, {{"reduction", std::string("none")}})[0], {-x.get(0), -x.get(5), -x.get(8), std::nan("")});
}

TEST(Loss, CosineSimilarity) {
  const Array a = Array::of(std::vector<double>{3, 4, 0, 0, 1, 0}, {3, 2}), b = Array::of(std::vector<double>{4, 3, 1, 1, -2, 0}, {3, 2});
  expect_near(run("cosine_similarity", {a, b})[0], {0.96, 0, -1});
}

TEST(Loss, ErrorsAreNamed) {
  const Array x = random({4, 3});
  EXPECT_EQ(refusal("mse_loss", {x, random({3})}), "mse_loss: a target of shape [3] for values of shape [4,3]");
  EXPECT_EQ(refusal("huber_loss", {x, x}, {{"delta", 0.0}}), "huber_loss: delta is 0");
  EXPECT_EQ(refusal("smooth_l1_loss", {x, x}, {{"beta", -1.0}}), "smooth_l1_loss: beta is -1");
  EXPECT_EQ(refusal("l1_loss", {x, x}, {{"reduction", std::string("max")}}), "l1_loss: reduction is 'max'");
  EXPECT_EQ(refusal("l1_loss", {Array::zeros(DType::i32, {2}), Array::zeros(DType::i32, {2})}), "l1_loss: takes floating-point values");
}

}  // namespace
}  // namespace neap::loss_test

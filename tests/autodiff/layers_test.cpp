// Gradients of the layers' operators, first and second order, against central differences.
#include "tests/autodiff/differences.h"

namespace neap {
namespace {

using testing::check_call;
using testing::Integers;
using testing::random;

TEST(LayerGradients, Matmul) {
  check_call("matmul", {random({2, 3}), random({3, 4}, 2)});
  check_call("matmul", {random({3}), random({3}, 2)});
  check_call("matmul", {random({3}), random({2, 3, 4}, 2)});
  check_call("matmul", {random({2, 4, 3}), random({3}, 2)});
  check_call("matmul", {random({2, 1, 2, 3}), random({3, 3, 2}, 2)});
  check_call("matmul", {random({2, 2, 3}), random({3, 4}, 2)});
  for (const bool a : {false, true}) {
    for (const bool b : {false, true}) {
      const Attributes flags{{"transpose_a", a}, {"transpose_b", b}};
      check_call("matmul", {random(a ? Sizes{3, 2} : Sizes{2, 3}), random(b ? Sizes{4, 3} : Sizes{3, 4}, 2)}, flags);
      check_call("matmul", {random(a ? Sizes{2, 3, 2} : Sizes{2, 2, 3}), random(b ? Sizes{4, 3} : Sizes{3, 4}, 2)}, flags);
    }
  }
}

TEST(LayerGradients, Conv) {
  const auto check = [](Sizes x, Sizes w, Integers strides, Integers pads, Integers dilations, std::int64_t groups) {
    const std::int64_t filters = w[0];
    check_call("conv", {random(std::move(x)), random(std::move(w), 2), random({filters}, 3)},
               {{"strides", strides}, {"pads", pads}, {"dilations", dilations}, {"groups", groups}});
  };
  check({1, 2, 5}, {2, 2, 3}, {1}, {1, 1}, {1}, 1);
  check({2, 2, 5, 4}, {2, 1, 3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 2);
  check({1, 4, 5, 3}, {2, 2, 2, 3}, {2, 1}, {0, 1, 1, 1}, {2, 1}, 2);
  check({1, 1, 3, 2, 3}, {2, 1, 2, 1, 2}, {1, 1, 2}, {0, 0, 0, 1, 0, 1}, {1, 1, 1}, 1);
}

TEST(LayerGradients, BatchNorm) {
  check_call("batch_norm", {random({3, 2, 2, 2}), random({2}, 2), random({2}, 3)}, {}, 2, 1e-5);
  check_call("batch_norm", {random({4, 3}), random({3}, 2), random({3}, 3)}, {{"epsilon", 0.1}});
  check_call("batch_norm_inference", {random({3, 2, 2}), random({2}, 2), random({2}, 3), random({2}, 4), testing::uniform({2}, 0.5, 2)});
}

// The shift changes how the statistics are summed, not what they are.
TEST(LayerGradients, BatchNormAroundAShift) {
  const std::vector<Array> inputs{random({4, 3}), random({3}, 2), random({3}, 3)};
  const Array shift = random({3}, 4);
  testing::check_gradients(inputs, [&](Builder& build, const std::vector<Var>& x) {
    return build.calls("batch_norm", {x[0], x[1], x[2], build.constant(shift)});
  });
}

TEST(LayerGradients, Softmax) {
  for (const std::int64_t axis : {0, 1, -1}) {
    check_call("softmax", {random({2, 3, 2})}, {{"axis", axis}});
    check_call("log_softmax", {random({2, 3, 2})}, {{"axis", axis}});
  }
}

TEST(LayerGradients, CrossEntropy) {
  const Array labels = Array::of(std::vector<std::int64_t>{2, 0, 1, 2});
  for (const char* reduction : {"mean", "sum", "none"}) {
    for (const double smoothing : {0.0, 0.1}) {
      check_call("cross_entropy", {random({4, 3}), labels}, {{"reduction", std::string(reduction)}, {"label_smoothing", smoothing}});
    }
  }
  check_call("cross_entropy", {random({2, 3, 2}), labels.reshape({2, 2})});
  check_call("pick_class", {random({4, 3}), labels});
}

}  // namespace
}  // namespace neap

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

// No two elements are near enough for a step of the differences to change which is the largest.
Array distinct(const Sizes& sizes) {
  Array made(DType::f64, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>(i * 37 % 101) / 10);
  return made;
}

TEST(LayerGradients, Pools) {
  const auto window = [](Integers kernel, Integers strides, Integers pads, Integers dilations, bool ceil_mode) {
    return Attributes{{"kernel_size", kernel}, {"strides", strides}, {"pads", pads}, {"dilations", dilations}, {"ceil_mode", ceil_mode}};
  };
  const std::vector<std::pair<Sizes, Attributes>> cases = {
      {{2, 1, 7}, window({3}, {2}, {1, 1}, {1}, false)},
      {{1, 2, 4, 5}, window({2, 3}, {1, 2}, {0, 1, 1, 1}, {1, 1}, true)},
      {{1, 1, 6, 5}, window({2, 2}, {2, 1}, {1, 0, 0, 1}, {2, 3}, false)},
      {{1, 1, 5}, window({1}, {2}, {0, 0}, {1}, false)},
      {{1, 1, 2, 3, 2}, window({2, 2, 1}, {1, 1, 1}, {0, 0, 0, 0, 0, 0}, {1, 1, 1}, false)},
  };
  for (const auto& [sizes, attributes] : cases) {
    check_call("max_pool", {distinct(sizes)}, attributes);
    for (const bool include : {false, true}) {
      Attributes more = attributes;
      more["count_include_pad"] = include;
      check_call("average_pool", {random(sizes)}, more);
    }
  }
  check_call("global_average_pool", {random({2, 2, 3, 2})});
  check_call("global_max_pool", {distinct({2, 2, 3, 2})});
  for (const std::int64_t size : {1, 2, 3, 5, 7, 12}) {
    const Attributes to{{"output_size", std::vector<Dim>{size}}};
    check_call("adaptive_average_pool", {random({1, 2, 6})}, to);
    check_call("adaptive_max_pool", {distinct({1, 2, 6})}, to, 1);
  }
}

}  // namespace
}  // namespace neap

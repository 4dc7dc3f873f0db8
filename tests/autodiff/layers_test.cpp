// Gradients of the layers' operators, first and second order, against central differences.
#include "tests/autodiff/differences.h"

namespace neap::layers_test {
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

TEST(LayerGradients, Norms) {
  const Array x = random({2, 4, 3});
  check_call("standardize", {x}, {{"axes", Integers{0, 2}}, {"epsilon", 0.1}}, 2, 1e-5);
  check_call("layer_norm", {x, random({3}, 2), random({3}, 3)}, {{"epsilon", 0.1}});
  check_call("layer_norm", {x, random({4, 3}, 2)}, {{"axis", std::int64_t{1}}, {"epsilon", 0.1}});
  check_call("rms_norm", {x, random({3}, 2)});
  check_call("group_norm", {x, random({4}, 2), random({4}, 3)}, {{"groups", std::int64_t{2}}, {"epsilon", 0.1}});
  check_call("instance_norm", {x, random({4}, 2), random({4}, 3)}, {{"epsilon", 0.1}}, 2, 1e-5);
  check_call("lp_normalize", {x}, {{"axis", std::int64_t{1}}});
  check_call("lp_normalize", {x}, {{"p", std::int64_t{1}}});
  check_call("local_response_norm", {x}, {{"size", std::int64_t{3}}, {"alpha", 0.5}});
}

TEST(LayerGradients, Attention) {
  const std::vector<Array> inputs{random({2, 3, 2}), random({2, 4, 2}, 2), random({2, 4, 3}, 3)};
  check_call("attention", inputs);
  check_call("attention", inputs, {{"causal", true}, {"scale", 0.7}});
  std::vector<Array> with_mask = inputs;
  with_mask.push_back(random({3, 4}, 4));
  check_call("attention", with_mask);
  with_mask.back() = Array::of(std::vector<bool>{true, false, true, true, true, true, false, false, true, true, true, true}, {3, 4});
  check_call("attention", with_mask);
}

TEST(LayerGradients, Losses) {
  const Array x = random({3, 2}), target = random({3, 2}, 2), share = testing::uniform({3, 2}, 0.1, 0.9, 3);
  for (const char* op : {"mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"}) {
    for (const char* reduction : {"mean", "sum", "none"}) check_call(op, {x, target}, {{"reduction", std::string(reduction)}});
  }
  check_call("smooth_l1_loss", {x, target}, {{"beta", 0.3}});
  check_call("binary_cross_entropy_with_logits", {x, share});
  check_call("binary_cross_entropy_with_logits", {x, share, testing::uniform({2}, 0.5, 2)});
  check_call("nll_loss", {x, Array::of(std::vector<std::int64_t>{1, 0, 1})});
  check_call("kl_div", {x, share});
  check_call("kl_div", {x, target}, {{"log_target", true}});
  check_call("cosine_similarity", {x, target}, {{"axis", std::int64_t{0}}});
}

TEST(LayerGradients, Einsum) {
  const auto check = [](const char* equation, const std::vector<Array>& inputs) {
    check_call("einsum", inputs, {{"equation", std::string(equation)}});
    check_call("sum_of_products", inputs, {{"equation", std::string(equation)}});
  };
  check("ij,jk->ik", {random({2, 3}), random({3, 2}, 2)});
  check("bij,bkj->kbi", {random({2, 2, 3}), random({2, 3, 3}, 2)});
  check("...ij,...j->...i", {random({2, 2, 3}), random({1, 3}, 2)});
  check("ii,i->", {random({3, 3}), random({3}, 2)});
  check("i,ij,j->", {random({2}), random({2, 3}, 2), random({3}, 3)});
}

TEST(LayerGradients, ConvTranspose) {
  check_call("conv_transpose", {random({1, 2, 3}), random({2, 2, 3}, 2), random({2}, 3)},
             {{"strides", Integers{2}}, {"pads", Integers{1, 0}}, {"output_padding", Integers{1}}});
  check_call("conv_transpose", {random({1, 4, 2, 2}), random({4, 1, 2, 3}, 2)},
             {{"groups", std::int64_t{2}}, {"dilations", Integers{2, 1}}, {"strides", Integers{2, 1}}});
}

TEST(LayerGradients, Linear) {
  check_call("linear", {random({2, 2, 3}), random({4, 3}, 2), random({4}, 3)});
  check_call("gemm", {random({3, 2}), random({4, 3}, 2), random({4}, 3)},
             {{"alpha", 0.5}, {"beta", 2.0}, {"transpose_a", true}, {"transpose_b", true}});
}

TEST(LayerGradients, Recurrent) {
  const auto check = [](const char* op, std::int64_t gates, const Attributes& attributes, std::int64_t directions) {
    std::vector<Array> inputs{random({2, 2, 2}), random({directions, gates * 2, 2}, 2), random({directions, gates * 2, 2}, 3),
                              random({directions, gates * 4}, 4), random({directions, 2, 2}, 5)};
    if (gates == 4) inputs.push_back(random({directions, 2, 2}, 6));
    check_call(op, inputs, attributes, 1);
  };
  check("lstm", 4, {}, 1);
  check("lstm", 4, {{"direction", std::string("bidirectional")}}, 2);
  check("gru", 3, {{"direction", std::string("reverse")}}, 1);
  check("gru", 3, {{"linear_before_reset", true}}, 1);
  check("rnn", 1, {{"direction", std::string("bidirectional")}}, 2);
}

// The mask of the backward pass is that of the forward pass.
TEST(LayerGradients, Dropout) { check_call("dropout", {random({5, 3}), Array::scalar<std::int64_t>(7)}, {{"rate", 0.4}}); }

}  // namespace
}  // namespace neap::layers_test

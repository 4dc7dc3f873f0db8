// Convolution and its gradients against plain loops.
#include "tests/ops/calls.h"

namespace neap::conv_test {
namespace {

using testing::expect_near;
using testing::Integers;
using testing::random;
using testing::refusal;
using testing::run;

struct Case {
  Integers input, kernel, strides, pads, dilations;  // spatial
  std::int64_t batch, channels, filters, groups;
};

const Case cases[] = {
    {{5}, {3}, {1}, {0, 0}, {1}, 2, 3, 4, 1},
    {{7}, {3}, {2}, {1, 2}, {2}, 1, 2, 2, 1},
    {{8}, {4}, {3}, {2, 1}, {1}, 1, 2, 3, 1},
    {{7, 5}, {3, 2}, {1, 1}, {1, 0, 1, 2}, {1, 1}, 2, 4, 6, 2},
    {{7, 7}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, 2, 3, 3, 3},
    {{28, 1}, {3, 1}, {2, 1}, {1, 0, 1, 0}, {1, 1}, 1, 1, 2, 1},
    {{9, 8}, {2, 3}, {2, 3}, {0, 2, 1, 0}, {3, 2}, 1, 4, 4, 4},
    {{6, 6}, {5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 1, 2, 4, 2},
    {{4, 4}, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 3, 5, 2, 1},
    {{5, 5}, {1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 1, 2, 2, 1},
    {{4, 3, 5}, {2, 3, 1}, {1, 2, 2}, {1, 1, 0, 0, 1, 0}, {2, 1, 1}, 1, 2, 4, 2},
    {{6}, {2}, {4}, {1, 1}, {2}, 2, 1, 1, 1},
    {{3}, {3}, {1}, {0, 0}, {1}, 0, 2, 2, 1},
};

// Calls f(flat of x, flat of w, flat of y) for every product that the convolution sums, padding left out.
template <class F>
Sizes for_each_product(const Case& c, F&& f) {
  const std::size_t n = c.input.size();
  Integers in(3, 1), kernel(3, 1), stride(3, 1), begin(3, 0), dilation(3, 1), out(3, 1);
  for (std::size_t i = 0; i < n; ++i) {
    in[i] = c.input[i], kernel[i] = c.kernel[i], stride[i] = c.strides[i], begin[i] = c.pads[i], dilation[i] = c.dilations[i];
    out[i] = (c.input[i] + c.pads[i] + c.pads[n + i] - c.dilations[i] * (c.kernel[i] - 1) - 1) / c.strides[i] + 1;
  }
  const std::int64_t cg = c.channels / c.groups, kg = c.filters / c.groups;
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t k = 0; k < c.filters; ++k)
      for (std::int64_t o0 = 0; o0 < out[0]; ++o0)
        for (std::int64_t o1 = 0; o1 < out[1]; ++o1)
          for (std::int64_t o2 = 0; o2 < out[2]; ++o2)
            for (std::int64_t ch = 0; ch < cg; ++ch)
              for (std::int64_t r0 = 0; r0 < kernel[0]; ++r0)
                for (std::int64_t r1 = 0; r1 < kernel[1]; ++r1)
                  for (std::int64_t r2 = 0; r2 < kernel[2]; ++r2) {
                    const std::int64_t i0 = o0 * stride[0] + r0 * dilation[0] - begin[0];
                    const std::int64_t i1 = o1 * stride[1] + r1 * dilation[1] - begin[1];
                    const std::int64_t i2 = o2 * stride[2] + r2 * dilation[2] - begin[2];
                    if (i0 < 0 || i0 >= in[0] || i1 < 0 || i1 >= in[1] || i2 < 0 || i2 >= in[2]) continue;
                    const std::int64_t channel = (k / kg) * cg + ch;
                    f((((b * c.channels + channel) * in[0] + i0) * in[1] + i1) * in[2] + i2,
                      (((k * cg + ch) * kernel[0] + r0) * kernel[1] + r1) * kernel[2] + r2,
                      (((b * c.filters + k) * out[0] + o0) * out[1] + o1) * out[2] + o2);
                  }
  Sizes sizes{c.batch, c.filters};
  sizes.insert(sizes.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  return sizes;
}

Sizes join(Sizes head, const Integers& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

std::vector<Dim> dims(const Integers& sizes) { return {sizes.begin(), sizes.end()}; }

class Conv : public ::testing::TestWithParam<Case> {
 protected:
  const Case& c = GetParam();
  Attributes attributes{{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}, {"groups", c.groups}};
  Array x = random(join({c.batch, c.channels}, c.input), 1);
  Array w = random(join({c.filters, c.channels / c.groups}, c.kernel), 2);
  Sizes output_sizes = for_each_product(c, [](auto, auto, auto) {});
  Array dy = random(output_sizes, 3);
};

TEST_P(Conv, SumsTheWindow) {
  const Array bias = random({c.filters}, 4), y = run("conv", {x, w, bias}, attributes)[0];
  ASSERT_EQ(y.sizes(), output_sizes);
  std::vector<double> wanted(static_cast<std::size_t>(y.count()));
  const std::int64_t points = y.count() == 0 ? 1 : y.count() / (c.batch * c.filters);
  for (std::int64_t i = 0; i < y.count(); ++i) wanted[static_cast<std::size_t>(i)] = bias.get(i / points % c.filters);
  for_each_product(c, [&](auto at_x, auto at_w, auto at_y) { wanted[static_cast<std::size_t>(at_y)] += x.get(at_x) * w.get(at_w); });
  expect_near(y, wanted);
}

TEST_P(Conv, InputGradient) {
  Attributes more = attributes;
  more["input_size"] = dims(c.input);
  const Array dx = run("conv_input_gradient", {dy, w}, more)[0];
  ASSERT_EQ(dx.sizes(), x.sizes());
  std::vector<double> wanted(static_cast<std::size_t>(dx.count()));
  for_each_product(c, [&](auto at_x, auto at_w, auto at_y) { wanted[static_cast<std::size_t>(at_x)] += dy.get(at_y) * w.get(at_w); });
  expect_near(dx, wanted);
}

TEST_P(Conv, WeightGradient) {
  Attributes more = attributes;
  more["kernel_size"] = dims(c.kernel);
  const Array dw = run("conv_weight_gradient", {x, dy}, more)[0];
  ASSERT_EQ(dw.sizes(), w.sizes());
  std::vector<double> wanted(static_cast<std::size_t>(dw.count()));
  for_each_product(c, [&](auto at_x, auto at_w, auto at_y) { wanted[static_cast<std::size_t>(at_w)] += dy.get(at_y) * x.get(at_x); });
  expect_near(dw, wanted);
}

INSTANTIATE_TEST_SUITE_P(Cases, Conv, ::testing::ValuesIn(cases));

// What generated kernels rely on: every index of a plain and a depthwise convolution is affine.
bool all_affine(const Map& map) {
  bool all = true;
  visit(map.stages[0].value, [&](const Expr& e) {
    if (e->op != Scalar::read) return;
    for (int i = 0; i < e->rank; ++i) all &= affine(e->args[static_cast<std::size_t>(i)]).affine;
  });
  return all;
}

TEST(ConvDefinition, IsAffineWhenPlainOrDepthwise) {
  const auto definition = [](const char* x, const char* w, std::int64_t groups) {
    return define(Call(find_operator("conv"), {Type::parse(x), Type::parse(w)}, {true, true},
                       {{"groups", groups}, {"pads", Integers{1, 1, 1, 1}}, {"strides", Integers{2, 2}}}));
  };
  const Primitive plain = definition("f32[N,8,H,W]", "f32[4,8,3,3]", 1), depthwise = definition("f32[N,8,H,W]", "f32[8,1,3,3]", 8);
  EXPECT_TRUE(all_affine(plain.map));
  EXPECT_TRUE(all_affine(depthwise.map));
  EXPECT_FALSE(all_affine(definition("f32[N,8,H,W]", "f32[4,4,3,3]", 2).map));
  EXPECT_EQ(plain.outputs[0].to_string(), "f32[N,4,floor((H + 1)/2),floor((W + 1)/2)]");
}

TEST(ConvErrors, AreNamed) {
  const Array x = Array::zeros(DType::f32, {1, 4, 5, 5}), w = Array::zeros(DType::f32, {6, 4, 3, 3});
  const auto problem = [&](const Array& a, const Array& b, const Attributes& attributes = {}) {
    return refusal("conv", {a, b}, attributes);
  };
  EXPECT_EQ(problem(x, w, {{"groups", std::int64_t{2}}}), "conv: the input has 4 channels, the filters take 8");
  EXPECT_EQ(problem(x, w, {{"groups", std::int64_t{4}}}), "conv: 6 filters in 4 groups");
  EXPECT_EQ(problem(x, w, {{"groups", std::int64_t{0}}}), "conv: groups is 0");
  EXPECT_EQ(problem(x, w, {{"strides", Integers{0, 1}}}), "conv: strides of 0");
  EXPECT_EQ(problem(x, w, {{"pads", Integers{1, 1}}}), "conv: pads has 2 numbers, not 4");
  EXPECT_EQ(problem(x, w, {{"dilations", Integers{3, 1}}}),
            "conv: a window that reaches over 7 elements does not fit in 5 with padding 0 and 0");
  EXPECT_EQ(problem(x, Array::zeros(DType::f64, {6, 4, 3, 3})), "conv: operands are f32 and f64");
  EXPECT_EQ(problem(x, Array::zeros(DType::f32, {6, 4, 3})), "conv: takes operands of one rank, 3 to 5");
  EXPECT_EQ(problem(x, Array::zeros(DType::f32, {6, 4, 0, 3})), "conv: a window of 0 elements");
}

}  // namespace
}  // namespace neap::conv_test

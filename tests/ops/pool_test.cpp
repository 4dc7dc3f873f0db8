// Pools against plain loops.
#include "tests/ops/calls.h"

namespace neap::pool_test {
namespace {

using testing::expect_near;
using testing::Integers;
using testing::random;
using testing::refusal;
using testing::run;

struct Pool {
  Integers input, kernel, strides, pads, dilations, output;  // two spatial axes; output as PyTorch's and ONNX's rule has it
  bool ceil_mode;
};

const Pool pools[] = {
    {{5, 7}, {2, 3}, {1, 1}, {0, 0, 0, 0}, {1, 1}, {4, 5}, false}, {{6, 7}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, {3, 4}, false},
    {{6, 7}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, {4, 4}, true},  {{4, 4}, {2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, {2, 2}, true},
    {{5, 6}, {2, 2}, {2, 3}, {0, 0, 0, 0}, {1, 1}, {3, 2}, true},  {{7, 9}, {3, 2}, {1, 2}, {0, 1, 2, 1}, {2, 3}, {5, 4}, false},
    {{3, 3}, {1, 1}, {3, 3}, {0, 0, 0, 0}, {1, 1}, {1, 1}, true},  {{2, 2}, {2, 2}, {3, 3}, {1, 1, 1, 1}, {1, 1}, {1, 1}, true},
};

Attributes attributes_of(const Pool& p) {
  return {{"kernel_size", p.kernel}, {"strides", p.strides}, {"pads", p.pads}, {"dilations", p.dilations}, {"ceil_mode", p.ceil_mode}};
}

class Pooling : public ::testing::TestWithParam<Pool> {
 protected:
  const Pool& p = GetParam();
  Array x = random({2, 3, p.input[0], p.input[1]});

  // f(flat of y, value of x at a tap inside, or in_padding: whether the tap lies in the padding rather than beyond it)
  template <class F>
  void for_each_tap(F&& f) const {
    for (std::int64_t plane = 0; plane < 6; ++plane)
      for (std::int64_t o0 = 0; o0 < p.output[0]; ++o0)
        for (std::int64_t o1 = 0; o1 < p.output[1]; ++o1)
          for (std::int64_t r0 = 0; r0 < p.kernel[0]; ++r0)
            for (std::int64_t r1 = 0; r1 < p.kernel[1]; ++r1) {
              const std::int64_t i0 = o0 * p.strides[0] + r0 * p.dilations[0] - p.pads[0];
              const std::int64_t i1 = o1 * p.strides[1] + r1 * p.dilations[1] - p.pads[1];
              const bool inside = i0 >= 0 && i0 < p.input[0] && i1 >= 0 && i1 < p.input[1];
              const bool padding = !inside && i0 < p.input[0] + p.pads[2] && i1 < p.input[1] + p.pads[3];
              const auto at_y = static_cast<std::size_t>((plane * p.output[0] + o0) * p.output[1] + o1);
              f(at_y, inside, padding, inside ? x.get((plane * p.input[0] + i0) * p.input[1] + i1) : 0.0);
            }
  }
  Sizes output_sizes() const { return {2, 3, p.output[0], p.output[1]}; }
  std::size_t count() const { return static_cast<std::size_t>(6 * p.output[0] * p.output[1]); }
};

TEST_P(Pooling, Maximum) {
  std::vector<double> wanted(count(), -HUGE_VAL);
  for_each_tap([&](std::size_t at, bool inside, bool, double value) {
    if (inside) wanted[at] = std::max(wanted[at], value);
  });
  const Array y = run("max_pool", {x}, attributes_of(p))[0];
  EXPECT_EQ(y.sizes(), output_sizes());
  expect_near(y, wanted);
}

TEST_P(Pooling, Average) {
  for (const bool include : {false, true}) {
    std::vector<double> wanted(count()), taps(count());
    for_each_tap([&](std::size_t at, bool inside, bool padding, double value) {
      wanted[at] += value;
      taps[at] += inside || (include && padding) ? 1 : 0;
    });
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] /= taps[i];
    Attributes attributes = attributes_of(p);
    attributes["count_include_pad"] = include;
    const Array y = run("average_pool", {x}, attributes)[0];
    EXPECT_EQ(y.sizes(), output_sizes());
    expect_near(y, wanted);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Pooling, ::testing::ValuesIn(pools));

TEST(MaxPool, ExtremeValues) {
  const double nan = std::nan("");
  const Array x = Array::of(std::vector<double>{-HUGE_VAL, -HUGE_VAL, 1, nan, HUGE_VAL, 2}, {1, 1, 6});
  expect_near(run("max_pool", {x}, {{"kernel_size", Integers{2}}, {"pads", Integers{1, 0}}})[0],
              {-HUGE_VAL, -HUGE_VAL, 1, nan, nan, HUGE_VAL});
}

TEST(MaxPool, TheFirstLargestIsTaken) {
  const Array x = Array::of(std::vector<double>{0, 3, 3, 1, 0, 0}, {1, 1, 6}), dy = Array::of(std::vector<double>{1, 2, 4}, {1, 1, 3});
  const Attributes window{{"kernel_size", Integers{3}}, {"strides", Integers{2}}, {"pads", Integers{1, 0}}};
  const Array tap = run("max_pool_tap", {x}, window)[0];
  expect_near(tap, {2, 0, 0});
  Attributes more = window;
  more["input_size"] = std::vector<Dim>{6};
  expect_near(run("max_pool_gradient", {dy, tap}, more)[0], {0, 3, 0, 4, 0, 0});
  expect_near(run("max_pool_gather", {x, tap}, window)[0], {3, 3, 1});
}

TEST(GlobalPool, OverAllSpatialAxes) {
  const Array x = random({2, 3, 4, 5});
  std::vector<double> means(6), largest(6, -HUGE_VAL);
  for (std::int64_t i = 0; i < 120; ++i) {
    means[static_cast<std::size_t>(i / 20)] += x.get(i) / 20;
    largest[static_cast<std::size_t>(i / 20)] = std::max(largest[static_cast<std::size_t>(i / 20)], x.get(i));
  }
  const Array y = run("global_average_pool", {x})[0];
  EXPECT_EQ(y.sizes(), (Sizes{2, 3, 1, 1}));
  expect_near(y, means);
  expect_near(run("global_max_pool", {x})[0], largest);
  EXPECT_EQ(refusal("global_average_pool", {random({2, 3})}), "global_average_pool: takes [N,C,...] with at least one spatial axis");
}

TEST(AdaptivePool, WindowsShareTheInputEvenly) {
  for (const auto& [size, result] : {std::pair<std::int64_t, std::int64_t>{7, 3}, {6, 3}, {5, 1}, {5, 5}, {2, 4}, {3, 5}, {1, 1}}) {
    const Array x = random({2, 1, size});
    std::vector<double> means, largest;
    for (std::int64_t n = 0; n < 2; ++n)
      for (std::int64_t o = 0; o < result; ++o) {
        const std::int64_t begin = o * size / result, end = ((o + 1) * size + result - 1) / result;
        double sum = 0, top = -HUGE_VAL;
        for (std::int64_t i = begin; i < end; ++i) sum += x.get(n * size + i), top = std::max(top, x.get(n * size + i));
        means.push_back(sum / static_cast<double>(end - begin));
        largest.push_back(top);
      }
    const Attributes to{{"output_size", std::vector<Dim>{result}}};
    expect_near(run("adaptive_average_pool", {x}, to)[0], means);
    expect_near(run("adaptive_max_pool", {x}, to)[0], largest);
  }
}

TEST(PoolErrors, AreNamed) {
  const Array x = random({1, 1, 4, 4});
  EXPECT_EQ(refusal("max_pool", {x}, {{"kernel_size", Integers{2}}}), "max_pool: a window of 1 axes for an operand of rank 4");
  EXPECT_EQ(refusal("max_pool", {x}, {{"kernel_size", Integers{2, 2}}, {"pads", Integers{2, 0, 0, 0}}}),
            "max_pool: a window could lie in the padding whole");
  EXPECT_EQ(refusal("average_pool", {x}, {{"kernel_size", Integers{5, 5}}}),
            "average_pool: a window that reaches over 5 elements does not fit in 4 with padding 0 and 0");
  EXPECT_EQ(refusal("average_pool", {Array::zeros(DType::i32, {1, 1, 4})}, {{"kernel_size", Integers{2}}}),
            "average_pool: takes floating-point values");
  EXPECT_EQ(refusal("adaptive_max_pool", {x}, {{"output_size", std::vector<Dim>{0, 2}}}), "adaptive_max_pool: a result of 0 elements");
  EXPECT_EQ(refusal("adaptive_max_pool", {x}, {{"output_size", std::vector<Dim>{2}}}),
            "adaptive_max_pool: 1 sizes for an operand of rank 4");
}

}  // namespace
}  // namespace neap::pool_test

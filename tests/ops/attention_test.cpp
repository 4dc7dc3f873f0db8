// Attention, einsum, matrix products with their surroundings, and transposed convolution against plain loops.
#include "tests/ops/calls.h"

namespace neap::attention_test {
namespace {

using testing::expect_near;
using testing::Integers;
using testing::random;
using testing::refusal;
using testing::run;

// softmax(scores) v of one batch of 2: q[2,3,2], k[2,4,2], v[2,4,3]; keep(i, j, score) changes or hides (-inf) a score.
template <class F>
std::vector<double> attend(const Array& q, const Array& k, const Array& v, double scale, F&& keep) {
  std::vector<double> y;
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t i = 0; i < 3; ++i) {
      std::vector<double> share;
      double total = 0;
      for (std::int64_t j = 0; j < 4; ++j) {
        double score = 0;
        for (std::int64_t f = 0; f < 2; ++f) score += q.get((n * 3 + i) * 2 + f) * k.get((n * 4 + j) * 2 + f) * scale;
        share.push_back(std::exp(keep(i, j, score)));
        total += share.back();
      }
      for (std::int64_t f = 0; f < 3; ++f) {
        double sum = 0;
        for (std::int64_t j = 0; j < 4; ++j) sum += share[static_cast<std::size_t>(j)] / total * v.get((n * 4 + j) * 3 + f);
        y.push_back(sum);
      }
    }
  return y;
}

TEST(Attention, WeighsValuesByScores) {
  const Array q = random({2, 3, 2}), k = random({2, 4, 2}, 2), v = random({2, 4, 3}, 3), bias = random({3, 4}, 4);
  const auto plain = [](auto, auto, double score) { return score; };
  expect_near(run("attention", {q, k, v})[0], attend(q, k, v, 1 / std::sqrt(2.0), plain));
  expect_near(run("attention", {q, k, v}, {{"scale", 0.3}})[0], attend(q, k, v, 0.3, plain));
  expect_near(run("attention", {q, k, v}, {{"causal", true}, {"scale", 1.0}})[0],
              attend(q, k, v, 1, [](auto i, auto j, double score) { return j > i ? -HUGE_VAL : score; }));
  expect_near(run("attention", {q, k, v, bias}, {{"scale", 1.0}})[0],
              attend(q, k, v, 1, [&](auto i, auto j, double score) { return score + bias.get(i * 4 + j); }));
  Array mask = Array::full(DType::boolean, {3, 4}, 1);
  mask.set_int(1, 0), mask.set_int(7, 0);
  expect_near(run("attention", {q, k, v, mask}, {{"scale", 1.0}})[0],
              attend(q, k, v, 1, [&](auto i, auto j, double score) { return mask.get_int(i * 4 + j) != 0 ? score : -HUGE_VAL; }));
}

TEST(Einsum, SumsOverWhatTheResultLacks) {
  const Array a = random({2, 3, 4}), b = random({2, 4, 5}, 2);
  std::vector<double> wanted(30);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t k = 0; k < 5; ++k)
        for (std::int64_t j = 0; j < 4; ++j)
          wanted[static_cast<std::size_t>((k * 2 + n) * 3 + i)] += a.get((n * 3 + i) * 4 + j) * b.get((n * 4 + j) * 5 + k);
  for (const char* op : {"einsum", "sum_of_products"}) {
    const auto of = [&](const char* equation, const std::vector<Array>& inputs) {
      return run(op, inputs, {{"equation", std::string(equation)}})[0];
    };
    const Array y = of(" nij , njk -> kni ", {a, b});
    EXPECT_EQ(y.sizes(), (Sizes{5, 2, 3}));
    expect_near(y, wanted);
    EXPECT_EQ(of("...ij,...jk", {a, b}).sizes(), (Sizes{2, 3, 5}));
    EXPECT_EQ(of("zb...,b->...z", {a, random({3})}).sizes(), (Sizes{4, 2}));
    EXPECT_EQ(of("ba", {random({2, 3})}).sizes(), (Sizes{3, 2}));
    const Array square = Array::of(std::vector<double>{1, 2, 3, 4}, {2, 2});
    expect_near(of("ii", {square}), {5});
    expect_near(of("ii->i", {square}), {1, 4});
    expect_near(of("ij,ji->", {square, square}), {29});
    expect_near(of("...,...", {square, Array::of(std::vector<double>{1, 10}, {2, 1})}), {1, 2, 30, 40});
    expect_near(
        of("i,j,k->kji", {Array::of(std::vector<double>{2, 3}), Array::of(std::vector<double>{5}), Array::of(std::vector<double>{7})}),
        {70, 105});
  }
}

TEST(Einsum, ErrorsAreNamed) {
  const Array a = random({2, 3});
  const auto problem = [&](const char* equation, const std::vector<Array>& inputs) {
    return refusal("einsum", inputs, {{"equation", std::string(equation)}});
  };
  EXPECT_EQ(problem("ij,jk", {a}), "einsum: the equation names 2 operands, 1 are given");
  EXPECT_EQ(problem("i", {a}), "einsum: 'i' for an operand of rank 2");
  EXPECT_EQ(problem("i;", {a}), "einsum: ';' in the equation");
  EXPECT_EQ(problem("ij->k", {a}), "einsum: 'k' is in the result only");
  EXPECT_EQ(problem("ij->ii", {a}), "einsum: 'i' is in the result twice");
  EXPECT_EQ(problem("ij,jk", {a, a}), "einsum: 'j' stands for 3 and 2 elements");
  EXPECT_EQ(problem("ij->i->j", {a}), "einsum: '-' in the equation");
  EXPECT_EQ(problem("...i......j", {a}), "einsum: '.' in the equation");
}

TEST(Linear, AndGemm) {
  const Array x = random({2, 3}), w = random({4, 3}, 2), bias = random({4}, 3);
  std::vector<double> wanted, scaled;
  for (std::int64_t i = 0; i < 8; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < 3; ++j) sum += x.get(i / 4 * 3 + j) * w.get(i % 4 * 3 + j);
    wanted.push_back(sum + bias.get(i % 4));
    scaled.push_back(0.5 * sum - 2 * bias.get(i % 4));
  }
  expect_near(run("linear", {x, w, bias})[0], wanted);
  expect_near(run("gemm", {x, w, bias}, {{"transpose_b", true}})[0], wanted);
  expect_near(run("gemm", {x, w, bias}, {{"transpose_b", true}, {"alpha", 0.5}, {"beta", -2.0}})[0], scaled);
  EXPECT_EQ(refusal("linear", {x, w, random({3})}), "linear: a bias of shape [3]");
  EXPECT_EQ(refusal("gemm", {x, random({3})}), "gemm: takes two matrices");
  EXPECT_EQ(refusal("gemm", {x, random({3, 1}), random({5})}), "gemm: c of shape [5] for a product of shape [2,1]");
}

TEST(ConvTranspose, SpreadsEachElement) {
  const Array x = random({2, 4, 5}), w = random({4, 3, 3}, 2), bias = random({6}, 3);
  // stride 3, dilation 2, pads 1 and 2, output padding 2, groups 2: (5 - 1) * 3 + 5 + 2 - 3 = 16 elements
  std::vector<double> wanted(2 * 6 * 16);
  for (std::int64_t i = 0; i < 192; ++i) wanted[static_cast<std::size_t>(i)] = bias.get(i / 16 % 6);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t c = 0; c < 4; ++c)
      for (std::int64_t k = 0; k < 3; ++k)
        for (std::int64_t o = 0; o < 5; ++o)
          for (std::int64_t r = 0; r < 3; ++r) {
            const std::int64_t i = o * 3 + r * 2 - 1;
            if (i < 0 || i >= 16) continue;
            wanted[static_cast<std::size_t>((n * 6 + c / 2 * 3 + k) * 16 + i)] += x.get((n * 4 + c) * 5 + o) * w.get((c * 3 + k) * 3 + r);
          }
  const Attributes attributes{{"strides", Integers{3}},
                              {"dilations", Integers{2}},
                              {"pads", Integers{1, 2}},
                              {"output_padding", Integers{2}},
                              {"groups", std::int64_t{2}}};
  const Array y = run("conv_transpose", {x, w, bias}, attributes)[0];
  EXPECT_EQ(y.sizes(), (Sizes{2, 6, 16}));
  expect_near(y, wanted);
  EXPECT_EQ(refusal("conv_transpose", {x, w}, {{"output_padding", Integers{1}}}), "conv_transpose: output_padding of 1 with a stride of 1");
  EXPECT_EQ(refusal("conv_transpose", {x, w}, {{"pads", Integers{4, 4}}}), "conv_transpose: the padding leaves nothing of the result");
}

TEST(ConvTranspose, SizesMayBeSymbols) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[N,2,H,W]")), w = build.input("w", Type::parse("f32[2,3,4,3]"));
  const Var y = build.call("conv_transpose", {x, w}, {{"strides", Integers{2, 1}}, {"pads", Integers{1, 0, 1, 0}}});
  EXPECT_EQ(y.type().to_string(), "f32[N,3,2*H,W + 2]");
}

}  // namespace
}  // namespace neap::attention_test

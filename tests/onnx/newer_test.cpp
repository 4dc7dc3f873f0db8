// Operators of opsets after 17, and uses of older ones that need more than another name, against plain loops and numbers worked out by
// hand.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "neap/onnx/onnx.h"
#include "neap/ops/interpreter.h"
#include "tests/onnx/models.h"
#include "tests/support/expect_error.h"

namespace neap::newer_test {
namespace {

using testing::OnnxModel;
using testing::set;
using Integers = std::vector<std::int64_t>;

Graph read(const OnnxModel& model) { return read_onnx_bytes(model.bytes(), "."); }

Array draw(const Sizes& sizes, unsigned seed) {
  std::mt19937 random(seed);
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::normal_distribution<double>(0, 1)(random));
  return made;
}

void expect_numbers(const Array& got, const std::vector<double>& wanted, double tolerance = 2e-5) {
  ASSERT_EQ(got.count(), static_cast<std::int64_t>(wanted.size()));
  for (std::int64_t i = 0; i < got.count(); ++i) EXPECT_NEAR(got.get(i), wanted[static_cast<std::size_t>(i)], tolerance) << i;
}

void set_number(onnx::NodeProto& node, const std::string& name, float value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

// Two examples, queries of 4 features, values of 3; a mask of bools and one of numbers may both hide a query's every key.
struct Asked {
  std::int64_t heads = 2, shared = 2, queries = 3, keys = 3, past = 0;
  bool causal = false, flat = false;
  std::int64_t left = -1, right = -1;
  double cap = 0;
  std::string mask;     // "bools", "numbers"
  Integers valid = {};  // keys of each example that are none of the padding
};
constexpr std::int64_t examples = 2, features = 4, outputs = 3;

std::vector<double> plain_attention(const Asked& a, const Array& q, const Array& k, const Array& v, const Array& mask) {
  std::vector<double> y;
  const std::int64_t all = a.past + a.keys, group = a.heads / a.shared;
  for (std::int64_t n = 0; n < examples; ++n)
    for (std::int64_t h = 0; h < a.heads; ++h)
      for (std::int64_t i = 0; i < a.queries; ++i) {
        const std::int64_t place = i + (a.valid.empty() ? a.past : a.valid[static_cast<std::size_t>(n)] - a.queries);
        std::vector<double> weights;
        for (std::int64_t j = 0; j < all; ++j) {
          double score = 0;
          for (std::int64_t f = 0; f < features; ++f)
            score +=
                q.get(((n * a.heads + h) * a.queries + i) * features + f) * k.get(((n * a.shared + h / group) * all + j) * features + f);
          score /= 2;  // the root of the features
          if (a.cap > 0) score = a.cap * std::tanh(score / a.cap);
          if (a.mask == "numbers") score += mask.get(i * all + j);
          const bool hidden = (a.mask == "bools" && mask.get(i * all + j) == 0) || (a.causal && j > place) ||
                              (a.left >= 0 && j < place - a.left) || (a.right >= 0 && j > place + a.right) ||
                              (!a.valid.empty() && j >= a.valid[static_cast<std::size_t>(n)]);
          weights.push_back(hidden ? 0 : std::exp(score));
        }
        double total = 0;
        for (const double w : weights) total += w;
        for (std::int64_t o = 0; o < outputs; ++o) {
          double sum = 0;
          for (std::int64_t j = 0; j < all; ++j)
            sum += weights[static_cast<std::size_t>(j)] * v.get(((n * a.shared + h / group) * all + j) * outputs + o);
          y.push_back(total == 0 ? 0 : sum / total);
        }
      }
  return y;
}

// [N,heads,S,F] as [N,S,heads*F].
Array flattened(const Array& x) {
  const std::int64_t n = x.size(0), heads = x.size(1), s = x.size(2), f = x.size(3);
  Array made(DType::f32, {n, s, heads * f});
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::int64_t at = i % f, row = i / f % s, head = i / (f * s) % heads, example = i / (f * s * heads);
    made.set((example * s + row) * heads * f + head * f + at, x.get(i));
  }
  return made;
}

Array part_of_keys(const Array& x, std::int64_t begin, std::int64_t end) {
  Array made(DType::f32, {x.size(0), x.size(1), end - begin, x.size(3)});
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const std::int64_t row = (end - begin) * x.size(3);
    made.set(i, x.get(i / row * x.size(2) * x.size(3) + begin * x.size(3) + i % row));
  }
  return made;
}

void check_attention(const Asked& a) {
  const std::int64_t all = a.past + a.keys;
  const Array q = draw({examples, a.heads, a.queries, features}, 1), k = draw({examples, a.shared, all, features}, 2),
              v = draw({examples, a.shared, all, outputs}, 3);
  Array mask = draw({a.queries, all}, 4);
  if (a.mask == "bools") {
    mask = Array::zeros(DType::boolean, {a.queries, all});
    for (std::int64_t i = all; i < mask.count(); ++i) mask.set_int(i, i % 3 == 0 ? 0 : 1);  // the first query sees nothing
  }
  OnnxModel model(25);
  std::vector<std::string> operands{"q", "k", "v", a.mask.empty() ? "" : "mask", "", "", ""};
  std::vector<Array> inputs;
  const auto give = [&](const std::string& name, const Array& elements, int type = onnx::TensorProto::FLOAT) {
    model.input(name, std::vector<testing::OnnxSize>(elements.sizes().begin(), elements.sizes().end()), type);
    inputs.push_back(elements);
  };
  const auto shaped = [&](const Array& x) { return a.flat ? flattened(x) : x; };
  give("q", shaped(q));
  give("k", shaped(part_of_keys(k, a.past, all)));
  give("v", shaped(part_of_keys(v, a.past, all)));
  if (!a.mask.empty()) give("mask", mask, a.mask == "bools" ? onnx::TensorProto::BOOL : onnx::TensorProto::FLOAT);
  if (a.past > 0) {
    give("past_k", part_of_keys(k, 0, a.past));
    give("past_v", part_of_keys(v, 0, a.past));
    operands[4] = "past_k", operands[5] = "past_v";
  }
  if (!a.valid.empty()) {
    give("valid", Array::of(a.valid), onnx::TensorProto::INT64);
    operands[6] = "valid";
  }
  model.output("y").output("present");
  auto& node = model.node("Attention", operands, {"y", "present"});
  set(node, "is_causal", std::int64_t{a.causal});
  if (a.flat) set(node, "q_num_heads", a.heads), set(node, "kv_num_heads", a.shared);
  if (a.left >= 0) set(node, "left_window_size", a.left);
  if (a.right >= 0) set(node, "right_window_size", a.right);
  if (a.cap > 0) set_number(node, "softcap", static_cast<float>(a.cap));
  const std::vector<Array> got = interpret(read(model), inputs);
  const std::vector<double> wanted = plain_attention(a, q, k, v, mask);
  if (a.flat) {
    Array y(DType::f32, {examples, a.heads, a.queries, outputs});
    for (std::int64_t i = 0; i < y.count(); ++i) y.set(i, wanted[static_cast<std::size_t>(i)]);
    const Array flat = flattened(y);
    expect_numbers(got[0], std::vector<double>(flat.values<float>().begin(), flat.values<float>().end()));
  } else {
    expect_numbers(got[0], wanted);
  }
  expect_numbers(got[1], std::vector<double>(k.values<float>().begin(), k.values<float>().end()));
}

TEST(Newer, AttentionLikeALoop) {
  check_attention({});
  check_attention({.causal = true, .flat = true});
  check_attention({.heads = 4, .shared = 2, .queries = 2, .keys = 5, .flat = true});
  check_attention({.heads = 3, .shared = 1, .queries = 1, .keys = 1, .past = 4, .causal = true});
  check_attention({.queries = 2, .keys = 2, .past = 3, .causal = true, .cap = 0.7, .mask = "numbers"});
  check_attention({.queries = 4, .keys = 6, .left = 1, .right = 1, .mask = "bools"});
  check_attention({.queries = 4, .keys = 4, .left = 1, .cap = 2});
  check_attention({.queries = 2, .keys = 5, .causal = true, .valid = {4, 1}});  // the second example's first query sees nothing
}

TEST(Newer, AttentionIsRefusedByName) {
  const auto refused = [](const Sizes& q, std::int64_t heads, const std::string& problem) {
    OnnxModel model(23);
    for (const char* name : {"q", "k", "v"}) model.input(name, std::vector<testing::OnnxSize>(q.begin(), q.end()));
    auto& node = model.output("y").node("Attention", {"q", "k", "v"}, {"y"});
    set(node, "q_num_heads", heads);
    set(node, "kv_num_heads", heads);
    EXPECT_EQ(problem_of([&] { read(model); }), problem);
  };
  refused({2, 3, 8}, 3, "3 heads (q_num_heads) of f32[2,3,8]");
  refused({2, 3, 8}, 0, "0 heads (q_num_heads) of f32[2,3,8]");
  refused({3, 8}, 2, "2 heads (q_num_heads) of f32[3,8]");
  OnnxModel model(23);
  for (const char* name : {"q", "k", "v"}) model.input(name, {1, 2, 3, 4});
  model.input("mask", {3, 9}).output("y").node("Attention", {"q", "k", "v", "mask"}, {"y"});
  EXPECT_EQ(problem_of([&] { read(model); }), "the mask f32[3,9] is longer than the 3 keys");
}

// One node of one output on constants of a graph.
Array evaluate(std::int64_t opset, const std::string& type, const std::vector<Array>& inputs,
               const std::function<void(onnx::NodeProto&)>& with, int output = onnx::TensorProto::FLOAT) {
  OnnxModel model(opset);
  std::vector<std::string> names;
  for (const Array& elements : inputs) {
    names.push_back(fmt::format("x{}", names.size()));
    model.constant(names.back(), elements);
  }
  with(model.output("y", output).node(type, names, {"y"}));
  return interpret(read(model), {}).at(0);
}

TEST(Newer, Norms) {
  const Array x = Array::of(std::vector<float>{1, 2, 3, 6}, {1, 4, 1}), scale = Array::of(std::vector<float>{1, 2, 3, 4}),
              bias = Array::of(std::vector<float>{0, 0, 1, 1});
  expect_numbers(evaluate(21, "GroupNormalization", {x, scale, bias}, [](auto& node) { set(node, "num_groups", std::int64_t{2}); }),
                 {-1, 2, -2, 5}, 1e-4);
  expect_numbers(evaluate(23, "RMSNormalization", {Array::of(std::vector<float>{3, 4}, {1, 2}), Array::of(std::vector<float>{1, 2})},
                          [](auto& node) { set(node, "stash_type", std::int64_t{1}); }),
                 {3 / std::sqrt(12.5), 8 / std::sqrt(12.5)}, 1e-4);
}

TEST(Newer, Elements) {
  const Array x = Array::of(std::vector<float>{-1, 0, 2});
  expect_numbers(evaluate(24, "Swish", {x}, [](auto& node) { set_number(node, "alpha", 0.5F); }),
                 {-1 / (1 + std::exp(0.5)), 0, 2 / (1 + std::exp(-1.0))});
  const Array whole = Array::of(std::vector<std::int32_t>{-8, -8, -8, 8}), by = Array::of(std::vector<std::int32_t>{1, 32, -1, 40});
  expect_numbers(
      evaluate(
          28, "BitShift", {whole, by}, [](auto& node) { set(node, "direction", std::string("RIGHT")); }, onnx::TensorProto::INT32),
      {-4, -1, -1, 0});
  const auto product = [](bool exclusive, bool reverse) {
    return evaluate(26, "CumProd", {Array::of(std::vector<float>{2, 3, 4}), Array::scalar(std::int32_t{0})}, [&](auto& node) {
      set(node, "exclusive", std::int64_t{exclusive});
      set(node, "reverse", std::int64_t{reverse});
    });
  };
  expect_numbers(product(false, false), {2, 6, 24});
  expect_numbers(product(true, false), {1, 2, 6});
  expect_numbers(product(false, true), {24, 12, 4});
  expect_numbers(product(true, true), {12, 4, 1});
}

// The row 1 to 4 halved by a filter twice as wide as without antialias; one scale for two axes.
TEST(Newer, Resize) {
  const Array x = Array::of(std::vector<float>{1, 2, 3, 4}, {1, 4}), none = Array::of(std::vector<float>{});
  expect_numbers(evaluate(18, "Resize", {x, none, Array::of(std::vector<float>{1, 0.5F})},
                          [](auto& node) {
                            set(node, "mode", std::string("linear"));
                            set(node, "antialias", std::int64_t{1});
                          }),
                 {(1 * 3 + 1 + 2 * 3 + 3) / 8.0, (2 + 3 * 3 + 4 * 3 + 4) / 8.0});
  const auto sizes = [&](const char* policy) {
    return evaluate(18, "Resize", {Array::of(std::vector<float>(8, 1), {2, 4}), none, none, Array::of(Integers{6, 6})},
                    [&](auto& node) { set(node, "keep_aspect_ratio_policy", std::string(policy)); })
        .sizes();
  };
  EXPECT_EQ(sizes("not_larger"), (Sizes{3, 6}));
  EXPECT_EQ(sizes("not_smaller"), (Sizes{6, 12}));
}

TEST(Newer, RandomNumbersBySeed) {
  OnnxModel model(22);
  const std::vector<std::pair<std::string, float>> draws{{"a", 3.F}, {"b", 3.F}, {"c", 4.F}, {"d", -1.F}, {"e", -1.F}};
  for (const auto& [name, seed] : draws) {
    auto& node = model.output(name).node("RandomUniform", {}, {name});
    set(node, "shape", Integers{100});
    set_number(node, "low", 2);
    set_number(node, "high", 3);
    if (seed > 0) set_number(node, "seed", seed);
  }
  const Graph graph = read(model);
  const std::vector<Array> first = interpret(graph, {}), again = interpret(graph, {});
  const auto same = [](const Array& a, const Array& b) { return std::ranges::equal(a.values<float>(), b.values<float>()); };
  for (std::size_t i = 0; i < draws.size(); ++i) {
    EXPECT_TRUE(same(first[i], again[i]));
    for (const float x : first[i].values<float>()) EXPECT_TRUE(x >= 2 && x < 3);
    for (std::size_t j = 0; j < i; ++j) EXPECT_EQ(same(first[i], first[j]), i == 1 && j == 0) << i << " " << j;
  }
}

TEST(Newer, DropoutInTraining) {
  OnnxModel model(13);
  model.input("x", {1000}).constant("ratio", Array::scalar(0.25F)).constant("training", Array::full(DType::boolean, {}, 1));
  model.output("y").output("mask", onnx::TensorProto::BOOL).node("Dropout", {"x", "ratio", "training"}, {"y", "mask"});
  const std::vector<Array> got = interpret(read(model), {Array::full(DType::f32, {1000}, 3)});
  int kept = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    EXPECT_FLOAT_EQ(static_cast<float>(got[0].get(i)), got[1].get_int(i) != 0 ? 4.F : 0.F);
    kept += static_cast<int>(got[1].get_int(i));
  }
  EXPECT_NEAR(kept, 750, 60);
}

}  // namespace
}  // namespace neap::newer_test

// Elementwise operators against the C library, on the calls of tests/shapes: broadcasting, NaN, infinities, integers.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <set>

#include "tests/ops/calls.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"

namespace neap::elementwise_test {
namespace {

using testing::Case;
using Numbers = std::vector<double>;
using Oracle = std::function<double(const Numbers&, const Call&)>;

Oracle of_one(double (*f)(double)) {
  return [f](const Numbers& x, const Call&) { return f(x[0]); };
}
Oracle of_two(double (*f)(double, double)) {
  return [f](const Numbers& x, const Call&) { return f(x[0], x[1]); };
}
double with_nan(double a, double b, double chosen) { return std::isnan(a) || std::isnan(b) ? std::nan("") : chosen; }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double log1p_exp(double x) { return x > 30 ? x : std::log1p(std::exp(x)); }
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double clamped(double x, double low, double high) { return std::isnan(x) ? x : std::max(low, std::min(high, x)); }
double python_mod(double a, double b) {
  const double m = std::fmod(a, b);
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

const std::map<std::string, Oracle>& real_oracles() {
  static const std::map<std::string, Oracle> oracles = {
      {"neg", of_one([](double x) { return -x; })},
      {"abs", of_one([](double x) { return std::fabs(x); })},
      {"sign", of_one([](double x) { return std::isnan(x) ? x : double(x > 0) - double(x < 0); })},
      {"reciprocal", of_one([](double x) { return 1 / x; })},
      {"sqrt", of_one(std::sqrt)},
      {"rsqrt", of_one([](double x) { return 1 / std::sqrt(x); })},
      {"exp", of_one(std::exp)},
      {"exp2", of_one(std::exp2)},
      {"expm1", of_one(std::expm1)},
      {"log", of_one(std::log)},
      {"log2", of_one(std::log2)},
      {"log10", of_one(std::log10)},
      {"log1p", of_one(std::log1p)},
      {"sin", of_one(std::sin)},
      {"cos", of_one(std::cos)},
      {"tan", of_one(std::tan)},
      {"asin", of_one(std::asin)},
      {"acos", of_one(std::acos)},
      {"atan", of_one(std::atan)},
      {"sinh", of_one(std::sinh)},
      {"cosh", of_one(std::cosh)},
      {"asinh", of_one(std::asinh)},
      {"acosh", of_one(std::acosh)},
      {"atanh", of_one(std::atanh)},
      {"tanh", of_one(std::tanh)},
      {"sigmoid", of_one(logistic)},
      {"erf", of_one(std::erf)},
      {"floor", of_one(std::floor)},
      {"ceil", of_one(std::ceil)},
      {"round", of_one(std::nearbyint)},
      {"trunc", of_one(std::trunc)},
      {"logical_not", of_one([](double x) { return double(x == 0); })},
      {"is_nan", of_one([](double x) { return double(std::isnan(x)); })},
      {"is_inf", of_one([](double x) { return double(std::isinf(x)); })},
      {"is_finite", of_one([](double x) { return double(std::isfinite(x)); })},
      {"identity", of_one([](double x) { return x; })},
      {"stop_gradient", of_one([](double x) { return x; })},
      {"square", of_one([](double x) { return x * x; })},
      {"relu", of_one([](double x) { return x < 0 ? 0 : x; })},
      {"swish", of_one([](double x) { return x * logistic(x); })},
      {"softplus", of_one(log1p_exp)},
      {"softsign", of_one([](double x) { return x / (1 + std::fabs(x)); })},
      {"gelu", of_one([](double x) { return x * normal_cdf(x); })},
      {"gelu_tanh", of_one([](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))); })},
      {"mish", of_one([](double x) { return x * std::tanh(log1p_exp(x)); })},
      {"hard_swish", of_one([](double x) { return x * clamped(x / 6 + 0.5, 0, 1); })},
      {"hard_sigmoid", [](const Numbers& x, const Call& c) { return clamped(c.number("alpha") * x[0] + c.number("beta"), 0, 1); }},
      {"leaky_relu", [](const Numbers& x, const Call& c) { return x[0] > 0 ? x[0] : c.number("alpha") * x[0]; }},
      {"elu", [](const Numbers& x, const Call& c) { return x[0] > 0 ? x[0] : c.number("alpha") * std::expm1(x[0]); }},
      {"celu",
       [](const Numbers& x, const Call& c) {
         const double a = c.number("alpha");
         return x[0] > 0 ? x[0] : a * std::expm1(x[0] / a);
       }},
      {"selu",
       [](const Numbers& x, const Call& c) { return c.number("gamma") * (x[0] > 0 ? x[0] : c.number("alpha") * std::expm1(x[0])); }},
      {"clip", [](const Numbers& x, const Call& c) { return clamped(x[0], c.number("low"), c.number("high")); }},
      {"threshold", [](const Numbers& x, const Call& c) { return x[0] > c.number("threshold") ? x[0] : c.number("value"); }},
      {"add", of_two([](double a, double b) { return a + b; })},
      {"sub", of_two([](double a, double b) { return a - b; })},
      {"mul", of_two([](double a, double b) { return a * b; })},
      {"div", of_two([](double a, double b) { return a / b; })},
      {"floor_div", of_two([](double a, double b) { return std::floor(a / b); })},
      {"mod", of_two(python_mod)},
      {"fmod", of_two(std::fmod)},
      {"pow", of_two(std::pow)},
      {"minimum", of_two([](double a, double b) { return with_nan(a, b, std::min(a, b)); })},
      {"maximum", of_two([](double a, double b) { return with_nan(a, b, std::max(a, b)); })},
      {"atan2", of_two(std::atan2)},
      {"equal", of_two([](double a, double b) { return double(a == b); })},
      {"not_equal", of_two([](double a, double b) { return double(a != b); })},
      {"less", of_two([](double a, double b) { return double(a < b); })},
      {"less_equal", of_two([](double a, double b) { return double(a <= b); })},
      {"greater", of_two([](double a, double b) { return double(a > b); })},
      {"greater_equal", of_two([](double a, double b) { return double(a >= b); })},
      {"logical_and", of_two([](double a, double b) { return double(a != 0 && b != 0); })},
      {"logical_or", of_two([](double a, double b) { return double(a != 0 || b != 0); })},
      {"logical_xor", of_two([](double a, double b) { return double((a != 0) != (b != 0)); })},
      {"logaddexp", of_two([](double a, double b) {
         if (a == b) return a + std::numbers::ln2;
         return with_nan(a, b, std::max(a, b) + std::log1p(std::exp(-std::fabs(a - b))));
       })},
      {"hypot", of_two([](double a, double b) { return with_nan(a, b, std::hypot(a, b)); })},
      {"xlogy", of_two([](double x, double y) { return x == 0 && !std::isnan(y) ? 0 : x * std::log(y); })},
      {"prelu", of_two([](double x, double slope) { return x > 0 ? x : slope * x; })},
      {"lerp", [](const Numbers& x, const Call&) { return x[0] + x[2] * (x[1] - x[0]); }},
      {"where", [](const Numbers& x, const Call&) { return x[0] != 0 ? x[1] : x[2]; }},
  };
  return oracles;
}

using IntegerOracle = std::function<std::int64_t(std::int64_t, std::int64_t)>;
const std::map<std::string, IntegerOracle>& integer_oracles() {
  using I = std::int64_t;
  static const std::map<std::string, IntegerOracle> oracles = {
      {"div", [](I a, I b) { return b == 0 ? 0 : a / b; }},
      {"floor_div", [](I a, I b) { return b == 0 ? 0 : static_cast<I>(std::floor(double(a) / double(b))); }},
      {"mod", [](I a, I b) { return b == 0 ? 0 : static_cast<I>(python_mod(double(a), double(b))); }},
      {"fmod", [](I a, I b) { return b == 0 ? 0 : a % b; }},
      {"pow", [](I a, I b) { return static_cast<I>(std::pow(double(a), double(b))); }},
      {"add", [](I a, I b) { return a + b; }},
      {"sub", [](I a, I b) { return a - b; }},
      {"mul", [](I a, I b) { return a * b; }},
      {"minimum", [](I a, I b) { return std::min(a, b); }},
      {"maximum", [](I a, I b) { return std::max(a, b); }},
      {"bit_and", [](I a, I b) { return a & b; }},
      {"bit_or", [](I a, I b) { return a | b; }},
      {"bit_xor", [](I a, I b) { return a ^ b; }},
      {"bit_not", [](I a, I) { return ~a; }},
      {"shift_left", [](I a, I b) { return a << b; }},
      {"shift_right", [](I a, I b) { return a >> b; }},
      {"neg", [](I a, I) { return -a; }},
      {"abs", [](I a, I) { return std::abs(a); }},
      {"sign", [](I a, I) { return I(a > 0) - I(a < 0); }},
      {"square", [](I a, I) { return a * a; }},
      {"relu", [](I a, I) { return std::max<I>(a, 0); }},
  };
  return oracles;
}

// The element of an operand that broadcasting puts at a place of the result.
std::int64_t broadcast_at(const Sizes& from, const Sizes& to, std::int64_t flat) {
  std::int64_t at = 0, stride = 1;
  for (std::size_t k = 0; k < to.size(); ++k) {
    const std::size_t axis = to.size() - 1 - k;
    const std::int64_t here = flat % to[axis];
    flat /= to[axis];
    if (k >= from.size()) continue;
    const std::int64_t size = from[from.size() - 1 - k];
    at += (size == 1 ? 0 : here) * stride;
    stride *= size;
  }
  return at;
}

// Elements of the results, by an oracle that takes those of the operands.
template <class F>
int compare(const Case& one, F&& oracle) {
  const Graph graph = testing::graph_of(one);
  const std::vector<Array> inputs = testing::inputs_of(one);
  const Array got = interpret(graph, inputs)[0];
  Array wanted(got.dtype(), got.sizes());
  for (std::int64_t i = 0; i < got.count(); ++i) oracle(inputs, i, wanted);
  EXPECT_TRUE(testing::close(got, wanted, 1e-12)) << one.place << ": " << one.text;
  return 1;
}

bool all_floats(const Case& one) {
  return std::all_of(one.inputs.begin(), one.inputs.end(),
                     [&](const testing::CaseInput& i) { return is_float(i.type.dtype) || (one.op == "where" && &i == &one.inputs[0]); });
}

TEST(Elementwise, OfFloatsIsTheCLibrarys) {
  std::set<std::string> seen;
  for (const Case& line : testing::read_cases()) {
    const auto oracle = real_oracles().find(line.op);
    const bool logical = line.op.rfind("logical_", 0) == 0;
    if (oracle == real_oracles().end() || !(all_floats(line) || logical)) continue;
    const Case one = testing::with_dtype(line, DType::f64);
    const Graph graph = testing::graph_of(one);
    const Call call = make_call(graph, *graph.nodes().back());
    compare(one, [&](const std::vector<Array>& inputs, std::int64_t i, Array& wanted) {
      Numbers x;
      for (const Array& input : inputs) x.push_back(input.get(broadcast_at(input.sizes(), wanted.sizes(), i)));
      wanted.set(i, oracle->second(x, call));
    });
    seen.insert(line.op);
  }
  EXPECT_EQ(seen.size(), real_oracles().size());
}

TEST(Elementwise, OfIntegersIsCs) {
  std::set<std::string> seen;
  for (const Case& one : testing::read_cases()) {
    const auto oracle = integer_oracles().find(one.op);
    if (oracle == integer_oracles().end() || !is_integer(one.inputs[0].type.dtype)) continue;
    compare(one, [&](const std::vector<Array>& inputs, std::int64_t i, Array& wanted) {
      const auto operand = [&](std::size_t k) {
        return k < inputs.size() ? inputs[k].get_int(broadcast_at(inputs[k].sizes(), wanted.sizes(), i)) : 0;
      };
      wanted.set_int(i, oracle->second(operand(0), operand(1)));
    });
    seen.insert(one.op);
  }
  EXPECT_EQ(seen.size(), integer_oracles().size());
}

Array run(std::string_view op, const std::vector<Array>& operands, const Attributes& attributes = {}) {
  return testing::run(op, operands, attributes)[0];
}

using testing::numbers;

TEST(Elementwise, CastsAsStated) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Array x = Array::of<double>({2.9, -2.9, std::nan(""), infinity, -infinity, 0, 300});
  EXPECT_EQ(numbers(run("cast", {x}, {{"dtype", DType::i64}})),
            (std::vector<double>{2, -2, 0, static_cast<double>(std::numeric_limits<std::int64_t>::max()),
                                 static_cast<double>(std::numeric_limits<std::int64_t>::min()), 0, 300}));
  EXPECT_EQ(numbers(run("cast", {x}, {{"dtype", DType::boolean}})), (std::vector<double>{1, 1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(numbers(run("cast", {Array::of<std::int64_t>({300, -1})}, {{"dtype", DType::u8}})), (std::vector<double>{44, 255}));
  EXPECT_EQ(numbers(run("cast", {Array::of<double>({1 + 0x1p-11, 65504, 1e6})}, {{"dtype", DType::f16}})),
            (std::vector<double>{1, 65504, infinity}));
}

TEST(Elementwise, ClampTakesBoundsThatAreTensors) {
  const Array x = Array::of<double>({-3, 0, 3}), low = Array::scalar(-1.0), high = Array::of<double>({5, 6, 2});
  EXPECT_EQ(numbers(run("clamp", {x, low, high})), (std::vector<double>{-1, 0, 2}));
  EXPECT_EQ(numbers(run("clamp", {x, Array(), high})), (std::vector<double>{-3, 0, 2}));
  EXPECT_EQ(numbers(run("clamp", {x, low})), (std::vector<double>{-1, 0, 3}));
}

TEST(Elementwise, NanToNum) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Array x = Array::of<double>({std::nan(""), infinity, -infinity, 2});
  const double largest = std::numeric_limits<double>::max();
  EXPECT_EQ(numbers(run("nan_to_num", {x})), (std::vector<double>{0, largest, -largest, 2}));
  EXPECT_EQ(numbers(run("nan_to_num", {x}, {{"nan", 1.0}, {"high", 3.0}, {"low", -4.0}})), (std::vector<double>{1, 3, -4, 2}));
  EXPECT_EQ(numbers(run("nan_to_num", {x.cast(DType::f16)})), (std::vector<double>{0, 65504, -65504, 2}));
}

TEST(Elementwise, WhatDoesNotFitIsRefused) {
  const Array floats = Array::of<float>({1, 2, 3}), doubles = Array::of<double>({1, 2, 3}), four = Array::of<float>({1, 2, 3, 4});
  const Array flags = Array::full(DType::boolean, {3}, 1), whole = Array::of<std::int64_t>({1, 2, 3});
  expect_error([&] { run("add", {floats, doubles}); }, "add: operands are f32 and f64", "add(f32[3], f64[3])");
  expect_error([&] { run("add", {floats, four}); }, "add: sizes 3 and 4 do not broadcast", "add(f32[3], f32[4])");
  expect_error([&] { run("add", {flags, flags}); }, "add is not defined on bool");
  expect_error([&] { run("exp", {whole}); }, "exp is not defined on i64");
  expect_error([&] { run("bit_and", {floats, floats}); }, "bit_and is not defined on f32");
  expect_error([&] { run("where", {flags, floats, doubles}); }, "select of f32 and f64");
  expect_error([&] { run("prelu", {Array::of<float>({1}), floats}); }, "slope does not broadcast to x's shape");
  expect_error([&] { run("clamp", {floats, doubles}); }, "bounds are of another dtype than x");
  expect_error([&] { run("lerp", {floats, floats, doubles}); }, "operands are f32 and f64");
  expect_error([&] { run("add", {floats}); }, "operand 'b' is missing");
  expect_error([&] { run("neg", {floats, floats}); }, "takes at most 1 operands");
  expect_error([&] { run("clip", {floats}, {{"lowest", 1.0}}); }, "has no attribute 'lowest'");
  expect_error([&] { run("clip", {floats}, {{"low", std::string("x")}}); }, "attribute 'low' is of kind text, not number");
  expect_error([&] { run("cast", {floats}); }, "attribute 'dtype' is missing");
  expect_error([&] { run("ad", {floats, floats}); }, "there is no operator 'ad'");
}

}  // namespace
}  // namespace neap::elementwise_test

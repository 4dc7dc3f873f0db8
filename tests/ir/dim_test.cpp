#include "neap/ir/dim.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "tests/support/expect_error.h"

namespace neap::dim_test {
namespace {

// A random size beside a plain function that computes the same.
struct Pair {
  Dim dim;
  std::function<std::int64_t(std::int64_t, std::int64_t)> plain;  // of A and B
};

std::int64_t floor_of(std::int64_t a, std::int64_t b) {
  std::int64_t q = a / b;
  while (q * b > a) --q;
  while ((q + 1) * b <= a) ++q;
  return q;
}

Pair random_pair(std::mt19937& random, int depth) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  if (depth == 0) {
    const int c = below(9) - 4;
    if (below(3) == 0) return {Dim(c), [c](auto, auto) { return c; }};
    return below(2) != 0 ? Pair{Dim::symbol("A"), [](auto a, auto) { return a; }} : Pair{Dim::symbol("B"), [](auto, auto b) { return b; }};
  }
  const Pair x = random_pair(random, depth - 1), y = random_pair(random, depth - 1);
  const int divisor = 1 + below(5);
  switch (below(5)) {
    case 0:
      return {x.dim + y.dim, [=](auto a, auto b) { return x.plain(a, b) + y.plain(a, b); }};
    case 1:
      return {x.dim - y.dim, [=](auto a, auto b) { return x.plain(a, b) - y.plain(a, b); }};
    case 2:
      return {x.dim * y.dim, [=](auto a, auto b) { return x.plain(a, b) * y.plain(a, b); }};
    case 3:
      return {floor_div(x.dim, divisor), [=](auto a, auto b) { return floor_of(x.plain(a, b), divisor); }};
    default:
      return {ceil_div(x.dim, divisor), [=](auto a, auto b) { return -floor_of(-x.plain(a, b), divisor); }};
  }
}

TEST(Dim, RandomPolynomialsMeanWhatPlainArithmeticDoes) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Pair pair = random_pair(random, round % 4);
    for (const auto& [a, b] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 0}, {1, 7}, {5, 2}, {12, 13}, {-3, 4}}) {
      ASSERT_EQ(pair.dim.evaluate({{"A", a}, {"B", b}}), pair.plain(a, b)) << pair.dim.to_string();
      ASSERT_EQ(pair.dim.substitute({{"A", Dim(a)}, {"B", Dim(b)}}), Dim(pair.plain(a, b))) << pair.dim.to_string();
    }
    ASSERT_EQ(Dim::parse(pair.dim.to_string()), pair.dim) << pair.dim.to_string();
    const Dim renamed = pair.dim.substitute({{"A", Dim::symbol("B")}, {"B", Dim::symbol("A")}});
    ASSERT_EQ(renamed.evaluate({{"A", 3}, {"B", 11}}), pair.plain(11, 3)) << pair.dim.to_string();
  }
}

TEST(Dim, EqualPolynomialsCompareEqual) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    const Dim a = random_pair(random, 2).dim, b = random_pair(random, 2).dim, c = random_pair(random, 1).dim;
    EXPECT_EQ(a + b, b + a);
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ((a + b) * c, a * c + b * c);
    EXPECT_EQ(a - a, Dim(0));
    EXPECT_TRUE((a - a).is_constant());
    EXPECT_EQ(floor_div(a * Dim(6) + Dim(5), 3), a * Dim(2) + Dim(1));
  }
}

TEST(Dim, Text) {
  const Dim n = Dim::symbol("N"), c = Dim::symbol("C");
  EXPECT_EQ((Dim(2) * n * c + 3).to_string(), "2*C*N + 3");
  EXPECT_EQ((n - c).to_string(), "-C + N");
  EXPECT_EQ((Dim(0) - n - 1).to_string(), "-N - 1");
  EXPECT_EQ(floor_div(n + 1, 2).to_string(), "floor((N + 1)/2)");
  EXPECT_EQ((floor_div(n + 1, 2) * n).to_string(), "N*floor((N + 1)/2)");
  EXPECT_EQ(Dim::parse(" 2 * ( N + 1 ) - N*2 "), Dim(2));
  EXPECT_EQ(Dim::parse("-N"), Dim(0) - n);
  EXPECT_EQ(Dim::parse("floor((N)/3)"), floor_div(n, 3));
  EXPECT_EQ(Dim::parse("floor(7/2)"), Dim(3));
  EXPECT_EQ(Dim::parse("floor((floor((N + 1)/2) + 1)/2)"), floor_div(floor_div(n + 1, 2) + 1, 2));
}

TEST(Dim, ParsingAPrefix) {
  std::size_t at = 2;
  EXPECT_EQ(Dim::parse_prefix("n:N + 1 c:64", at), Dim::symbol("N") + 1);
  EXPECT_EQ(at, 7u);
  at = 10;
  EXPECT_EQ(Dim::parse_prefix("n:N + 1 c:64]", at), Dim(64));
  EXPECT_EQ(at, 12u);
}

TEST(Dim, BadTextIsRefusedWithThePosition) {
  EXPECT_EQ(problem_of([] { Dim::parse(""); }), "size '': expected a number at position 1");
  EXPECT_EQ(problem_of([] { Dim::parse("N +"); }), "size 'N +': expected a number at position 4");
  EXPECT_EQ(problem_of([] { Dim::parse("N M"); }), "size 'N M': expected an operator at position 3");
  EXPECT_EQ(problem_of([] { Dim::parse("(N"); }), "size '(N': expected ')' at position 3");
  EXPECT_EQ(problem_of([] { Dim::parse("floor(N/0)"); }), "size 'floor(N/0)': expected a positive divisor at position 10");
  EXPECT_EQ(problem_of([] { Dim::parse("9223372036854775808"); }), "a size does not fit 63 bits");
  EXPECT_EQ(problem_of([] { Dim::parse(std::string(200, '(')); }).substr(0, 10), "size '((((");
  EXPECT_EQ(problem_of([] { Dim::parse("-9223372036854775807 - 1"); }), "a size does not fit 63 bits");
}

TEST(Dim, HostileProductsAreRefused) {
  std::string factors = "1", powers = "N";
  for (int i = 0; i < 30; ++i) factors += fmt::format("*(a{} + b{})", i, i);
  for (int i = 0; i < 100; ++i) powers += "*N";
  EXPECT_EQ(problem_of([&] { Dim::parse(factors); }), "a size has more than 1024 terms");
  EXPECT_EQ(problem_of([&] { Dim::parse(powers); }), "a size is a product of more than 24 factors");
}

TEST(Dim, OverflowIsAnError) {
  const Dim large = std::int64_t{1} << 62, n = Dim::symbol("N");
  EXPECT_EQ(problem_of([&] { large + large; }), "a size does not fit 63 bits");
  EXPECT_EQ(problem_of([&] { large* Dim(2); }), "a size does not fit 63 bits");
  EXPECT_EQ(problem_of([&] { (n * large) + (n * large); }), "a size does not fit 63 bits");
  EXPECT_EQ(problem_of([&] { (n * n).evaluate({{"N", std::int64_t{1} << 32}}); }), "a size does not fit 63 bits");
}

TEST(Dim, NamesOfSymbols) {
  EXPECT_EQ(Dim::symbol("batch_2").to_string(), "batch_2");
  for (const char* name : {"", "2N", "a b", "floor", "a*b", "_x", "é"}) EXPECT_NE(problem_of([&] { Dim::symbol(name); }), "") << name;
}

TEST(Dim, UnknownSizes) {
  const Dim n = Dim::symbol("N");
  EXPECT_EQ(problem_of([&] { n.constant(); }), "the size N is not known yet");
  EXPECT_EQ(problem_of([&] { n.evaluate({}); }), "the size N has no value");
  EXPECT_EQ((n + Dim::symbol("M") * floor_div(Dim::symbol("H") + 1, 2)).symbols(), (std::vector<std::string>{"H", "M", "N"}));
}

TEST(Dim, FloorDivision) {
  for (int a = -20; a <= 20; ++a) {
    for (int b = 1; b <= 6; ++b) {
      EXPECT_EQ(floor_div(Dim(a), b), Dim(floor_of(a, b)));
      EXPECT_EQ(ceil_div(Dim(a), b), Dim(-floor_of(-a, b)));
    }
  }
  const Dim n = Dim::symbol("N");
  EXPECT_EQ(floor_div(Dim(4) * n + 7, 4), n + 1);
  EXPECT_EQ(floor_div(n, 1), n);
  EXPECT_NE(floor_div(n, 2) * Dim(2), n);
}

TEST(Dim, ExactDivision) {
  const Dim n = Dim::symbol("N"), c = Dim::symbol("C");
  Dim q;
  ASSERT_TRUE(Dim::divide_exactly(Dim(6) * n * c + Dim(4) * n, Dim(2) * n, q));
  EXPECT_EQ(q, Dim(3) * c + 2);
  ASSERT_TRUE(Dim::divide_exactly(n + 1, n + 1, q));
  EXPECT_EQ(q, Dim(1));
  EXPECT_FALSE(Dim::divide_exactly(Dim(3) * n, 2, q));
  EXPECT_FALSE(Dim::divide_exactly(n + 1, n, q));
  EXPECT_FALSE(Dim::divide_exactly(n, 0, q));
  EXPECT_FALSE(Dim::divide_exactly(0, 0, q));
  ASSERT_TRUE(Dim::divide_exactly(0, n, q));
  EXPECT_EQ(q, Dim(0));
}

TEST(Dim, HashesFollowTheValue) {
  const auto hash = [](const Dim& dim) {
    Hasher hasher;
    dim.feed(hasher);
    return hasher.finish();
  };
  const Dim n = Dim::symbol("N"), m = Dim::symbol("M");
  EXPECT_EQ(hash(n * m + 2), hash(Dim(2) + m * n));
  EXPECT_NE(hash(n), hash(m));
  EXPECT_NE(hash(n), hash(n + 1));
  EXPECT_NE(hash(n * n), hash(n));
  EXPECT_NE(hash(3), hash(4));
}

TEST(Shape, BindAndCheck) {
  const Shape shape = {Dim::symbol("N"), 3, Dim(2) * Dim::symbol("N") + 1};
  Symbols symbols;
  bind(shape, {5, 3, 11}, symbols, "x");
  EXPECT_EQ(symbols, (Symbols{{"N", 5}}));
  check(shape, {5, 3, 11}, symbols, "x");
  EXPECT_EQ(to_string(shape), "[N,3,2*N + 1]");
  EXPECT_EQ(element_count(shape), Dim(6) * Dim::symbol("N") * Dim::symbol("N") + Dim(3) * Dim::symbol("N"));
  EXPECT_EQ(evaluate(shape, symbols), (std::vector<std::int64_t>{5, 3, 11}));
  EXPECT_EQ(problem_of([&] { check(shape, {5, 4, 11}, symbols, "x"); }), "x is [5,4,11], not [N,3,2*N + 1]");
  EXPECT_EQ(problem_of([&] { bind(shape, {5, 3}, symbols, "x"); }), "x has 2 axes, 3 are expected: [N,3,2*N + 1]");
  EXPECT_EQ(problem_of([&] { bind(shape, {6, 3, 11}, symbols, "x"); }), "x is [6,3,11], which does not fit [N,3,2*N + 1] where N is 5");
}

}  // namespace
}  // namespace neap::dim_test

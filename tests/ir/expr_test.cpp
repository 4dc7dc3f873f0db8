#include "neap/ir/expr.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/ir/graph.h"
#include "tests/support/expect_error.h"

namespace neap::expr_test {
namespace {

const Axis i{0, "i", 4, nullptr}, j{1, "j", 5, nullptr}, k{2, "k", 7, nullptr};
Expr at(const Axis& axis) { return axis_position(axis); }
Expr x(const Expr& index) { return read(0, DType::f32, {index}); }
std::string text(const Expr& e) { return to_string(e, {"x", "y"}, {i, j, k}); }

TEST(Expr, ConstantsFold) {
  EXPECT_EQ(text(Expr(2.0) * 3.0 + 1.0), "7.0");
  EXPECT_EQ(text(Expr(7) / 2), "3");
  EXPECT_EQ(text(exp(constant(DType::f64, 0))), "1.0:f64");
  EXPECT_EQ(text(cast(Expr(2.7), DType::i8)), "2:i8");
  EXPECT_EQ(text(Expr(1) < Expr(2)), "true");
  EXPECT_EQ(text(constant(DType::f16, 1.0 / 3)), "0.33325195:f16");
  EXPECT_EQ(text(select(Expr(1) < 2, x(at(i)), x(at(j)))), "x[i]");
}

TEST(Expr, NeutralElementsVanish) {
  const Expr e = x(at(i));
  EXPECT_TRUE(same(e + 0.0, e));
  EXPECT_TRUE(same(0.0 + e, e));
  EXPECT_TRUE(same(e - 0.0, e));
  EXPECT_TRUE(same(e * 1.0, e));
  EXPECT_TRUE(same(e / 1.0, e));
  EXPECT_TRUE(same(make(Scalar::pow, {e, 1.0}), e));
  EXPECT_EQ(text(make(Scalar::pow, {e, 2.0})), "x[i] * x[i]");
  EXPECT_EQ(text(e * 0.0), "x[i] * 0.0");  // x may be NaN or infinite
  EXPECT_EQ(text(at(i) * 0), "0");
  EXPECT_EQ(text(make(Scalar::floor_div, {at(i), 1})), "i");
  EXPECT_TRUE(same(select(at(i) < 2, e, e), e));
  EXPECT_EQ(text((at(i) < 2) && constant_int(DType::boolean, 1)), "i < 2");
  EXPECT_EQ(text((at(i) < 2) && constant_int(DType::boolean, 0)), "false");
  EXPECT_EQ(text((at(i) < 2) || constant_int(DType::boolean, 1)), "true");
}

TEST(Expr, ConstantsTakeTheDtypeBesideThem) {
  EXPECT_EQ((at(i) * 2.0).dtype(), DType::i64);
  EXPECT_EQ(text(read(0, DType::f64, {at(i)}) * 0.5), "x[i] * 0.5:f64");
  EXPECT_EQ(text(read(0, DType::u8, {at(i)}) + 1), "x[i] + 1:u8");
  EXPECT_EQ(text(read(0, DType::f32, {read(1, DType::i32, {at(i)})})), "x[i64(y[i])]");
}

TEST(Expr, WrongDtypesAreRefused) {
  const Expr real = x(at(i)), whole = read(1, DType::i32, {at(i)}), yes = at(i) < 2;
  EXPECT_EQ(problem_of([&] { real + whole; }), "add of f32 and i32");
  EXPECT_EQ(problem_of([&] { exp(whole); }), "exp is not defined on i32");
  EXPECT_EQ(problem_of([&] { -yes; }), "neg is not defined on bool");
  EXPECT_EQ(problem_of([&] { yes + yes; }), "add is not defined on bool and bool");
  EXPECT_EQ(problem_of([&] { make(Scalar::bit_and, {real, real}); }), "bit_and is not defined on f32 and f32");
  EXPECT_EQ(problem_of([&] { make(Scalar::atan2, {whole, whole}); }), "atan2 is not defined on i32 and i32");
  EXPECT_EQ(problem_of([&] { select(yes, real, whole); }), "select of f32 and i32");
}

TEST(Expr, Text) {
  const Expr a = x(at(i)), b = read(1, DType::f32, {at(j)});
  EXPECT_EQ(text(a + b * a), "x[i] + y[j] * x[i]");
  EXPECT_EQ(text((a + b) * a), "(x[i] + y[j]) * x[i]");
  EXPECT_EQ(text(a - (b - a)), "x[i] - (y[j] - x[i])");
  EXPECT_EQ(text((a - b) - a), "x[i] - y[j] - x[i]");
  EXPECT_EQ(text(-(a * b)), "-(x[i] * y[j])");
  EXPECT_EQ(text((a < b) && (b <= a || a == b)), "x[i] < y[j] && (y[j] <= x[i] || x[i] == y[j])");
  EXPECT_EQ(text((a < b) == (b < a)), "(x[i] < y[j]) == (y[j] < x[i])");
  EXPECT_EQ(text(select(a < 0.0, a, b)), "select(x[i] < 0.0, x[i], y[j])");
  EXPECT_EQ(text(reduce(Reduction::sum, {k}, x(at(i) + at(k)))), "sum(k:7, x[i + k])");
  EXPECT_EQ(text(read(0, DType::f32, {at(i) - 1}, 0.0)), "x[i - 1 else 0.0]");
  EXPECT_EQ(text(at(i) + Expr(Dim::symbol("N") * Dim(2))), "i + {2*N}");
  EXPECT_EQ(text(read(-1, DType::f32, {})), "$0[]");
  const Expr part = exp(a - b);
  EXPECT_EQ(text(part * sigmoid(part)), "#0=(exp(x[i] - y[j])) * sigmoid(#0)");
  EXPECT_EQ(text(part * sigmoid(exp(a - b))), "#0=(exp(x[i] - y[j])) * sigmoid(#0)");  // equal parts, not only shared ones
}

TEST(Expr, AChainOfSquaresStaysShort) {
  Expr e = x(at(i)) + 1.0;
  for (int n = 0; n < 60; ++n) e = e * e + 1.0;  // 2^60 nodes, written out
  EXPECT_LT(text(e).size(), 2000u);
  EXPECT_EQ(flops(e), Dim(121));
}

TEST(Expr, AffineIndices) {
  const Dim n = Dim::symbol("N");
  const Affine a = affine((at(i) * 3 + at(j) - 2) * Expr(n) - (at(i) - Expr(n)));
  ASSERT_TRUE(a.affine);
  EXPECT_EQ(a.coefficients.at(0), Dim(3) * n - 1);
  EXPECT_EQ(a.coefficients.at(1), n);
  EXPECT_EQ(a.rest, Dim(-2) * n + n);
  EXPECT_TRUE(affine(at(i) - at(i)).coefficients.empty());
  EXPECT_TRUE(affine(-(at(i) + 4)).affine);
  EXPECT_EQ(affine(-(at(i) + 4)).rest, Dim(-4));
  EXPECT_FALSE(affine(at(i) * at(j)).affine);
  EXPECT_FALSE(affine(make(Scalar::floor_div, {at(i), 2})).affine);
  EXPECT_FALSE(affine(read(0, DType::i64, {at(i)})).affine);
  EXPECT_FALSE(affine(-read(0, DType::i64, {at(i)})).affine);
  EXPECT_FALSE(affine(x(at(i))).affine);
}

TEST(Expr, SubstitutesAxes) {
  const Expr e = reduce(Reduction::sum, {k}, x(at(i) + at(k)) * read(1, DType::f32, {at(j)}));
  EXPECT_EQ(text(substitute_axes(e, {{0, at(j) * 2}, {1, Expr(3)}})), "sum(k:7, x[j * 2 + k] * y[3])");
  const Axis fresh{9, "m", 7, nullptr};
  const Expr renamed = substitute_axes(e, {{2, at(fresh)}});
  EXPECT_EQ(renamed->axes[0].id, 9);
  EXPECT_FALSE(uses_axis(renamed, 2));
  EXPECT_TRUE(uses_axis(renamed, 9));
  EXPECT_EQ(highest_axis(renamed), 9);
  EXPECT_EQ(highest_axis(Expr(1.0)), -1);
  EXPECT_EQ(text(substitute_axes(at(i) + 0 * at(j), {{0, Expr(4)}})), "4");  // folds on the way
  EXPECT_TRUE(same(substitute_axes(e, {{7, Expr(0)}}), e));
}

TEST(Expr, SubstitutionReachesRaggedBounds) {
  Axis e{3, "e", 10, nullptr};
  e.ragged = std::make_shared<const std::pair<Expr, Expr>>(read(1, DType::i64, {at(i)}), read(1, DType::i64, {at(i) + 1}));
  const Expr sum = substitute_axes(reduce(Reduction::sum, {e}, x(at(e))), {{0, at(j)}});
  EXPECT_FALSE(uses_axis(sum, 0));
  EXPECT_TRUE(uses_axis(sum, 1));
}

TEST(Expr, RewriteKeepsWhatIsNotChanged) {
  const Expr part = exp(x(at(i))), e = part * part + x(at(j));
  EXPECT_EQ(rewrite(e, [](const Expr&) { return Expr(); }).node(), e.node());
  const Expr changed = rewrite(e, [](const Expr& n) { return n->op == Scalar::exp ? tanh(n->args[0]) : Expr(); });
  EXPECT_EQ(text(changed), "tanh(x[i]) * tanh(x[i]) + x[j]");
  EXPECT_EQ(changed->args[0]->args[0].node(), changed->args[0]->args[1].node());  // shared before, shared after
}

TEST(Expr, VisitsEachPartOnceArgumentsFirst) {
  const Expr part = exp(x(at(i))), e = part * part;
  std::vector<Scalar> order;
  visit(e, [&](const Expr& n) { order.push_back(n->op); });
  EXPECT_EQ(order, (std::vector<Scalar>{Scalar::axis, Scalar::read, Scalar::exp, Scalar::mul}));
}

TEST(Expr, Same) {
  EXPECT_TRUE(same(x(at(i)) + 1.0, x(at(i)) + 1.0));
  EXPECT_FALSE(same(x(at(i)) + 1.0, x(at(j)) + 1.0));
  EXPECT_FALSE(same(constant(DType::f32, 1), constant(DType::f64, 1)));
  EXPECT_TRUE(same(constant(DType::f32, std::nan("")), constant(DType::f32, std::nan(""))));
  EXPECT_FALSE(same(constant(DType::f32, 0.0), constant(DType::f32, -0.0)));  // 1/x tells them apart
  EXPECT_FALSE(same(Expr(), Expr(1.0)));
  EXPECT_TRUE(same(Expr(), Expr()));
  EXPECT_FALSE(same(read(0, DType::f32, {at(i)}, 0.0), x(at(i))));
  EXPECT_FALSE(same(reduce(Reduction::sum, {k}, x(at(k))), reduce(Reduction::max, {k}, x(at(k)))));
}

TEST(Expr, Flops) {
  const Expr a = x(at(i));
  EXPECT_EQ(flops(a), Dim(0));
  EXPECT_EQ(flops(a * a + 1.0), Dim(2));
  EXPECT_EQ(flops(exp(a)), Dim(12));
  EXPECT_EQ(flops(x(at(i) * 7 + 1)), Dim(0));  // index arithmetic is not counted
  EXPECT_EQ(flops(at(i) * 3), Dim(0));
  EXPECT_EQ(flops(reduce(Reduction::sum, {j, k}, a * x(at(j)))), Dim(70));
  EXPECT_EQ(flops(reduce(Reduction::sum, {k}, a) + 1.0, {i, j}), Dim(4 * 5 * (7 + 1)));
}

TEST(Expr, PointsOfRaggedSpaces) {
  const Axis v{0, "v", Dim::symbol("V"), nullptr}, f{1, "f", 4, nullptr};
  Axis e{2, "e", Dim::symbol("E"), nullptr};
  e.ragged = std::make_shared<const std::pair<Expr, Expr>>(read(1, DType::i64, {at(v)}), read(1, DType::i64, {at(v) + 1}));
  EXPECT_EQ(points({v, f}), Dim(4) * Dim::symbol("V"));
  EXPECT_EQ(points({v, e, f}), Dim(4) * Dim::symbol("E"));
  EXPECT_EQ(points({}), Dim(1));
}

TEST(Expr, ReductionsHaveTheirDtypes) {
  EXPECT_EQ(reduce(Reduction::argmax, {k}, x(at(k))).dtype(), DType::i64);
  EXPECT_EQ(reduce(Reduction::any, {k}, x(at(k))).dtype(), DType::boolean);
  EXPECT_EQ(reduce(Reduction::sum, {k}, x(at(k))).dtype(), DType::f32);
  EXPECT_TRUE(same(reduce(Reduction::sum, {}, x(at(i))), x(at(i))));
  EXPECT_NE(problem_of([] { reduce(Reduction::argmax, {j, k}, x(at(k))); }), "");
}

}  // namespace
}  // namespace neap::expr_test

#include "neap/tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neap/base/error.h"
#include "neap/tensor/functions.h"
#include "tests/support/expect_error.h"

namespace neap::tensor_test {
namespace {

using Floats = std::vector<float>;

Tensor matrix() { return Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3}); }

TEST(Tensor, ComputesWhenReadAndOnce) {
  const Tensor a = matrix(), b = Tensor::of<float>({10, 20, 30});
  const Tensor sum = a * 2 + b, twice = sum * 2;
  EXPECT_FALSE(sum.computed());
  EXPECT_EQ(twice.values<float>(), (Floats{24, 48, 72, 36, 60, 84}));
  EXPECT_TRUE(sum.computed()) << "a value on the way that somebody holds is kept";
  EXPECT_EQ(sum.values<float>(), (Floats{12, 24, 36, 18, 30, 42}));
}

TEST(Tensor, NumbersTakeTheDtypeBesideThem) {
  EXPECT_EQ((1 - Tensor::of<double>({0.25})).values<double>(), std::vector<double>{0.75});
  EXPECT_EQ((Tensor::of<std::int32_t>({7}) / 2).values<std::int32_t>(), std::vector<std::int32_t>{3});
  EXPECT_NE(error_of([] { return Tensor::of<std::int32_t>({7}) + 1.5; }).find("the dtype cannot hold it"), std::string::npos);
}

TEST(Tensor, ShapesThatDoNotFitAreAnErrorAtTheCall) {
  const Tensor a = matrix(), b = Tensor::of<float>({1, 2});
  const std::string error = error_of([&] { return a + b; });
  EXPECT_NE(error.find("sizes 3 and 2 do not broadcast"), std::string::npos) << error;
  EXPECT_NE(error.find("add(f32[2,3], f32[2])"), std::string::npos) << error;
  EXPECT_NE(error_of([&] { return matmul(a, a); }).find("matmul"), std::string::npos);
  EXPECT_NE(error_of([&] { return a + Tensor::of<double>({1}); }).find("cast one of them"), std::string::npos);
}

TEST(Tensor, ComparesAndChooses) {
  const Tensor a = matrix();
  EXPECT_EQ((a > 3).values<bool>(), (std::vector<bool>{false, false, false, true, true, true}));
  EXPECT_EQ(where(a % 2 == 0, a, -1).values<float>(), (Floats{-1, 2, -1, 4, -1, 6}));
  EXPECT_EQ(((a > 1) & ~(a > 4)).values<bool>(), (std::vector<bool>{false, true, true, true, false, false}));
  EXPECT_EQ(clip(a, 2, 5).values<float>(), (Floats{2, 2, 3, 4, 5, 5}));
  EXPECT_EQ((Tensor::of<std::int32_t>({6}) & Tensor::of<std::int32_t>({3})).item(), 2);
}

TEST(Tensor, Reduces) {
  const Tensor a = matrix();
  EXPECT_EQ(sum(a).item(), 21);
  EXPECT_EQ(mean(a, {0}).values<float>(), (Floats{2.5, 3.5, 4.5}));
  EXPECT_EQ(max(a, {-1}, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(argmax(a, 1).values<std::int64_t>(), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(variance(a, {1}).values<float>(), (Floats{2.0F / 3, 2.0F / 3}));
  EXPECT_EQ(cumulative_sum(a, 1).values<float>(), (Floats{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(sum(Tensor::zeros(DType::f32, {0, 3}), {0}).values<float>(), (Floats{0, 0, 0}));
}

TEST(Tensor, ChangesShape) {
  const Tensor a = matrix();
  EXPECT_EQ(a.reshape({3, -1}).shape(), (Shape{3, 2}));
  EXPECT_EQ(a.transpose().values<float>(), (Floats{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(a.slice(1, 1, 3).values<float>(), (Floats{2, 3, 5, 6}));
  EXPECT_EQ(slice(a, 1, 0, 3, 2).values<float>(), (Floats{1, 3, 4, 6}));
  EXPECT_EQ(a[-1].values<float>(), (Floats{4, 5, 6}));
  EXPECT_EQ(concat({a, a}, 1).shape(), (Shape{2, 6}));
  EXPECT_EQ(stack({a, a}, 0).shape(), (Shape{2, 2, 3}));
  EXPECT_EQ(split(a, 3, 1)[2].values<float>(), (Floats{3, 6}));
  EXPECT_EQ(take(a, Tensor::of<std::int64_t>({2, 0}), 1).values<float>(), (Floats{3, 1, 6, 4}));
  EXPECT_EQ(squeeze(expand_dims(a, 1), 1).shape(), a.shape());
  EXPECT_EQ(flatten(a).shape(), (Shape{6}));
  EXPECT_EQ(swap_axes(a, 0, 1).shape(), (Shape{3, 2}));
  EXPECT_EQ(broadcast_to(Tensor::of<float>({1, 2, 3}), {2, 3}).values<float>(), (Floats{1, 2, 3, 1, 2, 3}));
  EXPECT_NE(error_of([&] { return a[2]; }).find("no row 2"), std::string::npos);
  EXPECT_NE(error_of([&] { return a.reshape({4, -1}); }).find("do not fill"), std::string::npos);
}

TEST(Tensor, MultipliesMatrices) {
  const Tensor a = matrix(), b = matrix().transpose();
  EXPECT_EQ(matmul(a, b).values<float>(), (Floats{14, 32, 32, 77}));
}

TEST(Tensor, ReadsOneElement) {
  EXPECT_EQ(sum(matrix()).item(), 21);
  EXPECT_NE(error_of([] { return matrix().item(); }).find("which has 6 elements"), std::string::npos);
  EXPECT_NE(error_of([] { return Tensor().shape(); }).find("empty tensor"), std::string::npos);
}

TEST(Tensor, PrintsAsNumpyDoes) {
  EXPECT_EQ(matrix().to_string(), "[[1. 2. 3.]\n [4. 5. 6.]]");
  EXPECT_EQ(Tensor::of<float>({0.5, -12, 3.25}).to_string(), "[  0.5  -12.     3.25]");
  EXPECT_EQ(Tensor::of<std::int64_t>({1, -20, 300}).to_string(), "[  1 -20 300]");
  EXPECT_EQ(Tensor::of<double>({std::nan(""), 1}).to_string(), "[nan  1.]");
  EXPECT_EQ(Tensor::scalar(2.5F).to_string(), "2.5");
  EXPECT_EQ((matrix() > 3).to_string(), "[[False False False]\n [ True  True  True]]");
  EXPECT_EQ(Tensor::of<float>({1e-10F, 1}).to_string(), "[1.e-10 1.e+00]");
  EXPECT_EQ(Tensor::zeros(DType::f32, {0}).to_string(), "[]");
  EXPECT_EQ(Tensor::arange(DType::i32, 2000).to_string(), "[   0    1    2 ... 1997 1998 1999]");
  EXPECT_EQ(Tensor::of<float>({1, 2}, {2, 1, 1}).to_string(), "[[[1.]]\n\n [[2.]]]");
}

TEST(Tensor, LongChainsNeitherRecurseNorKeepWhatIsPast) {
  Tensor x = Tensor::scalar(0.0F);
  for (int i = 0; i < 2000; ++i) x = x + 1;
  EXPECT_EQ(x.item(), 2000);
  Tensor unread = Tensor::scalar(0.0F);
  for (int i = 0; i < 20000; ++i) unread = unread + 1;
}

TEST(Tensor, PlaceholdersHaveNoValue) {
  const Tensor x = Tensor::placeholder({DType::f32, {Dim::symbol("N"), 3}, {}}, "x");
  EXPECT_EQ((x * 2).type().to_string(), "f32[N,3]");
  const std::string error = error_of([&] { return (x * 2).array().count(); });
  EXPECT_NE(error.find("the value of 'x' (f32[N,3]) is asked for"), std::string::npos) << error;
}

}  // namespace
}  // namespace neap::tensor_test

#include <gtest/gtest.h>

#include "neap/base/error.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/functions.h"
#include "neap/tensor/grad.h"

namespace neap {
namespace {

TEST(Tensor, ComputesWhenRead) {
  const Tensor a = Tensor::of<float>({1, 2, 3, 4, 5, 6}, {2, 3}), b = Tensor::of<float>({10, 20, 30});
  const Tensor c = a * 2 + b;
  EXPECT_FALSE(c.computed());
  EXPECT_EQ(c.values<float>(), (std::vector<float>{12, 24, 36, 18, 30, 42}));
  EXPECT_TRUE(c.computed());
}

TEST(Tensor, GradientOfAProduct) {
  const auto f = [](const Tensor& x, const Tensor& y) { return sum(x * x * y); };
  const Tensor x = Tensor::of<double>({1, 2}), y = Tensor::of<double>({3, 4});
  EXPECT_EQ(grad(f)(x, y).values<double>(), (std::vector<double>{6, 16}));
}

}  // namespace
}  // namespace neap

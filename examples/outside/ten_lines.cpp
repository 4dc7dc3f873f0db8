// Neap in ten lines: a function of tensors, its value at once, its gradient, and the same function compiled into one loop.
#include <fmt/core.h>

#include <cmath>

#include "neap/tensor/compile.h"
#include "neap/tensor/functions.h"

int main() {
  using namespace neap;
  const auto f = [](const Tensor& x, const Tensor& w) { return sum(swish(matmul(x, w))); };
  const Tensor x = Tensor::of<float>({1, -2, 3, 0.5f, 4, -1}, {2, 3}), w = Tensor::full(DType::f32, {3, 4}, 0.25);
  const Tensor at_once = f(x, w);      // library calls and precompiled loops
  const Tensor slope = grad(f)(x, w);  // of the first argument; a function again
  Compiled compiled = compile(f);      // traced, optimised and generated at the first call for these types
  const Tensor fast = compiled(x, w);
  fmt::print("f = {}, compiled {}\ndf/dx =\n{}\n", at_once.item(), fast.item(), slope.to_string());
  fmt::print("the graph that runs:\n{}", to_string(compiled.graph({x, w})));
  return std::abs(at_once.item() - fast.item()) < 1e-5 ? 0 : 1;
}

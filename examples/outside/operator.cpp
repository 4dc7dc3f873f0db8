// An operator of one's own: its definition is all there is. Shape rule, interpreter, gradient, cost and generated loop follow from it.
#include <fmt/core.h>

#include <cmath>

#include "neap/ops/elementwise.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/functions.h"

namespace {

using namespace neap;

// Huber (1964): quadratic near zero, linear beyond `delta`.
const Register huber{{.name = "huber",
                      .about = "y = x^2 / 2 where |x| <= delta, else delta (|x| - delta / 2)",
                      .inputs = {{"x"}},
                      .attributes = {{"delta", 1.0, "where the parabola ends"}},
                      .define = [](Definition& d) {
                        const Call& call = d.call();
                        if (!is_float(d.dtype(0))) call.fail("takes floating-point values", "cast first");
                        const double delta = call.number("delta");
                        if (!(delta > 0)) call.fail(fmt::format("delta is {}", delta), "a number above 0");
                        define_elementwise(d, [&](const std::vector<Expr>& x) {
                          const Expr size = make(Scalar::abs, {x[0]});
                          return select(size <= Expr(delta), x[0] * x[0] * 0.5, (size - delta * 0.5) * delta);
                        });
                      }}};

double reference(double x) { return std::abs(x) <= 1.5 ? x * x / 2 : 1.5 * (std::abs(x) - 0.75); }

}  // namespace

int main() {
  const std::vector<float> values{-4, -1.5f, -0.25f, 0, 1, 7};
  const Tensor x = Tensor::of(values);
  const auto f = [](const Tensor& x) { return call("huber", {x}, {{"delta", 1.5}}); };
  const std::vector<float> at_once = f(x).values<float>(), compiled = compile(f)(x).values<float>();
  const std::vector<float> slope = grad([&](const Tensor& x) { return sum(f(x)); })(x).values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    fmt::print("huber({:5}) = {:7} compiled {:7} slope {:5}\n", values[i], at_once[i], compiled[i], slope[i]);
    const double wanted = reference(values[i]), wanted_slope = std::min(1.5, std::max(-1.5, static_cast<double>(values[i])));
    if (std::abs(at_once[i] - wanted) > 1e-6 || std::abs(compiled[i] - wanted) > 1e-6 || std::abs(slope[i] - wanted_slope) > 1e-6) return 1;
  }
  try {
    call("huber", {x}, {{"delta", -1.0}});
  } catch (const Error& error) {  // a wrong call is refused where it stands
    fmt::print("{}\n", error.what());
    return 0;
  }
  return 1;
}

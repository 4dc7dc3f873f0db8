// Elementwise functions of two or three operands that are formulas.
#include <cmath>
#include <limits>

#include "neap/ops/builder.h"
#include "neap/ops/elementwise.h"

namespace neap::functions_operator {
namespace {

using Operands = std::vector<Expr>;

Expr number(const Expr& like, double value) { return constant(like.dtype(), value); }

// y = f(operands), all of one dtype.
std::function<void(Definition&)> formula(Expr (*f)(const Operands&)) {
  return [f](Definition& d) {
    for (int k = 1; k < d.call().input_count(); ++k) {
      if (d.dtype(k) != d.dtype(0))
        d.call().fail(fmt::format("operands are {} and {}", name(d.dtype(0)), name(d.dtype(k))), "cast one of them");
    }
    define_elementwise(d, f);
  };
}

const Register fmod_operator{
    {.name = "fmod",
     .about = "what is left of a when b is taken off as often as it fits: of a's sign",
     .inputs = {{"a"}, {"b"}},
     .define = formula([](const Operands& x) {
       return make(Scalar::sign, {x[0]}) * make(Scalar::mod, {make(Scalar::abs, {x[0]}), make(Scalar::abs, {x[1]})});
     }),
     .gradient = [](const GradientContext& g) {
       const Var fits = unary("trunc", g.inputs[0] / g.inputs[1]);
       return std::vector<Var>{reduce_to(g.cotangents[0], g.inputs[0].shape()), reduce_to(-(g.cotangents[0] * fits), g.inputs[1].shape())};
     }}};

const Register logaddexp{{.name = "logaddexp",
                          .about = "log(e^a + e^b), without overflow",
                          .inputs = {{"a"}, {"b"}},
                          .define = formula([](const Operands& x) {
                            const Expr apart = make(Scalar::log1p, {exp(-make(Scalar::abs, {x[0] - x[1]}))});
                            // Equal infinities have no difference.
                            return select(x[0] == x[1], x[0] + number(x[0], std::log(2.0)), max(x[0], x[1]) + apart);
                          }),
                          .gradient = [](const GradientContext& g) {
                            const Var &a = g.inputs[0], &b = g.inputs[1], &dy = g.cotangents[0];
                            return std::vector<Var>{reduce_to(dy * sigmoid(a - b), a.shape()), reduce_to(dy * sigmoid(b - a), b.shape())};
                          }}};

const Register hypot_operator{{.name = "hypot",
                               .about = "sqrt(a^2 + b^2), without overflow",
                               .inputs = {{"a"}, {"b"}},
                               .define = formula([](const Operands& x) {
                                 const Expr a = make(Scalar::abs, {x[0]}), b = make(Scalar::abs, {x[1]});
                                 const Expr large = max(a, b), ratio = min(a, b) / large;
                                 const Expr plain = large == number(large, 0) || make(Scalar::is_inf, {large});
                                 return select(plain, large, large * sqrt(number(large, 1) + ratio * ratio));
                               }),
                               .gradient = [](const GradientContext& g) {
                                 const Var &a = g.inputs[0], &b = g.inputs[1], &y = g.outputs[0];
                                 const Var zero = g.build.constant(y.dtype(), 0);
                                 const Var scaled = where(g.build.call("equal", {y, zero}), zero, g.cotangents[0] / y);
                                 return std::vector<Var>{reduce_to(scaled * a, a.shape()), reduce_to(scaled * b, b.shape())};
                               }}};

const Register xlogy{{.name = "xlogy",
                      .about = "x * log(y); 0 where x is 0, unless y is NaN",
                      .inputs = {{"x"}, {"y"}},
                      .define = formula([](const Operands& x) {
                        const Expr nothing = x[0] == number(x[0], 0) && make(Scalar::logical_not, {make(Scalar::is_nan, {x[1]})});
                        return select(nothing, number(x[0], 0), x[0] * log(x[1]));
                      }),
                      .gradient = [](const GradientContext& g) {
                        const Var &x = g.inputs[0], &y = g.inputs[1], &dy = g.cotangents[0];
                        return std::vector<Var>{reduce_to(dy * log(y), x.shape()), reduce_to(dy * x / y, y.shape())};
                      }}};

const Register lerp{
    {.name = "lerp", .about = "a + weight * (b - a)", .inputs = {{"a"}, {"b"}, {"weight"}}, .define = formula([](const Operands& x) {
                                                                                              return x[0] + x[2] * (x[1] - x[0]);
                                                                                            })}};

const Register prelu{{.name = "prelu",
                      .about = "x > 0 ? x : slope * x",
                      .inputs = {{"x"}, {"slope"}},
                      .define =
                          [](Definition& d) {
                            if (!(broadcast_shape(d.call()) == d.call().input(0).shape))
                              d.call().fail("slope does not broadcast to x's shape");
                            formula([](const Operands& x) { return select(x[0] > number(x[0], 0), x[0], x[1] * x[0]); })(d);
                          },
                      .onnx = {{"PRelu", 7, {}}}}};

const Register threshold{{.name = "threshold",
                          .about = "x > threshold ? x : value",
                          .inputs = {{"x"}},
                          .attributes = {{"threshold", 1.0, "what x must be above"}, {"value", 0.0, "elsewhere"}},
                          .define =
                              [](Definition& d) {
                                define_elementwise(d, [&](const Operands& x) {
                                  return select(x[0] > number(x[0], d.call().number("threshold")), x[0],
                                                number(x[0], d.call().number("value")));
                                });
                              },
                          .onnx = {{"ThresholdedRelu", 10, {{"alpha", "threshold"}}}}}};

const Register clamp{{.name = "clamp",
                      .about = "max(low, min(high, x)), with bounds that are tensors",
                      .inputs = {{"x"}, {"low", InputSpec::optional}, {"high", InputSpec::optional}},
                      .define = [](Definition& d) {
                        const Call& call = d.call();
                        std::vector<Axis> axes;
                        for (const Dim& size : broadcast_shape(call)) axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
                        Expr y = read_broadcast(d, 0, axes);
                        for (const int k : {2, 1}) {
                          if (!call.has(k)) continue;
                          if (d.dtype(k) != d.dtype(0)) call.fail("bounds are of another dtype than x", "cast them");
                          const Expr bound = read_broadcast(d, k, axes);
                          y = k == 2 ? min(bound, y) : max(bound, y);
                        }
                        d.output(d.dtype(0), axes, y);
                      }}};

double largest_finite(DType dtype) {
  switch (dtype) {
    case DType::f16:
      return 65504;
    case DType::bf16:
      return 0x1.FEp127;
    case DType::f32:
      return std::numeric_limits<float>::max();
    default:
      return std::numeric_limits<double>::max();
  }
}

const Register nan_to_num{
    {.name = "nan_to_num",
     .about = "x with numbers in place of NaN and infinities",
     .inputs = {{"x"}},
     .attributes = {{"nan", 0.0, "in place of NaN"},
                    {"high", HUGE_VAL, "in place of +inf; +inf: the largest finite number"},
                    {"low", -HUGE_VAL, "in place of -inf; -inf: the lowest finite number"}},
     .define = [](Definition& d) {
       const auto finite = [&](double value) { return std::isinf(value) ? std::copysign(largest_finite(d.dtype(0)), value) : value; };
       define_elementwise(d, [&](const Operands& x) {
         if (!is_float(x[0].dtype())) return x[0];
         const Expr bound =
             select(x[0] > number(x[0], 0), number(x[0], finite(d.call().number("high"))), number(x[0], finite(d.call().number("low"))));
         return select(make(Scalar::is_nan, {x[0]}), number(x[0], d.call().number("nan")),
                       select(make(Scalar::is_inf, {x[0]}), bound, x[0]));
       });
     }}};

const Register stop_gradient{{.name = "stop_gradient",
                              .about = "x, and no gradient flows through",
                              .inputs = {{"x"}},
                              .define = formula([](const Operands& x) { return x[0]; }),
                              .differentiable = false}};

}  // namespace
}  // namespace neap::functions_operator

// Functions of one element.
#include <array>
#include <cmath>
#include <numbers>

#include "neap/ops/builder.h"
#include "neap/ops/elementwise.h"

namespace neap::unary_operator {
namespace {

using Formula = Expr (*)(const Expr&);

struct Entry {
  const char* name;
  const char* about;
  Formula formula;
  bool differentiable = true;
  const char* onnx = nullptr;
  int since = 1;
};

template <Scalar op>
Expr scalar(const Expr& x) {
  return make(op, {x});
}
Expr number(const Expr& like, double value) { return constant(like.dtype(), value); }

const Entry table[] = {
    {"neg", "-x", scalar<Scalar::neg>, true, "Neg", 6},
    {"abs", "|x|", scalar<Scalar::abs>, true, "Abs", 6},
    {"sign", "-1, 0 or 1", scalar<Scalar::sign>, false, "Sign", 9},
    {"reciprocal", "1 / x", scalar<Scalar::reciprocal>, true, "Reciprocal", 6},
    {"sqrt", "square root", scalar<Scalar::sqrt>, true, "Sqrt", 6},
    {"rsqrt", "1 / sqrt(x)", scalar<Scalar::rsqrt>},
    {"exp", "e^x", scalar<Scalar::exp>, true, "Exp", 6},
    {"expm1", "e^x - 1, exact near 0", scalar<Scalar::expm1>},
    {"log", "natural logarithm", scalar<Scalar::log>, true, "Log", 6},
    {"log1p", "log(1 + x), exact near 0", scalar<Scalar::log1p>},
    {"sin", "sine", scalar<Scalar::sin>, true, "Sin", 7},
    {"cos", "cosine", scalar<Scalar::cos>, true, "Cos", 7},
    {"tan", "tangent", scalar<Scalar::tan>, true, "Tan", 7},
    {"asin", "inverse sine", scalar<Scalar::asin>, true, "Asin", 7},
    {"acos", "inverse cosine", scalar<Scalar::acos>, true, "Acos", 7},
    {"atan", "inverse tangent", scalar<Scalar::atan>, true, "Atan", 7},
    {"sinh", "hyperbolic sine", scalar<Scalar::sinh>, true, "Sinh", 9},
    {"cosh", "hyperbolic cosine", scalar<Scalar::cosh>, true, "Cosh", 9},
    {"asinh", "inverse hyperbolic sine", scalar<Scalar::asinh>, true, "Asinh", 9},
    {"acosh", "inverse hyperbolic cosine", scalar<Scalar::acosh>, true, "Acosh", 9},
    {"atanh", "inverse hyperbolic tangent", scalar<Scalar::atanh>, true, "Atanh", 9},
    {"tanh", "hyperbolic tangent", scalar<Scalar::tanh>, true, "Tanh", 6},
    {"sigmoid", "1 / (1 + e^-x)", scalar<Scalar::sigmoid>, true, "Sigmoid", 6},
    {"erf", "error function", scalar<Scalar::erf>, true, "Erf", 9},
    {"floor", "largest integer not above x", scalar<Scalar::floor>, false, "Floor", 6},
    {"ceil", "smallest integer not below x", scalar<Scalar::ceil>, false, "Ceil", 6},
    {"round", "nearest integer, ties to even", scalar<Scalar::round>, false, "Round", 11},
    {"trunc", "x without its fraction", scalar<Scalar::trunc>, false},
    {"logical_not", "not x", scalar<Scalar::logical_not>, false, "Not", 1},
    {"bit_not", "all bits of x turned", scalar<Scalar::bit_not>, false, "BitwiseNot", 18},
    {"is_nan", "whether x is NaN", scalar<Scalar::is_nan>, false, "IsNaN", 9},
    {"is_inf", "whether x is infinite", scalar<Scalar::is_inf>, false, "IsInf", 10},
    {"is_finite", "whether x is neither NaN nor infinite",
     [](const Expr& x) { return make(Scalar::logical_not, {make(Scalar::is_nan, {x}) || make(Scalar::is_inf, {x})}); }, false},
    {"exp2", "2^x",
     [](const Expr& x) {
       return make(Scalar::pow, {number(x, 2), x});
     }},
    {"log2", "logarithm of base 2", [](const Expr& x) { return log(x) * number(x, 1 / std::numbers::ln2); }},
    {"log10", "logarithm of base 10", [](const Expr& x) { return log(x) * number(x, 1 / std::numbers::ln10); }},
    {"identity", "x", [](const Expr& x) { return x; }, true, "Identity", 1},
    {"square", "x * x", [](const Expr& x) { return x * x; }},
    {"relu", "max(x, 0)", [](const Expr& x) { return max(x, number(x, 0)); }, true, "Relu", 6},
    {"swish", "x * sigmoid(x)", [](const Expr& x) { return x * sigmoid(x); }},
    {"softplus", "log(1 + e^x)", [](const Expr& x) { return max(x, number(x, 0)) + make(Scalar::log1p, {exp(-make(Scalar::abs, {x}))}); },
     true, "Softplus", 1},
    {"softsign", "x / (1 + |x|)", [](const Expr& x) { return x / (number(x, 1) + make(Scalar::abs, {x})); }, true, "Softsign", 1},
    {"gelu", "x * Phi(x), by the error function",
     [](const Expr& x) { return x * number(x, 0.5) * (number(x, 1) + make(Scalar::erf, {x * number(x, 0.70710678118654752)})); }, true,
     "Gelu", 20},
    {"gelu_tanh", "x * Phi(x), approximated by tanh",
     [](const Expr& x) {
       return x * number(x, 0.5) * (number(x, 1) + tanh(number(x, 0.79788456080286536) * (x + number(x, 0.044715) * x * x * x)));
     }},
    {"mish", "x * tanh(softplus(x))",
     [](const Expr& x) { return x * tanh(max(x, number(x, 0)) + make(Scalar::log1p, {exp(-make(Scalar::abs, {x}))})); }, true, "Mish", 18},
    {"hard_swish", "x * clip(x / 6 + 1/2, 0, 1)",
     [](const Expr& x) { return x * max(number(x, 0), min(number(x, 1), x * number(x, 1.0 / 6) + number(x, 0.5))); }, true, "HardSwish",
     14},
};

Operator unary_operator(const Entry& entry) {
  Operator op;
  op.name = entry.name;
  op.about = entry.about;
  op.inputs = {{"x"}};
  op.define = [formula = entry.formula](Definition& d) {
    define_elementwise(d, [&](const std::vector<Expr>& x) { return formula(x[0]); });
  };
  op.differentiable = entry.differentiable;
  if (entry.onnx != nullptr) op.onnx = {{entry.onnx, entry.since, {}}};
  // Through the output where that spares the function: e^x' = y.
  const std::string_view name = entry.name;
  if (name == "exp") op.gradient = [](const GradientContext& g) { return std::vector<Var>{g.cotangents[0] * g.outputs[0]}; };
  if (name == "tanh")
    op.gradient = [](const GradientContext& g) { return std::vector<Var>{g.cotangents[0] * (1 - g.outputs[0] * g.outputs[0])}; };
  if (name == "sigmoid")
    op.gradient = [](const GradientContext& g) { return std::vector<Var>{g.cotangents[0] * g.outputs[0] * (1 - g.outputs[0])}; };
  if (name == "identity") op.gradient = [](const GradientContext& g) { return std::vector<Var>{g.cotangents[0]}; };
  // At 0 the slope is 0, as elsewhere in the field; the derived gradient would take the mean of both sides. The output is positive where
  // the input is, and is there anyway: what the input was made of can then become one with it.
  if (name == "relu") {
    op.gradient = [](const GradientContext& g) {
      const Var zero = g.build.constant(g.outputs[0].dtype(), 0);
      return std::vector<Var>{where(g.build.call("greater", {g.outputs[0], zero}), g.cotangents[0], zero)};
    };
  }
  return op;
}

const bool registered = [] {
  for (const Entry& entry : table) Register{unary_operator(entry)};
  return true;
}();

// x where it is not positive, else 0: for the side of a choice that must not overflow, with slope 1 at 0.
Expr not_positive(const Expr& x) { return select(x > number(x, 0), number(x, 0), x); }

// Functions with a number or two.
Operator with_alpha(const char* name, const char* about, double alpha, Expr (*formula)(const Expr&, double), const char* onnx, int since) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"x"}};
  op.attributes = {{"alpha", alpha, "slope or scale on the negative side"}};
  op.define = [formula](Definition& d) {
    const double a = d.call().number("alpha");
    define_elementwise(d, [&](const std::vector<Expr>& x) { return formula(x[0], a); });
  };
  op.onnx = {{onnx, since, {{"alpha", "alpha"}}}};
  return op;
}

// The gradient as a product, whose factors can be taken apart: the derived one chooses between both slopes of the whole.
Operator leaky_relu_operator() {
  Operator op = with_alpha(
      "leaky_relu", "x > 0 ? x : alpha * x", 0.01, [](const Expr& x, double a) { return select(x > number(x, 0), x, x * number(x, a)); },
      "LeakyRelu", 6);
  op.gradient = [](const GradientContext& g) {
    const Var &x = g.inputs[0], &dy = g.cotangents[0];
    const auto slope = [&](double value) { return g.build.constant(x.dtype(), value); };
    return std::vector<Var>{dy * where(g.build.call("greater", {x, slope(0)}), slope(1), slope(g.call.number("alpha")))};
  };
  return op;
}
const Register leaky_relu{leaky_relu_operator()};
const Register elu{with_alpha(
    "elu", "x > 0 ? x : alpha * (e^x - 1)", 1.0,
    [](const Expr& x, double a) { return select(x > number(x, 0), x, number(x, a) * make(Scalar::expm1, {not_positive(x)})); }, "Elu", 6)};
const Register celu{with_alpha(
    "celu", "x > 0 ? x : alpha * (e^(x / alpha) - 1)", 1.0,
    [](const Expr& x, double a) {
      return select(x > number(x, 0), x, number(x, a) * make(Scalar::expm1, {not_positive(x) / number(x, a)}));
    },
    "Celu", 12)};

const Register selu{
    {.name = "selu",
     .about = "gamma * (x > 0 ? x : alpha * (e^x - 1))",
     .inputs = {{"x"}},
     .attributes = {{"alpha", 1.67326319217681884765625, "scale of the negative side"}, {"gamma", 1.05070102214813232421875, "scale"}},
     .define =
         [](Definition& d) {
           define_elementwise(d, [&](const std::vector<Expr>& x) {
             const Expr low = number(x[0], d.call().number("alpha")) * make(Scalar::expm1, {not_positive(x[0])});
             return number(x[0], d.call().number("gamma")) * select(x[0] > number(x[0], 0), x[0], low);
           });
         },
     .onnx = {{"Selu", 6, {{"alpha", "alpha"}, {"gamma", "gamma"}}}}}};

const Register hard_sigmoid{{.name = "hard_sigmoid",
                             .about = "clip(alpha * x + beta, 0, 1)",
                             .inputs = {{"x"}},
                             .attributes = {{"alpha", 0.2, "slope"}, {"beta", 0.5, "offset"}},
                             .define =
                                 [](Definition& d) {
                                   define_elementwise(d, [&](const std::vector<Expr>& x) {
                                     const Expr y = x[0] * number(x[0], d.call().number("alpha")) + number(x[0], d.call().number("beta"));
                                     return max(number(x[0], 0), min(number(x[0], 1), y));
                                   });
                                 },
                             .onnx = {{"HardSigmoid", 6, {{"alpha", "alpha"}, {"beta", "beta"}}}}}};

const Register clip{{.name = "clip",
                     .about = "max(low, min(high, x))",
                     .inputs = {{"x"}},
                     .attributes = {{"low", -HUGE_VAL, "lower bound"}, {"high", HUGE_VAL, "upper bound"}},
                     .define = [](Definition& d) {
                       define_elementwise(d, [&](const std::vector<Expr>& x) {
                         return max(number(x[0], d.call().number("low")), min(number(x[0], d.call().number("high")), x[0]));
                       });
                     }}};

const Register cast_operator{
    {.name = "cast",
     .about = "x in another dtype",
     .inputs = {{"x"}},
     .attributes = {{"dtype", DType::f32, "the dtype wanted", true}},
     .define =
         [](Definition& d) { define_elementwise(d, [&](const std::vector<Expr>& x) { return cast(x[0], d.call().dtype("dtype")); }); },
     .gradient =
         [](const GradientContext& g) {
           if (!is_float(g.inputs[0].dtype())) return std::vector<Var>{Var()};
           return std::vector<Var>{cast(g.cotangents[0], g.inputs[0].dtype())};
         }}};

}  // namespace
}  // namespace neap::unary_operator

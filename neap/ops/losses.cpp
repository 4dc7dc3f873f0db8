// Losses: one number an element (or row), then none, sum or mean of them.
#include "neap/ops/composition.h"

namespace neap::losses_operator {
namespace {

using Formula = std::function<Var(Builder&, const std::vector<Var>&, const Call&)>;

Operator loss(const char* name, const char* about, std::vector<InputSpec> inputs, std::vector<AttributeSpec> attributes,
              const Formula& formula) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = std::move(inputs);
  op.attributes = std::move(attributes);
  op.attributes.push_back(reduction_attribute());
  op.compose = [formula](Builder& build, const std::vector<Var>& x, const Call& call) {
    if (!is_float(x[0].dtype())) call.fail("takes floating-point values", "cast first");
    return std::vector<Var>{reduce_loss(formula(build, x, call), call)};
  };
  return op;
}

// Predictions and targets of one shape: broadcasting here has hidden many a mistake.
void check_same_shape(const std::vector<Var>& x, const Call& call) {
  if (x[0].shape() != x[1].shape()) {
    call.fail(fmt::format("a target of shape {} for values of shape {}", to_string(x[1].shape()), to_string(x[0].shape())),
              "reshape one of them");
  }
}

Var absolute(const Var& x) { return unary("abs", x); }

// d^2/2 up to |d| = delta, then straight on: delta (|d| - delta/2).
Var huber(const Var& difference, double delta) {
  Builder& build = difference.build();
  const Var size = absolute(difference);
  const Var near = build.call("less_equal", {size, build.constant(size.dtype(), delta)});
  return where(near, square(difference) * 0.5, (size - delta / 2) * delta);
}

const Register mse_loss{
    loss("mse_loss", "(x - target)^2", {{"x"}, {"target"}}, {}, [](Builder&, const std::vector<Var>& x, const Call& call) {
      check_same_shape(x, call);
      return square(x[0] - x[1]);
    })};

const Register l1_loss{loss("l1_loss", "|x - target|", {{"x"}, {"target"}}, {}, [](Builder&, const std::vector<Var>& x, const Call& call) {
  check_same_shape(x, call);
  return absolute(x[0] - x[1]);
})};

const Register huber_loss{loss("huber_loss", "with d = x - target: d^2/2 where |d| <= delta, else delta (|d| - delta/2)",
                               {{"x"}, {"target"}}, {{"delta", 1.0, "where the parabola ends"}},
                               [](Builder&, const std::vector<Var>& x, const Call& call) {
                                 check_same_shape(x, call);
                                 if (!(call.number("delta") > 0)) call.fail(fmt::format("delta is {}", call.number("delta")), "above 0");
                                 return huber(x[0] - x[1], call.number("delta"));
                               })};

const Register smooth_l1_loss{loss("smooth_l1_loss", "with d = x - target: d^2/(2 beta) where |d| <= beta, else |d| - beta/2",
                                   {{"x"}, {"target"}}, {{"beta", 1.0, "where the parabola ends; 0: l1_loss"}},
                                   [](Builder&, const std::vector<Var>& x, const Call& call) {
                                     check_same_shape(x, call);
                                     const double beta = call.number("beta");
                                     if (!(beta >= 0)) call.fail(fmt::format("beta is {}", beta), "0 or more");
                                     return beta == 0 ? absolute(x[0] - x[1]) : huber(x[0] - x[1], beta) / beta;
                                   })};

const Register binary_cross_entropy{
    loss("binary_cross_entropy_with_logits", "softplus(x) - x target: minus the log likelihood of a coin; positive_weight multiplies heads",
         {{"x"}, {"target"}, {"positive_weight", InputSpec::optional}}, {}, [](Builder&, const std::vector<Var>& x, const Call& call) {
           check_same_shape(x, call);
           if (!call.has(2)) return unary("softplus", x[0]) - x[0] * x[1];
           return (1 - x[1]) * x[0] + (1 + (x[2] - 1) * x[1]) * unary("softplus", -x[0]);
         })};

const Register nll_loss{loss("nll_loss", "-x[label] along axis 1, of logarithms of probabilities; NaN where the label is no class",
                             {{"x"}, {"labels"}}, {}, [](Builder& build, const std::vector<Var>& x, const Call&) {
                               return -build.call("pick_class", {x[0], x[1]});
                             })};

const Register kl_div{loss("kl_div", "target (log target - x), 0 where the target is 0; x holds logarithms of probabilities",
                           {{"x"}, {"target"}}, {{"log_target", false, "the target holds logarithms too"}},
                           [](Builder& build, const std::vector<Var>& x, const Call& call) {
                             check_same_shape(x, call);
                             if (call.flag("log_target")) return exp(x[1]) * (x[1] - x[0]);
                             const Var zero = build.constant(x[1].dtype(), 0), one = build.constant(x[1].dtype(), 1);
                             const Var safe = where(build.call("greater", {x[1], zero}), x[1], one);
                             return x[1] * (log(safe) - x[0]);
                           })};

const Register cosine_similarity{{.name = "cosine_similarity",
                                  .about = "a.b / max(|a| |b|, epsilon) along an axis",
                                  .inputs = {{"a"}, {"b"}},
                                  .attributes = {{"axis", std::int64_t{-1}, "along which axis"}, {"epsilon", 1e-8, "the least divisor"}},
                                  .compose = [](Builder& build, const std::vector<Var>& x, const Call& call) {
                                    if (!is_float(x[0].dtype())) call.fail("takes floating-point values", "cast first");
                                    const std::vector<std::int64_t> axis{call.axis("axis", x[0].rank())};
                                    const Var power = sum(square(x[0]), axis) * sum(square(x[1]), axis);
                                    const double least = call.number("epsilon");
                                    const Var bound = build.constant(power.dtype(), least * least);
                                    return std::vector<Var>{sum(x[0] * x[1], axis) / sqrt(build.call("maximum", {power, bound}))};
                                  }}};

}  // namespace
}  // namespace neap::losses_operator

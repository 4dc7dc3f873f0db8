// Random numbers by counter (Philox4x32-10): element i of a call is a function of seed, stream and i alone, the same on any number of
// threads, in any order, and again in the backward pass. The seed is an operand, so that each step can have its own; the stream is an
// attribute that tells the calls of one graph apart.
#include <numbers>

#include "neap/ops/composition.h"

namespace neap::random_operator {
namespace {

const AttributeSpec stream_attribute{"stream", std::int64_t{0}, "calls with different streams draw independently"};

Expr seed(const Definition& d, int operand) {
  const Type& type = d.call().input(operand);
  if (!is_integer(type.dtype) || type.rank() != 0) d.call().fail("the seed is " + type.to_string(), "one integer");
  return cast(d.read(operand, {}), DType::i64);
}

// Row-major number of an element.
Expr number_of(const std::vector<Axis>& axes) {
  Expr number(0);
  for (const Axis& axis : axes) number = number * Expr(axis.extent) + axis_position(axis);
  return number;
}

Expr bits(const Definition& d, int seed_operand, const Expr& counter) {
  return make(Scalar::random_bits, {seed(d, seed_operand), Expr(d.call().integer("stream")), counter});
}

// In [0, 1): 24 bits for f32, 32 for f64, so that no rounding reaches 1.
Expr uniform(const Expr& bits, DType dtype) {
  if (dtype == DType::f64) return cast(bits, dtype) * constant(dtype, 0x1p-32);
  return cast(make(Scalar::shift_right, {bits, Expr(8)}), dtype) * constant(dtype, 0x1p-24);
}

DType computed_in(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

std::vector<Axis> axes_of_shape(Definition& d) {
  if (!is_float(d.call().dtype("dtype"))) d.call().fail("makes floating-point numbers", "cast them");
  std::vector<Axis> axes;
  for (const Dim& size : d.call().dims("shape")) axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
  return axes;
}

const Register random_uniform{{.name = "random_uniform",
                               .about = "numbers drawn evenly from [low, high)",
                               .inputs = {{"seed"}},
                               .attributes = {{"shape", std::vector<Dim>{}, "of the result", true},
                                              {"low", 0.0, "least"},
                                              {"high", 1.0, "bound"},
                                              {"dtype", DType::f32, "of the result"},
                                              stream_attribute},
                               .define =
                                   [](Definition& d) {
                                     const std::vector<Axis> axes = axes_of_shape(d);
                                     const double low = d.call().number("low"), high = d.call().number("high");
                                     const DType in = computed_in(d.call().dtype("dtype"));
                                     const Expr value =
                                         constant(in, low) + uniform(bits(d, 0, number_of(axes)), in) * constant(in, high - low);
                                     d.output(d.call().dtype("dtype"), axes, value);
                                   },
                               .differentiable = false}};

// Box and Muller 1958, the cosine half: two draws a number.
const Register random_normal{{.name = "random_normal",
                              .about = "numbers drawn from the normal distribution",
                              .inputs = {{"seed"}},
                              .attributes = {{"shape", std::vector<Dim>{}, "of the result", true},
                                             {"mean", 0.0, "centre"},
                                             {"scale", 1.0, "standard deviation"},
                                             {"dtype", DType::f32, "of the result"},
                                             stream_attribute},
                              .define =
                                  [](Definition& d) {
                                    const std::vector<Axis> axes = axes_of_shape(d);
                                    const DType in = computed_in(d.call().dtype("dtype"));
                                    const Expr counter = number_of(axes) * Expr(2);
                                    // 1 - u lies in (0, 1], where the logarithm is finite.
                                    const Expr radius = sqrt(constant(in, -2) * log(constant(in, 1) - uniform(bits(d, 0, counter), in)));
                                    const Expr angle = uniform(bits(d, 0, counter + Expr(1)), in) * constant(in, 2 * std::numbers::pi);
                                    const Expr normal = radius * make(Scalar::cos, {angle});
                                    d.output(d.call().dtype("dtype"), axes,
                                             normal * constant(in, d.call().number("scale")) + constant(in, d.call().number("mean")));
                                  },
                              .differentiable = false}};

const Register bernoulli{{.name = "bernoulli",
                          .about = "1 with probability p, else 0",
                          .inputs = {{"p"}, {"seed"}},
                          .attributes = {stream_attribute},
                          .define =
                              [](Definition& d) {
                                if (!is_float(d.dtype(0))) d.call().fail("probabilities are floating-point values");
                                const std::vector<Axis> axes = d.axes_like(0);
                                const DType in = computed_in(d.dtype(0));
                                const Expr drawn = uniform(bits(d, 1, number_of(axes)), in) < cast(d.read(0, positions(axes)), in);
                                d.output(d.dtype(0), axes, select(drawn, constant(d.dtype(0), 1), constant(d.dtype(0), 0)));
                              },
                          .differentiable = false}};

const Register dropout{{.name = "dropout",
                        .about = "x / (1 - rate), or 0 with probability rate (Srivastava et al. 2014)",
                        .inputs = {{"x"}, {"seed"}},
                        .attributes = {{"rate", 0.5, "share of the elements that become 0"}, stream_attribute},
                        .define =
                            [](Definition& d) {
                              const double rate = d.call().number("rate");
                              if (!(rate >= 0 && rate <= 1)) d.call().fail(fmt::format("a rate of {}", rate), "from 0 to 1");
                              if (!is_float(d.dtype(0))) d.call().fail("takes floating-point values", "cast first");
                              const std::vector<Axis> axes = d.axes_like(0);
                              const Expr kept = bits(d, 1, number_of(axes)) >= Expr(static_cast<std::int64_t>(rate * 0x1p32));
                              const Expr value = d.read(0, positions(axes)) * constant(d.dtype(0), rate < 1 ? 1 / (1 - rate) : 0);
                              d.output(d.dtype(0), axes, select(kept, value, constant(d.dtype(0), 0)));
                            },
                        // The same elements are dropped, because they are drawn by the same seed, stream and position.
                        .gradient =
                            [](const GradientContext& g) {
                              return std::vector<Var>{g.build.call("dropout", {g.cotangents[0], g.inputs[1]}, g.call.attributes())};
                            }}};

}  // namespace
}  // namespace neap::random_operator

// Division by a length, and by the power of neighbouring channels.
#include "neap/ops/composition.h"

namespace neap::lp_normalize_operator {
namespace {

const Register lp_normalize{{.name = "lp_normalize",
                             .about = "x / max(|x|_p, epsilon) along an axis",
                             .inputs = {{"x"}},
                             .attributes = {{"axis", std::int64_t{-1}, "along which axis"},
                                            {"p", std::int64_t{2}, "1: sum of sizes; 2: Euclidean length"},
                                            {"epsilon", 1e-12, "the least length that is divided by"}},
                             .compose =
                                 [](Builder& build, const std::vector<Var>& inputs, const Call& call) {
                                   const Var& x = inputs[0];
                                   if (!is_float(x.dtype())) call.fail("takes floating-point values", "cast first");
                                   const std::vector<std::int64_t> axis{call.axis("axis", x.rank())};
                                   const auto at_least = [&](const Var& value, double low) {
                                     return build.call("maximum", {value, build.constant(x.dtype(), low)});
                                   };
                                   const double epsilon = call.number("epsilon");
                                   // The bound goes under the root, so that the length of zeros has a slope.
                                   if (call.integer("p") == 2)
                                     return std::vector<Var>{x / sqrt(at_least(sum(square(x), axis, true), epsilon * epsilon))};
                                   if (call.integer("p") == 1)
                                     return std::vector<Var>{x / at_least(sum(unary("abs", x), axis, true), epsilon)};
                                   call.fail(fmt::format("p is {}", call.integer("p")), "1 or 2");
                                 },
                             .onnx = {{"LpNormalization", 1, {{"axis", "axis"}, {"p", "p"}}}}}};

// Channels are laid out as an axis of a picture, along which an average pool runs.
const Register local_response_norm{
    {.name = "local_response_norm",
     .about = "x / (bias + alpha * mean of x^2 over the `size` channels around, 0 beyond the ends)^beta",
     .inputs = {{"x"}},
     .attributes = {{"size", std::int64_t{1}, "how many channels", true},
                    {"alpha", 1e-4, "weight of the neighbours"},
                    {"beta", 0.75, "exponent"},
                    {"bias", 1.0, "added to the mean"}},
     .compose =
         [](Builder& build, const std::vector<Var>& inputs, const Call& call) {
           const Var& x = inputs[0];
           const std::int64_t size = call.integer("size");
           if (x.rank() < 3) call.fail("takes [N,C,...] with at least one spatial axis");
           if (size < 1) call.fail(fmt::format("size is {}", size));
           const Dim points = element_count(Shape(x.shape().begin() + 2, x.shape().end()));
           const std::vector<std::int64_t> kernel{size, 1}, pads{(size - 1) / 2, 0, size / 2, 0};
           const Var power = build.call("average_pool", {reshape(square(x), {x.size(0), 1, x.size(1), points})},
                                        {{"kernel_size", kernel}, {"pads", pads}, {"count_include_pad", true}});
           const Var base = reshape(power, x.shape()) * call.number("alpha") + call.number("bias");
           return std::vector<Var>{x / build.call("pow", {base, build.constant(x.dtype(), call.number("beta"))})};
         },
     .onnx = {{"LRN", 13, {{"size", "size"}, {"alpha", "alpha"}, {"beta", "beta"}, {"bias", "bias"}}}}}};

}  // namespace
}  // namespace neap::lp_normalize_operator

// Matrix products with what usually stands around them.
#include "neap/ops/composition.h"

namespace neap::linear_operator {
namespace {

const Register linear{{.name = "linear",
                       .about = "x w^T + bias: w holds one row an output",
                       .inputs = {{"x"}, {"w"}, {"bias", InputSpec::optional}},
                       .compose = [](Builder& build, const std::vector<Var>& x, const Call& call) {
                         if (x[1].rank() != 2) call.fail(fmt::format("weights of rank {}", x[1].rank()), "[outputs, inputs]");
                         const Var y = build.call("matmul", {x[0], x[1]}, {{"transpose_b", true}});
                         if (!call.has(2)) return std::vector<Var>{y};
                         if (x[2].shape() != Shape{x[1].size(0)})
                           call.fail("a bias of shape " + to_string(x[2].shape()), "one number an output");
                         return std::vector<Var>{y + x[2]};
                       }}};

const Register gemm{{.name = "gemm",
                     .about = "alpha a b + beta c of matrices, a and b transposed first where asked",
                     .inputs = {{"a"}, {"b"}, {"c", InputSpec::optional}},
                     .attributes = {{"alpha", 1.0, "of the product"},
                                    {"beta", 1.0, "of c"},
                                    {"transpose_a", false, "a^T for a"},
                                    {"transpose_b", false, "b^T for b"}},
                     .compose =
                         [](Builder& build, const std::vector<Var>& x, const Call& call) {
                           if (x[0].rank() != 2 || x[1].rank() != 2) call.fail("takes two matrices", "matmul takes batches and vectors");
                           const Attributes flags{{"transpose_a", call.flag("transpose_a")}, {"transpose_b", call.flag("transpose_b")}};
                           const double alpha = call.number("alpha"), beta = call.number("beta");
                           Var y = build.call("matmul", {x[0], x[1]}, flags);
                           if (alpha != 1) y = y * alpha;
                           const Shape product = y.shape();
                           if (call.has(2)) y = y + (beta == 1 ? x[2] : x[2] * beta);
                           if (y.shape() != product)
                             call.fail(fmt::format("c of shape {} for a product of shape {}", to_string(x[2].shape()), to_string(product)));
                           return std::vector<Var>{y};
                         },
                     .onnx = {{"Gemm", 7, {{"alpha", "alpha"}, {"beta", "beta"}, {"transA", "transpose_a"}, {"transB", "transpose_b"}}}}}};

}  // namespace
}  // namespace neap::linear_operator

// A sparse layout of one's own, with one fast operator: a diagonal and a product of two thin matrices, w = diag(d) + u v^T. Whatever takes
// a matrix takes one that is stored so; products with it become the fast one where that is cheaper.
#include <fmt/core.h>

#include <cmath>

#include "neap/layouts/sparse_layout.h"
#include "neap/nn/linear.h"
#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"

namespace {

using namespace neap;

Var column(const Var& vector) { return reshape(vector, {vector.size(0), 1}); }

// Operands of low_rank_dense: diagonal, u, v.
Var dense(Builder& build, const std::vector<Var>& w, const Call&) {
  const Var numbers = build.call("arange", {}, {{"size", Shape{w[0].size(0)}}, {"dtype", DType::i64}});
  const Var diagonal = build.call("equal", {column(numbers), numbers});
  return where(diagonal, column(w[0]), build.zeros_like(w[0])) + build.call("matmul", {w[1], w[2]}, {{"transpose_b", true}});
}

// Operands of low_rank_matmul: x, diagonal, u, v. d x + u (v^T x) in place of n^2 products.
Var product(Builder& build, const std::vector<Var>& w, const Call& call) {
  const bool transposed = call.flag("transpose"), features_first = call.flag("features_first");
  const Var &left = w[transposed ? 3 : 2], &right = w[transposed ? 2 : 3];
  if (features_first) return w[0] * w[1] + build.call("matmul", {matmul(w[0], right), left}, {{"transpose_b", true}});
  return column(w[1]) * w[0] + matmul(left, build.call("matmul", {right, w[0]}, {{"transpose_a", true}}));
}

// Starts from the diagonal; u and v are 0 and small, to be trained.
std::vector<Array> pack(const Array& from, const Array& keep, const Attributes& numbers) {
  const std::int64_t n = from.size(0), rank = std::get<std::int64_t>(numbers.at("rank"));
  if (from.sizes() != keep.sizes() || from.size(1) != n) throw Error("a square matrix is wanted", "layout low_rank");
  Array diagonal(from.dtype(), {n}), v(from.dtype(), {n, rank});
  for (std::int64_t i = 0; i < n; ++i) diagonal.set(i, from.get(i * n + i));
  for (std::int64_t i = 0; i < v.count(); ++i) v.set(i, 0.01 * std::sin(static_cast<double>(i)));
  return {diagonal, Array::zeros(from.dtype(), {n, rank}), v};
}

const RegisterLayout low_rank{{.name = "low_rank",
                               .about = "a diagonal and a product of two thin matrices",
                               .components = {{"diagonal"}, {"u"}, {"v"}},
                               .numbers = {{"rank", "columns of u and v", 4, 1, 4096, true}},
                               .pack = pack,
                               .check = [](const std::vector<Array>&, const Sizes&, const Attributes&) {},
                               .dense = dense,
                               .product = product}};

// ---- in use ------------------------------------------------------------------------------------------------------------------------

class Net : public Layer {
 protected:
  Tensor forward(const Tensor& x) override { return linear_(x); }

 private:
  Linear& linear_ = add<Linear>("linear", 256, 256);
};

}  // namespace

int main() {
  Net net;
  net.initialize(1);
  sparse::sparsify(net, sparse::SparsityPlan().add("linear.weight", "keep_all", "low_rank rank=4"));
  for (const Parameter* parameter : net.parameters()) fmt::print("{} {}\n", parameter->name(), parameter->type().to_string());
  net.find("linear.weight.u").set(Tensor::full(DType::f32, {256, 4}, 0.5));
  const Parameter* weight = net.declared(Role::parameter)[0];
  const Tensor x = Tensor::full(DType::f32, {128, 256}, 0.25);
  const Tensor wanted = matmul(x, weight->value().transpose()) + net.find("linear.bias");
  const Tensor got = compile([&](const Tensor& input) { return net(input); })(x);
  const double difference = max(abs(got - wanted)).item();
  fmt::print("largest difference from the dense product {:.1e}\n", difference);
  return difference < 1e-4 ? 0 : 1;
}

// BERT's encoder, small: against the same written out with plain tensors, and sparse.
#include "neap/zoo/bert.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"
#include "neap/train/step.h"
#include "tests/support/results.h"

namespace neap::bert_test {
namespace {

const BertOptions small{.layers = 2, .features = 24, .heads = 3, .inner = 48};

Array words() {
  Array x(DType::f32, {2, 5, 24});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(0.37 * static_cast<double>(i)));
  return x;
}

Tensor linear(const Module& net, const std::string& name, const Tensor& x) {
  return matmul(x, net.find(name + ".weight").value().transpose()) + net.find(name + ".bias").value();
}

Tensor norm(const Module& net, const std::string& name, const Tensor& x) {
  const Tensor centred = x - mean(x, {-1}, true);
  return centred / sqrt(mean(centred * centred, {-1}, true) + 1e-12) * net.find(name + ".weight").value() +
         net.find(name + ".bias").value();
}

// One layer, head by head.
Tensor layer(const Module& net, const std::string& name, const Tensor& x) {
  const std::int64_t width = small.features / small.heads;
  const Tensor query = linear(net, name + ".attention.query", x), key = linear(net, name + ".attention.key", x);
  const Tensor value = linear(net, name + ".attention.value", x);
  Tensors heads;
  for (std::int64_t h = 0; h < small.heads; ++h) {
    const auto part = [&](const Tensor& whole) { return whole.slice(2, h * width, (h + 1) * width); };
    const Tensor scores = matmul(part(query), part(key).transpose({0, 2, 1})) * (1 / std::sqrt(static_cast<double>(width)));
    heads.push_back(matmul(call("softmax", {scores}), part(value)));
  }
  const Tensor attended = norm(net, name + ".attention_norm", x + linear(net, name + ".attention.output", concat(heads, 2)));
  const Tensor inner = linear(net, name + ".inner", attended);
  const Tensor gelu = inner * 0.5 * (call("erf", {inner * std::sqrt(0.5)}) + 1.0);
  return norm(net, name + ".output_norm", attended + linear(net, name + ".output", gelu));
}

TEST(Bert, IsWhatThePaperSays) {
  BertEncoder net(small);
  net.initialize(3);
  net.train(false);
  const Tensor x = words();
  expect_close(net(x).array(), layer(net, "layer1", layer(net, "layer0", x)).array(), 1e-4, "encoder");
}

TEST(Bert, HasTheSizesOfTheBaseModel) {
  const BertLayer one{BertOptions{}};
  EXPECT_EQ(one.parameter_count(), 7'087'872);  // 85 million in 12 layers
}

TEST(Bert, SparseAsCompiledAndAsDense) {
  for (const char* rule : {"nmg n=2 m=4 g=2", "blocks sparsity=0.75 r=4 c=1", "magnitude sparsity=0.9"}) {
    BertEncoder net(small), dense(small);
    net.initialize(4);
    dense.initialize(4);
    const auto reports = sparse::sparsify(
        net, sparse::SparsityPlan().add("*attention.*.weight", rule).add("*.inner.weight", rule).add("*.output.weight", rule));
    EXPECT_EQ(reports.size(), 12u);
    for (const Parameter* parameter : net.declared(Role::parameter)) {
      if (parameter->composed()) dense.find(parameter->name()).set(parameter->value().array());
    }
    const StepInput input{"x", {DType::f32, {2, 5, 24}, {}}};
    const Array wanted = make_executable(inference_graph(dense, input)).run({words()})[0];
    expect_close(make_executable(inference_graph(net, input)).run({words()})[0], wanted, 1e-4, rule);
  }
}

}  // namespace
}  // namespace neap::bert_test

// What became of sparse matrices is told, and a dense one refused where that is asked for.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/autodiff/gradient.h"
#include "neap/nn/linear.h"
#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/trace.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::sparse::dispatch_test {
namespace {

class Net : public Layer {
 protected:
  Tensor forward(const Tensor& x) override { return second_(relu(first_(x))); }

 private:
  Linear &first_ = add<Linear>("first", 512, 512), &second_ = add<Linear>("second", 512, 64);
};

// A matrix and its gradient are dense nowhere in the optimised graph, are said to be computed so, and give what the graph gives as written.
void expect_sparse(const Graph& graph, const std::vector<Array>& inputs, const std::vector<std::string>& by) {
  Optimizer optimizer(graph), plain(graph);
  optimizer.optimize();
  const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
  const std::string text = to_string(uses);
  ASSERT_EQ(uses.size(), 2u) << text;
  for (const SparseUse& use : uses) EXPECT_EQ(use.dense, "") << text;
  for (const std::string& one : by) EXPECT_NE(text.find(one), std::string::npos) << text;
  plain.optimize(1);
  const std::vector<Array> wanted = Executable(plain.graph()).run(inputs), got = Executable(optimizer.graph()).run(inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-3, graph.outputs[i].name);
}

struct Traced {
  Graph graph;
  std::vector<SparseUse> uses;
};

// The network's loss, with gradients of its parameters or without, optimised.
Traced optimized(const SparsityPlan& plan, bool training, int level = 4) {
  Net net;
  net.initialize(1);
  sparsify(net, plan);
  const TracedModule traced(net);
  const Tensor x = Tensor::placeholder({DType::f32, {128, 512}, {}}, "x");
  const Tensor y = net(x);
  std::vector<TracedInput> inputs{{x, "x"}};
  for (const auto& entry : traced.entries()) inputs.push_back({entry.placeholder, entry.parameter->name(), entry.parameter->role()});
  Traced made{to_graph(inputs, {{sum(y * y), "loss"}}).graph, {}};
  if (training) made.graph = gradient(made.graph, {.loss = "loss"});
  Optimizer optimizer(made.graph);
  optimizer.optimize(level);
  made.uses = sparse_uses(made.graph, optimizer);
  return made;
}

TEST(Dispatch, ProductsAndSamplesAreNamedWithTheirImplementations) {
  for (const char* sparsifier : {"nmg n=2 m=4 g=16", "blocks sparsity=0.9", "magnitude sparsity=0.97"}) {
    SCOPED_TRACE(sparsifier);
    const auto [graph, uses] = optimized(SparsityPlan().add("first.weight", sparsifier), true);
    ASSERT_EQ(uses.size(), 2u) << to_string(uses);  // the matrix, and its gradient
    for (const SparseUse& use : uses) {
      EXPECT_EQ(use.matrix, "first.weight");
      EXPECT_EQ(use.dense, "") << to_string(uses);
      ASSERT_FALSE(use.by.empty());
    }
    EXPECT_NE(uses[0].by[0].find("_matmul by native"), std::string::npos) << to_string(uses);
    EXPECT_NE(uses[1].by[0].find("_sample by "), std::string::npos) << to_string(uses);
    handle(uses, DenseFallback::refused);  // nothing to refuse
  }
}

// One token meets each weight once: to read them is all that it costs, and from cache a dense matrix is read as quickly as a sparse one
// is computed. The rates are those of a core with AVX-512, so that the prices are the same on every machine.
TEST(Dispatch, AGainThatGoesWhereOperandsAreInCacheIsNone) {
  const auto reason = [](std::int64_t tokens) {
    Linear net(768, 768);
    net.initialize(1);
    sparsify(net, SparsityPlan().add("weight", "blocks sparsity=0.75 r=4 c=1"));
    const Tensor x = Tensor::placeholder({DType::f32, {tokens, 768}, {}}, "x");
    const Graph graph = to_graph({{x, "x"}}, {{net(x), "y"}}).graph;
    Optimizer optimizer(graph, CostModel({}, {.copy_bytes_per_second = 18e9, .cache_bytes_per_second = 96e9, .flops_per_second = 120e9}));
    optimizer.optimize();
    const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
    return uses.at(0).dense.empty() ? uses[0].by.at(0) : uses[0].reason;
  };
  EXPECT_NE(reason(1).find("with its operands in cache"), std::string::npos) << reason(1);
  EXPECT_EQ(reason(384), "blocks_matmul by native");
}

TEST(Dispatch, WhatIsMadeDenseIsToldWithItsBytes) {
  const auto [graph, uses] = optimized(SparsityPlan().add("first.weight", "magnitude sparsity=0.1", "coo"), false);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].dense, "coo_dense");
  EXPECT_EQ(uses[0].dense_bytes, 512 * 512 * 4);
  EXPECT_NE(uses[0].reason.find("it would cost"), std::string::npos) << uses[0].reason;
  EXPECT_EQ(to_string(uses).rfind("sparse: first.weight (coo): made dense, 1.0", 0), 0u) << to_string(uses);
  EXPECT_NE(problem_of([&, &all = uses] { handle(all, DenseFallback::refused); }).find("coo is made dense: 1.0"), std::string::npos);
  testing::internal::CaptureStderr();
  handle(uses, DenseFallback::said);
  handle(uses, DenseFallback::said);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("neap: sparse matrix first.weight (coo)"), std::string::npos) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << said;  // once
}

// Filters are matrices that others take in another shape; a gradient that no product makes is whole before its elements are taken.
TEST(Dispatch, ReasonsNameTheOperator) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {8, 3, 3, 3}, {}}), w = build.input("w", {DType::f32, {8, 3, 3, 3}, {}}, Role::parameter);
  graph.add_output(sum(x * build.call("exp", {w}), {}).id(), "loss");
  Array filters(DType::f32, {8, 3, 3, 3});
  for (std::int64_t i = 0; i < filters.count(); ++i) filters.set(i, std::cos(static_cast<double>(i)));
  std::map<std::string, Array> parameters{{"w", filters}};
  sparsify(graph, parameters, SparsityPlan().add("w", "nm n=2 m=4"));
  graph = gradient(graph, {.loss = "loss"});
  Optimizer optimizer(graph);
  optimizer.optimize();
  const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].reason, "exp takes dense operands only");
  EXPECT_EQ(uses[1].reason, "mul makes it whole");
}

// Weights that are scaled, or taken a function of that keeps zeros, and then transposed: all is done to what is stored, forwards and
// backwards.
TEST(Dispatch, WhatIsDoneToWeightsAheadOfAProductIsDoneToWhatIsStored) {
  for (const char* sparsifier : {"nmg n=2 m=8 g=4", "blocks sparsity=0.9", "magnitude sparsity=0.97"}) {
    SCOPED_TRACE(sparsifier);
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {128, 512}, {}}, Role::parameter),
              w = build.input("w", {DType::f32, {512, 512}, {}}, Role::parameter),
              scale = build.input("scale", {DType::f32, {}, {}}, Role::parameter);
    const Var y = build.call("matmul", {x, transpose(build.call("tanh", {w * scale}), {1, 0})});
    graph.add_output(sum(y * y, {}).id(), "loss");
    Array weights(DType::f32, {512, 512}), rows(DType::f32, {128, 512});
    for (std::int64_t i = 0; i < weights.count(); ++i) weights.set(i, std::cos(static_cast<double>(i)));
    for (std::int64_t i = 0; i < rows.count(); ++i) rows.set(i, std::sin(static_cast<double>(i)) / 512);
    std::map<std::string, Array> parameters{{"w", weights}};
    sparsify(graph, parameters, SparsityPlan().add("w", sparsifier));
    graph = gradient(graph, {.loss = "loss"});
    parameters.emplace("x", rows);
    parameters.emplace("scale", Array::full(DType::f32, {}, 0.75));
    std::vector<Array> inputs;
    for (const Input& input : graph.inputs) inputs.push_back(parameters.at(input.name));
    expect_sparse(graph, inputs, {"_matmul by native", "_sample by "});
  }
}

// A convolution by filters in blocks says so too.
TEST(Dispatch, Convolutions) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {8, 128, 14, 14}, {}}),
            w = build.input("w", {DType::f32, {128, 128, 3, 3}, {}}, Role::parameter);
  graph.add_output(build.call("conv", {x, w}).id(), "y");
  Array filters(DType::f32, {128, 128, 3, 3});
  for (std::int64_t i = 0; i < filters.count(); ++i) filters.set(i, std::cos(static_cast<double>(i)));
  std::map<std::string, Array> parameters{{"w", filters}};
  sparsify(graph, parameters, SparsityPlan().add("w", "blocks sparsity=0.95"));
  Optimizer optimizer(graph);
  optimizer.optimize();
  const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].by, std::vector<std::string>{"blocks_conv by native"}) << to_string(uses);
}

// And so do the gradients of both: nothing dense is left, and the results are those of the graph as written.
TEST(Dispatch, GradientsOfConvolutions) {
  for (const char* sparsifier : {"blocks sparsity=0.95", "nmg n=1 m=10 g=4", "magnitude sparsity=0.97"}) {
    SCOPED_TRACE(sparsifier);
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {8, 64, 12, 12}, {}}, Role::parameter),
              w = build.input("w", {DType::f32, {64, 64, 3, 3}, {}}, Role::parameter);
    const Var y =
        build.call("conv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"strides", std::vector<std::int64_t>{1, 2}}});
    graph.add_output(sum(y * y, {}).id(), "loss");
    Array filters(DType::f32, {64, 64, 3, 3});
    for (std::int64_t i = 0; i < filters.count(); ++i) filters.set(i, std::cos(static_cast<double>(i)));
    std::map<std::string, Array> parameters{{"w", filters}};
    sparsify(graph, parameters, SparsityPlan().add("w", sparsifier));
    graph = gradient(graph, {.loss = "loss"});
    std::vector<Array> inputs;
    for (const Input& input : graph.inputs) {
      const auto found = parameters.find(input.name);
      inputs.push_back(found != parameters.end() ? found->second : Array(DType::f32, {8, 64, 12, 12}));
      for (std::int64_t i = 0; found == parameters.end() && i < inputs.back().count(); ++i)
        inputs.back().set(i, std::sin(static_cast<double>(i)));
    }
    expect_sparse(graph, inputs, {"_conv by native", "_conv_input by native", "_conv_sample by native"});
  }
}

// One product of a matrix by what is stored, the other by the dense matrix: each is told, and that a part is dense is enough to refuse it.
// The results are those of the graph as written, whichever product it is.
TEST(Dispatch, AMatrixMayBeDenseForOneOfItsProducts) {
  Graph graph;
  Builder build(graph);
  const Shape picture{3, 8, 7, 7};
  const Var x = build.input("x", {DType::f32, picture, {}}, Role::parameter),
            w = build.input("w", {DType::f32, {8, 8, 3, 3}, {}}, Role::parameter);
  const Var y = build.call("conv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  graph.add_output(sum(y * y, {}).id(), "loss");
  Array filters(DType::f32, {8, 8, 3, 3}), pictures(DType::f32, {3, 8, 7, 7});
  for (std::int64_t i = 0; i < filters.count(); ++i) filters.set(i, std::cos(static_cast<double>(i)));
  for (std::int64_t i = 0; i < pictures.count(); ++i) pictures.set(i, std::sin(static_cast<double>(i)));
  std::map<std::string, Array> parameters{{"w", filters}};
  sparsify(graph, parameters, SparsityPlan().add("w", "nmg n=2 m=4 g=4"));
  graph = gradient(graph, {.loss = "loss"});
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) inputs.push_back(input.name == "x" ? pictures : parameters.at(input.name));
  Optimizer plain(graph);
  plain.optimize(1);
  const std::vector<Array> wanted = Executable(plain.graph()).run(inputs);
  struct Part {
    std::string sparse, dense, by;
  };
  for (const Part& part :
       {Part{"conv", "conv_input_gradient", "nmg_conv by native"}, Part{"conv_input_gradient", "conv", "nmg_conv_input by native"}}) {
    SCOPED_TRACE(part.sparse);
    Optimizer optimizer(graph);
    const Transformation& transformation = find_transformation("multiply_sparse");
    for (const Site& site : optimizer.sites(transformation)) {
      if (site.at.size() != 2) continue;
      const auto makes = [&](const NodePtr& node) { return node->outputs[0] == site.at[1] && node->op == part.sparse; };
      const Graph& now = optimizer.graph();
      if (std::any_of(now.nodes().begin(), now.nodes().end(), makes)) {
        optimizer.apply(transformation, site);
        break;
      }
    }
    optimizer.optimize(1);
    const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
    ASSERT_EQ(uses.size(), 2u) << to_string(uses);
    EXPECT_EQ(uses[0].by, std::vector<std::string>{part.by});
    EXPECT_EQ(uses[0].dense, "nmg_dense");
    EXPECT_EQ(uses[0].dense_for, std::vector<std::string>{part.dense});
    EXPECT_NE(to_string(uses).find("w (nmg n=2 m=4 g=4): made dense for " + part.dense + ", 2.3 kB"), std::string::npos) << to_string(uses);
    EXPECT_EQ(problem_of([&] { handle({uses[0]}, DenseFallback::refused); }).rfind("nmg n=2 m=4 g=4 is made dense for " + part.dense, 0),
              0u);
    const std::vector<Array> got = Executable(optimizer.graph()).run(inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-4, graph.outputs[i].name);
  }
}

// The plan does so itself, without an edit by hand: of few zeros one of the two products of a layer that is trained gains, the other, by
// the transpose, loses. The rates are those of one core, so that prices are the same on every machine of an instruction set; the density is
// looked for, since those differ.
TEST(Dispatch, APlanLeavesOneProductDenseWhereOnlyTheOtherGains) {
  constexpr std::int64_t in = 512, out = 2048, tokens = 128;
  bool found = false;
  for (int percent = 4; percent < 60 && !found; percent += 4) {
    Linear net(in, out);
    net.initialize(1);
    sparsify(net, SparsityPlan().add("weight", "blocks r=4 c=1 sparsity=" + std::to_string(percent / 100.0)));
    std::map<std::string, Array> values;
    for (const auto& all : {net.parameters(), net.buffers()}) {
      for (const Parameter* each : all) values.emplace(each->name(), each->value().array());
    }
    const TracedModule traced(net);
    const Tensor x = Tensor::placeholder({DType::f32, {tokens, in}, {}}, "x"), y = net(x);
    std::vector<TracedInput> of_graph{{x, "x", Role::parameter}};  // so that it has a gradient
    std::vector<Array> inputs{Array(DType::f32, {tokens, in})};
    for (std::int64_t i = 0; i < inputs[0].count(); ++i) inputs[0].set(i, std::sin(static_cast<double>(i)));
    for (const auto& entry : traced.entries()) {
      of_graph.push_back({entry.placeholder, entry.parameter->name(), entry.parameter->role()});
      inputs.push_back(values.at(entry.parameter->name()));
    }
    const Graph graph = gradient(to_graph(of_graph, {{mean(y * y), "loss"}}).graph, {.loss = "loss"});
    Optimizer optimizer(graph, CostModel({}, {.copy_bytes_per_second = 18e9, .cache_bytes_per_second = 96e9, .flops_per_second = 120e9}));
    optimizer.optimize();
    const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
    ASSERT_FALSE(uses.empty());
    if (uses[0].by.empty() || uses[0].dense.empty()) continue;
    found = true;
    EXPECT_EQ(uses[0].by, std::vector<std::string>{"blocks_matmul by native"});
    EXPECT_EQ(uses[0].dense, "blocks_dense");
    EXPECT_EQ(uses[0].dense_for, std::vector<std::string>{"matmul"});
    EXPECT_NE(uses[0].reason.find("it would "), std::string::npos) << uses[0].reason;
    Optimizer plain(graph);
    plain.optimize(1);
    const std::vector<Array> wanted = Executable(plain.graph()).run(inputs), got = Executable(optimizer.graph()).run(inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-4, graph.outputs[i].name);
  }
  EXPECT_TRUE(found) << "all products of a matrix were sparse, or all dense, at each density";
}

// In a layout without kernels of its own: a known matrix is stored by rows, whose kernel takes it; one that is trained is not converted.
TEST(Dispatch, AKnownMatrixIsConvertedToWhatHasAKernel) {
  for (const char* layout : {"coo", "csc", "ell"}) {
    SCOPED_TRACE(layout);
    Net net;
    net.initialize(1);
    sparsify(net, SparsityPlan().add("first.weight", "magnitude sparsity=0.95", layout));
    const Tensor x = Tensor::placeholder({DType::f32, {128, 512}, {}}, "x");
    const Graph graph = to_graph({{x, "x"}}, {{net(x), "y"}}).graph;
    Optimizer optimizer(graph);
    optimizer.optimize();
    const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
    ASSERT_EQ(uses.size(), 1u);
    EXPECT_EQ(uses[0].by, std::vector<std::string>{"csr_matmul by native"}) << to_string(uses);
    Array input(DType::f32, {128, 512});
    for (std::int64_t i = 0; i < input.count(); ++i) input.set(i, std::sin(static_cast<double>(i)));
    expect_close(Executable(optimizer.graph()).run({input})[0], net(input).array(), 1e-5, layout);
  }
}

// Whole matrices with a mask are dense by design; low levels do not multiply sparse ones.
TEST(Dispatch, MasksAreNoFallbackAndLowLevelsAre) {
  EXPECT_TRUE(optimized(SparsityPlan().add("*.weight", "magnitude sparsity=0.9", "masked"), true).uses.empty());
  const auto [graph, uses] = optimized(SparsityPlan().add("first.weight", "nmg"), false, 1);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].dense, "nmg_dense");
  EXPECT_EQ(uses[0].reason, "matmul takes dense operands only");
  EXPECT_NE(problem_of([&, &all = graph] { make_executable(all, 1, DenseFallback::refused); }).find("nmg n=2 m=4 g=16 is made dense"),
            std::string::npos);
}

}  // namespace
}  // namespace neap::sparse::dispatch_test

// Products of matrices under a mask, as the gradient of relu makes them: fused whatever it costs they still give the interpreter's results
// on every instruction set, and by cost they stay where they are quick.
#include <gtest/gtest.h>

#include "neap/base/machine.h"
#include "neap/ir/map_walk.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/cases.h"

namespace neap::products_test {
namespace {

// Of no machine: what pays must not depend on where the test runs.
const Rates rates{.copy_bytes_per_second = 20e9, .cache_bytes_per_second = 100e9, .flops_per_second = 200e9, .call_seconds = 2e-6};

struct Product {
  std::int64_t rows, terms, columns;
  bool transpose_a, transpose_b;
};

Graph masked_product(const Product& p) {
  Graph graph;
  Builder build(graph);
  const auto input = [&](const char* name, std::int64_t rows, std::int64_t columns, bool transposed) {
    return build.input(name, {DType::f32, transposed ? Shape{columns, rows} : Shape{rows, columns}, {}});
  };
  const Var a = input("a", p.rows, p.terms, p.transpose_a), b = input("b", p.terms, p.columns, p.transpose_b);
  const Var mask = build.call("greater", {input("m", p.rows, p.columns, false), build.constant(DType::f32, 0)});
  const Var product = build.call("matmul", {a, b}, {{"transpose_a", p.transpose_a}, {"transpose_b", p.transpose_b}});
  graph.add_output(build.call("where", {mask, product, build.constant(DType::f32, 0)}).id(), "y");
  return graph;
}

std::vector<Array> numbers_for(const Graph& graph) {
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) {
    Array& made = inputs.emplace_back(DType::f32, evaluate(graph.type(input.value).shape, {}));
    for (std::int64_t i = 0; i < made.count(); ++i) {
      made.set(i, static_cast<double>((i * 37 + static_cast<std::int64_t>(inputs.size()) * 11) % 101) / 50 - 1);
    }
  }
  return inputs;
}

void fuse_everywhere(Optimizer& optimizer) {
  const Transformation& fuse = find_transformation("fuse_vertical");
  const auto fits = [&](const Site& site) { return optimizer.check(fuse, site).empty(); };
  for (bool fused = true; fused;) {
    const std::vector<Site> sites = optimizer.sites(fuse);
    const auto site = std::find_if(sites.begin(), sites.end(), fits);
    fused = site != sites.end();
    if (fused) optimizer.apply(fuse, *site);
  }
}

TEST(MaskedProducts, FusedGiveTheSameOnEveryInstructionSet) {
  for (const Product& p : {Product{300, 41, 64, false, false}, Product{300, 41, 64, false, true}, Product{67, 5, 7, true, false},
                           Product{67, 40, 33, true, true}, Product{1, 3, 18, false, false}}) {
    const Graph graph = masked_product(p);
    Optimizer optimizer(graph, CostModel({}, rates));
    optimizer.apply_all(find_transformation("lower"));
    fuse_everywhere(optimizer);
    ASSERT_EQ(optimizer.graph().nodes().size(), 1U);
    const std::vector<Array> inputs = numbers_for(graph), wanted = interpret(graph, inputs);
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!supports(isa)) continue;
      Executable executable(optimizer.graph(), {.isa = isa});
      EXPECT_EQ(executable.profile()[0].how, "generated");
      EXPECT_TRUE(testing::close(executable.run(inputs)[0], wanted[0], 1e-5)) << p.rows << " rows, " << name(isa);
    }
  }
}

std::string how(const Graph& graph, const std::string& op) {
  for (const NodePtr& node : graph.nodes()) {
    if (node->op == op) return node->implementation;
  }
  return "fused";
}

TEST(MaskedProducts, WithTransposedWeightsStayWithTheLibrary) {
  Optimizer optimizer(masked_product({20000, 41, 64, false, true}), CostModel({}, rates));
  optimizer.optimize();
  EXPECT_EQ(how(optimizer.graph(), "matmul"), "onednn") << optimizer.explain();
}

TEST(MaskedProducts, JoinTheMaskWhereTheLoopsAreAsQuick) {
  Optimizer optimizer(masked_product({20000, 41, 64, false, false}), CostModel({}, rates));
  optimizer.optimize();
  EXPECT_EQ(how(optimizer.graph(), "matmul"), "fused") << optimizer.explain();
}

bool sums_under_a_choice(const Map& map) {
  bool found = false;
  visit_map(map, [&](const Expr& e) {
    if (e->op != Scalar::select) return;
    for (const Expr& choice : e->args) visit(choice, [&](const Expr& inside) { found |= inside->op == Scalar::reduce; });
  });
  return found;
}

// The sum over a vertex's edges and the mask behind it are two loops, of one kernel or of two: under the mask each element of a neighbour's
// row would be fetched for itself.
TEST(MaskedProducts, SumsOverEdgesStayInFrontOfTheMask) {
  constexpr std::int64_t vertices = 200000, edges = 3000000, width = 64;
  Graph graph;
  Builder build(graph);
  const Type features{DType::f32, {vertices, width}, {}};
  const Var x = build.input("x", features), offsets = build.input("offsets", {DType::i64, {vertices + 1}, {}}),
            columns = build.input("columns", {DType::i32, {edges}, {}});
  const Var mask = build.call("greater", {build.input("m", features), build.constant(DType::f32, 0)});
  const Var sums = build.call("spmm", {x, Var(), offsets, columns});
  graph.add_output(build.call("where", {mask, sums, build.constant(DType::f32, 0)}).id(), "y");
  Optimizer optimizer(graph, CostModel({}, rates));
  optimizer.optimize();
  for (const NodePtr& node : optimizer.graph().nodes()) {
    if (node->map == nullptr) continue;
    EXPECT_FALSE(sums_under_a_choice(*node->map)) << optimizer.explain();
  }
}

}  // namespace
}  // namespace neap::products_test

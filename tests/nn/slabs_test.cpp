// Sums over edges by slabs of the table that edges point into, as kernels: the interpreter's numbers on every instruction set, the same
// bits on one thread and two, whatever the order of a row's edges; whom it serves, and lists that are no pattern.
#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/nn/graph_examples.h"
#include "tests/nn/pattern_product.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::slabs_test {
namespace {

using pattern_product::columns;
using pattern_product::expect_near;
using pattern_product::Product;

Product product(std::int64_t width, DType dtype) { return pattern_product::product(width, dtype, Role::fixed); }

Graph by_slabs(const Graph& graph, std::int64_t of) {
  Optimizer optimizer(graph);
  OptimizeOptions options;  // small matrices are a library's otherwise
  std::erase_if(options.recipe, [](const RecipeLine& line) { return line.transformation == "bind_library"; });
  optimizer.optimize(options);
  // What a model of time would not do on so small a graph.
  for (const NodePtr& node : optimizer.graph().nodes()) {
    if (node->is_map() && !node->kept) {
      try {
        optimizer.apply(find_transformation("tile_gathers"), {{node->outputs[0]}}, {{"rows", of}});
        break;
      } catch (const Error&) {
        continue;
      }
    }
  }
  return optimizer.graph();
}

int calls_of(const Graph& graph, const std::string& op) {
  const auto& nodes = graph.nodes();
  return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), [&](const NodePtr& node) { return node->op == op && node->kept; }));
}

TEST(Slabs, KernelsGiveTheInterpretersNumbersOnEveryInstructionSet) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const std::int64_t width : {17, 64}) {
      const Product made = product(width, dtype);
      const Array wanted = interpret(made.graph, made.inputs)[0];
      for (const std::int64_t of : {1, 5}) {
        const Graph graph = by_slabs(made.graph, of);
        ASSERT_EQ(calls_of(graph, "slab_offsets"), 1) << to_string(graph);
        for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
          if (!supports(isa)) continue;
          ExecutableOptions options;
          options.isa = isa;
          Executable executable(graph, options);
          SCOPED_TRACE(fmt::format("{} wide, slabs of {}, {}", width, of, name(isa)));
          const Array got = executable.run(made.inputs)[0];
          for (const NodeProfile& node : executable.profile()) ASSERT_NE(node.how, "interpreter") << node.name;
          expect_near(got, wanted, dtype == DType::f32 ? 2e-5 : 1e-13);
          expect_near(executable.run(made.inputs)[0], got, 0);
        }
      }
    }
  }
}

TEST(Slabs, ThreadsDoNotChangeABit) {
  const Product made = product(64, DType::f32);
  Executable executable(by_slabs(made.graph, 5));
  const auto on_threads = [&](int count) {
    const Threads threads(count);
    return executable.run(made.inputs)[0];
  };
  const Array one = on_threads(1), two = on_threads(2);
  expect_near(two, one, 0);
}

TEST(Slabs, ListsThatAreNoPatternAreAnError) {
  Product made = product(4, DType::f32);
  Executable executable(by_slabs(made.graph, 5));
  made.inputs[2].set(3, 390);
  const std::string text = error_of([&] { executable.run(made.inputs); });
  EXPECT_NE(text.find("the offsets of a pattern's 37 rows do not rise from 0 to its 400 entries"), std::string::npos) << text;
}

TEST(Slabs, AColumnOutOfBoundsIsAnError) {
  Product made = product(4, DType::f32);
  Executable executable(by_slabs(made.graph, 5));
  made.inputs[3].set(17, columns);
  EXPECT_THROW(executable.run(made.inputs), Error);
}

// 200 entries a row, of a table of 10 MB: by slabs, as its rows are not cut evenly to lines (else panels are quicker). 15 entries a row: as
// it is.
TEST(Slabs, DenseGraphsAreWalkedBySlabsAndSparseOnesAreNot) {
  for (const auto& [vertices, entries, slabs] : {std::tuple(60000, 12000000, 1), std::tuple(170000, 2500000, 0)}) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {vertices, 41}, {}});
    const Var o = build.input("offsets", {DType::i64, {vertices + 1}, {}}, Role::fixed);
    const Var c = build.input("columns", {DType::i32, {entries}, {}}, Role::fixed);
    const Var first = build.call("spmm", {x, Var(), o, c});
    graph.add_output(build.call("spmm", {unary("relu", first), Var(), o, c}).id(), "y");
    Optimizer optimizer(graph);
    optimizer.optimize();
    EXPECT_EQ(calls_of(optimizer.graph(), "slab_offsets"), slabs);  // of both products: one list serves them
    EXPECT_EQ(calls_of(optimizer.graph(), "slab_values"), slabs);
  }
}

}  // namespace
}  // namespace neap::slabs_test

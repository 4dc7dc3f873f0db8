// Sums over edges by panels of the table that edges point into, as kernels: the interpreter's numbers on every instruction set, the same
// bits on one thread and two; whom it serves, and positions from the data that are out of bounds.
#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/nn/graph_examples.h"
#include "tests/nn/pattern_product.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::panels_test {
namespace {

using pattern_product::columns;
using pattern_product::expect_near;
using pattern_product::Product;

Product product(std::int64_t width, DType dtype) { return pattern_product::product(width, dtype, Role::input); }

// What a model of time would not do on so small a graph.
Graph by_panels(const Graph& graph, std::int64_t width) {
  Optimizer optimizer(graph);
  OptimizeOptions options;  // small matrices are a library's otherwise
  std::erase_if(options.recipe, [](const RecipeLine& line) { return line.transformation == "bind_library"; });
  optimizer.optimize(options);
  optimizer.apply(find_transformation("panel_gathers"), {{optimizer.graph().outputs[0].value}}, {{"columns", width}});
  return optimizer.graph();
}

// What the first node makes: the table by panels, or sums of rows.
std::size_t rank_of_first(const Graph& graph) { return graph.type(graph.nodes()[0]->outputs[0]).shape.size(); }

TEST(Panels, KernelsGiveTheInterpretersNumbersOnEveryInstructionSet) {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16}) {
    for (const auto& [width, of] : {std::pair(15, 5), std::pair(34, 17), std::pair(64, 16), std::pair(64, 32), std::pair(6, 1)}) {
      const Product made = product(width, dtype);
      const Array wanted = interpret(made.graph, made.inputs)[0];
      const Graph graph = by_panels(made.graph, of);
      ASSERT_EQ(rank_of_first(graph), 3U) << to_string(graph);
      for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
        if (!supports(isa)) continue;
        ExecutableOptions options;
        options.isa = isa;
        Executable executable(graph, options);
        SCOPED_TRACE(fmt::format("{} {} wide, panels of {}, {}", name(dtype), width, of, name(isa)));
        const Array got = executable.run(made.inputs)[0];
        for (const NodeProfile& node : executable.profile()) ASSERT_NE(node.how, "interpreter") << node.name;
        expect_near(got, wanted, dtype == DType::f32 ? 2e-5 : dtype == DType::f64 ? 1e-13 : 1e-2);
        expect_near(executable.run(made.inputs)[0], got, 0);
      }
    }
  }
}

TEST(Panels, ThreadsDoNotChangeABit) {
  const Product made = product(64, DType::f32);
  Executable executable(by_panels(made.graph, 16));
  const auto on_threads = [&](int count) {
    const Threads threads(count);
    return executable.run(made.inputs)[0];
  };
  const Array one = on_threads(1);
  for (const int count : {2, 3, 5}) expect_near(on_threads(count), one, 0);
}

TEST(Panels, AColumnOutOfBoundsIsAnError) {
  Product made = product(64, DType::f32);
  Executable executable(by_panels(made.graph, 16));
  made.inputs[3].set(17, columns);
  const std::string text = error_of([&] { executable.run(made.inputs); });
  EXPECT_NE(text.find("an index in the data is out of bounds of operand"), std::string::npos) << text;
}

TEST(Panels, NoNumbersAndInfinityStayInTheirColumn) {
  Product made = product(64, DType::f64);
  made.inputs[0].set(7 * 64 + 5, std::numeric_limits<double>::quiet_NaN());
  made.inputs[0].set(9 * 64 + 40, std::numeric_limits<double>::infinity());
  const Array wanted = interpret(made.graph, made.inputs)[0];
  const Array got = Executable(by_panels(made.graph, 16)).run(made.inputs)[0];
  int missing = 0;
  for (std::int64_t i = 0; i < got.count(); ++i) {
    ASSERT_EQ(std::isnan(got.get(i)), std::isnan(wanted.get(i))) << i;
    missing += std::isnan(got.get(i)) ? 1 : 0;
    if (std::isfinite(wanted.get(i))) {
      ASSERT_NEAR(got.get(i), wanted.get(i), 1e-13) << i;
    }
  }
  EXPECT_GT(missing, 0);
}

// A table of 173 MB by panels; as it is one of 1 MB, all of which caches hold, and one of which most that is wanted is near.
TEST(Panels, LargeTablesAreCutAndSmallOnesAreNot) {
  const CostModel model({}, Rates{26e9, 178e9, 240e9});
  for (const auto& [vertices, entries, near, rank] :
       {std::tuple(170000, 2500000, 0.0, 3U), std::tuple(1000, 15000, 0.0, 2U), std::tuple(170000, 2500000, 0.7, 2U)}) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {vertices, 256}, {}});
    const Var o = build.input("offsets", {DType::i64, {vertices + 1}, {}}), c = build.input("columns", {DType::i32, {entries}, {}});
    graph.add_output(build.call("spmm", {x, Var(), o, c}).id(), "y");
    Optimizer optimizer(graph, model.gathering_near(near));
    optimizer.optimize();
    EXPECT_EQ(rank_of_first(optimizer.graph()), rank) << to_string(optimizer.graph());
  }
}

}  // namespace
}  // namespace neap::panels_test

// Random graphs: each transformation alone, and the whole recipe, keep what the interpreter computes; undo and replay give the same
// program.
#include <gtest/gtest.h>

#include "neap/transform/optimizer.h"
#include "tests/support/cases.h"
#include "tests/support/shrink.h"

namespace neap::random_graph_test {
namespace {

using testing::RandomGraph;

// What is wrong with the graph after the edits of `optimize`; empty where nothing is.
std::string fault(const RandomGraph& given, double tolerance, const std::function<void(Optimizer&)>& optimize) {
  Optimizer optimizer(given.graph);
  const Hash before = structural_hash(optimizer.graph());
  optimize(optimizer);
  verify(optimizer.graph());
  const std::vector<Array> wanted = interpret(given.graph, given.inputs), got = interpret(optimizer.graph(), given.inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const auto same = testing::close(got[i], wanted[i], tolerance); !same) {
      return fmt::format("output {}: {}\n{}", i, same.message(), optimizer.history());
    }
  }
  const Hash after = structural_hash(optimizer.graph());
  Optimizer again(given.graph);
  again.replay(optimizer.history());
  if (!(structural_hash(again.graph()) == after)) return "replaying the recipe gives another program:\n" + optimizer.history();
  while (!optimizer.steps().empty()) optimizer.undo();
  if (!(structural_hash(optimizer.graph()) == before)) return "undoing all steps gives another program:\n" + again.history();
  return "";
}

void expect_no_fault(const RandomGraph& given, double tolerance, const std::function<void(Optimizer&)>& optimize) {
  const auto wrong = [&](const RandomGraph& graph) {
    try {
      return fault(graph, tolerance, optimize);
    } catch (const Error& error) {
      return error.problem() + " at " + error.place();
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
  };
  const std::string first = wrong(given);
  if (first.empty()) return;
  const RandomGraph small = testing::shrink(given, [&](const RandomGraph& graph) { return !wrong(graph).empty(); });
  ADD_FAILURE() << wrong(small) << "\nin " << testing::describe(small);
}

TEST(RandomGraph, IsLegalAndRuns) {
  for (int seed = 0; seed < 50; ++seed) {
    const RandomGraph given = testing::random_graph(static_cast<std::uint64_t>(seed));
    verify(given.graph);
    interpret(given.graph, given.inputs);
    EXPECT_GE(given.graph.nodes().size(), 5U) << testing::describe(given);
  }
}

TEST(RandomGraph, TheSameSeedGivesTheSameGraph) {
  EXPECT_EQ(structural_hash(testing::random_graph(7).graph), structural_hash(testing::random_graph(7).graph));
  EXPECT_NE(structural_hash(testing::random_graph(7).graph), structural_hash(testing::random_graph(8).graph));
}

TEST(RandomGraph, ShrinksToWhatFails) {
  const auto has_exp = [](const RandomGraph& graph) {
    return std::any_of(graph.graph.nodes().begin(), graph.graph.nodes().end(), [](const NodePtr& node) { return node->op == "exp"; });
  };
  std::uint64_t seed = 0;
  while (!has_exp(testing::random_graph(seed))) ++seed;
  const RandomGraph small = testing::shrink(testing::random_graph(seed), has_exp);
  EXPECT_EQ(small.graph.nodes().size(), 1U) << testing::describe(small);
}

TEST(RandomGraph, EachTransformationAloneKeepsTheResults) {
  const auto all = all_transformations();
  for (int seed = 0; seed < testing::graphs_wanted(250, 500); ++seed) {
    const RandomGraph given = testing::random_graph(static_cast<std::uint64_t>(seed), {.most_nodes = 30, .smooth = true});
    const Transformation& transformation = *all[static_cast<std::size_t>(seed) % all.size()];
    SCOPED_TRACE(transformation.name);
    expect_no_fault(given, 1e-8, [&](Optimizer& optimizer) { optimizer.apply_all(transformation); });
    expect_no_fault(given, 1e-8, [&](Optimizer& optimizer) {
      optimizer.apply_all(find_transformation("lower"));
      optimizer.apply_all(transformation);
    });
    if (HasFailure()) return;
  }
}

TEST(RandomGraph, TheRecipeKeepsTheResults) {
  for (int seed = 0; seed < testing::graphs_wanted(250, 500); ++seed) {
    const RandomGraph given = testing::random_graph(static_cast<std::uint64_t>(seed) + 100000, {.smooth = true});
    expect_no_fault(given, 1e-8, [&](Optimizer& optimizer) { optimizer.optimize(1 + seed % 4); });
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace neap::random_graph_test

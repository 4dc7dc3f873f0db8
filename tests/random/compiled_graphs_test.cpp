// Random graphs, optimised at each level and compiled: the interpreter's results, the same bits on one thread and on two, and the same
// without a compiler and at once.
#include <gtest/gtest.h>

#include <cstdlib>

#include "neap/base/environment.h"
#include "neap/base/machine.h"
#include "neap/runtime/at_once.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/results.h"
#include "tests/support/rounding.h"
#include "tests/support/shrink.h"

namespace neap::compiled_graphs_test {
namespace {

using testing::RandomGraph;

// One way to run a graph.
struct Way {
  int level = 0;
  Isa isa = best_isa();
  double tolerance = 1e-8;  // relative to the largest element of an output
};

double largest_of(const Array& array) {
  double largest = 1;
  for (std::int64_t i = 0; i < array.count(); ++i) {
    if (std::isfinite(array.get(i))) largest = std::max(largest, std::abs(array.get(i)));
  }
  return largest;
}

bool near(double a, double b, double within) {
  if (within == HUGE_VAL) return true;
  if (std::isnan(b) || std::isinf(b)) return std::isnan(b) ? std::isnan(a) : a == b;
  return std::abs(a - b) <= within;
}

// How far each element may lie from the interpreter's: the tolerance, and what rounding may do. Where that is beyond all measure (a
// comparison of nearly equal numbers), nothing can be said of it.
std::vector<Array> wanted_within(const RandomGraph& given, const std::vector<Array>& wanted, double tolerance) {
  constexpr double sure = 4;  // samples of what may happen are not the worst of it
  std::vector<Array> within = testing::rounding_spread(given.graph, given.inputs, wanted, given.seed);
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const double least = tolerance * largest_of(wanted[k]);
    for (std::int64_t i = 0; i < within[k].count(); ++i) within[k].set(i, least + sure * within[k].get(i));
  }
  return within;
}

std::string difference(const std::vector<Array>& got, const std::vector<Array>& wanted, const std::vector<Array>& within) {
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    if (got[k].dtype() != wanted[k].dtype() || got[k].sizes() != wanted[k].sizes()) return fmt::format("output {} is of another type", k);
    for (std::int64_t i = 0; i < wanted[k].count(); ++i) {
      const double a = got[k].get(i), b = wanted[k].get(i);
      if (!near(a, b, within[k].get(i))) {
        return fmt::format("output {}, element {} of {} is {}, not {} within {:.3g}", k, i, to_string(wanted[k].sizes()), a, b,
                           within[k].get(i));
      }
    }
  }
  return "";
}

// A compiler's start costs more than a kernel: many graphs are compiled as one. Gives for each what is wrong with its results.
std::vector<std::string> faults(const std::vector<RandomGraph>& graphs, const Way& way) {
  Graph all;
  Builder build(all);
  std::vector<Array> inputs;
  for (const RandomGraph& one : graphs) {
    std::vector<Var> arguments;
    for (std::size_t i = 0; i < one.inputs.size(); ++i) {
      const Input& input = one.graph.inputs[i];
      arguments.push_back(build.input(fmt::format("x{}", all.inputs.size()), one.graph.type(input.value), input.role));
      inputs.push_back(one.inputs[i]);
    }
    for (const Var& output : build.inline_graph(one.graph, arguments)) {
      all.add_output(output.id(), fmt::format("y{}", all.outputs.size()));
    }
  }
  Optimizer optimizer(all);
  optimizer.optimize(way.level);
  verify(optimizer.graph(), Level::lowered);
  ExecutableOptions options;
  options.isa = way.isa;
  Executable compiled(optimizer.graph(), options);
  for (const NodeProfile& node : compiled.profile()) {
    if (node.how == "interpreter") throw Error("not compiled: " + node.name);
  }
  options.compile = false;
  Executable interpreted(optimizer.graph(), options);
  const auto run = [&](Executable& executable, int threads) {
    const Threads guard(threads);
    return executable.run(inputs);
  };
  struct Result {
    const char* how;
    std::vector<Array> all;
  };
  const Result results[] = {{"compiled", run(compiled, 1)},
                            {"compiled, two threads", run(compiled, 2)},
                            {"without a compiler", run(interpreted, 1)},
                            {"at once", run_at_once(all, inputs)}};
  std::vector<std::string> wrong;
  std::size_t first = 0;
  for (const RandomGraph& one : graphs) {
    const auto part = [&](const std::vector<Array>& of) {
      const auto begin = of.begin() + static_cast<std::ptrdiff_t>(first);
      return std::vector<Array>(begin, begin + static_cast<std::ptrdiff_t>(one.graph.outputs.size()));
    };
    std::string& text = wrong.emplace_back();
    const std::vector<Array> wanted = interpret(one.graph, one.inputs), within = wanted_within(one, wanted, way.tolerance);
    for (const Result& result : results) {
      const std::string apart = difference(part(result.all), wanted, within);
      if (!apart.empty()) text += fmt::format("{}: {}\n", result.how, apart);
    }
    if (!same_bits(part(results[0].all), part(results[1].all))) text += "two threads give other bits than one\n";
    first += one.graph.outputs.size();
  }
  return wrong;
}

std::string fault(const RandomGraph& graph, const Way& way) {
  try {
    return faults({graph}, way)[0];
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string lowered_text(const RandomGraph& graph, const Way& way) {
  try {
    Optimizer optimizer(graph.graph);
    optimizer.optimize(way.level);
    return to_string(optimizer.graph());
  } catch (const std::exception& error) {
    return error.what();
  }
}

void report(const RandomGraph& graph, const Way& way) {
  const std::string kind = fault(graph, way).substr(0, 12);
  const RandomGraph small = testing::shrink(graph, [&](const RandomGraph& smaller) { return fault(smaller, way).substr(0, 12) == kind; });
  ADD_FAILURE() << "level " << way.level << ", " << name(way.isa) << ": " << fault(small, way) << "\nin " << testing::describe(small)
                << to_string(small.graph) << lowered_text(small, way);
}

void expect_no_faults(const std::vector<RandomGraph>& graphs, const Way& way) {
  std::vector<std::string> wrong;
  std::string problem;
  try {
    wrong = faults(graphs, way);
  } catch (const std::exception& error) {
    problem = error.what();
    for (const RandomGraph& graph : graphs) wrong.push_back(fault(graph, way));
  }
  bool found = problem.empty();
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    if (wrong[i].empty()) continue;
    found = true;
    std::fprintf(stderr, "seed %llu, level %d: %s\n", static_cast<unsigned long long>(graphs[i].seed), way.level, wrong[i].c_str());
    report(graphs[i], way);
  }
  EXPECT_TRUE(found) << "only together, from seed " << graphs[0].seed << " on: " << problem;
}

Isa isa_of(int i) {
  static const std::vector<Isa> all = [] {
    std::vector<Isa> found{best_isa()};
    for (const Isa isa : {Isa::portable, Isa::avx2}) {
      if (supports(isa) && isa != best_isa()) found.push_back(isa);
    }
    return found;
  }();
  return all[static_cast<std::size_t>(i) % all.size()];
}

// Graphs of these options, each batch at a level and for an instruction set of its own.
void check(int usually, int first_seed, double tolerance, const testing::RandomOptions& options) {
  constexpr int together = 10;
  const int count = testing::graphs_wanted(usually, 120);
  first_seed += std::atoi(environment_value("NEAP_RANDOM_SEED").c_str());
  for (int done = 0, batch = first_seed / together; done < count; done += together, ++batch) {
    std::vector<RandomGraph> graphs;
    for (int i = 0; i < std::min(together, count - done); ++i) {
      testing::RandomOptions mine = options;
      mine.symbol = fmt::format("N{}", i);
      graphs.push_back(testing::random_graph(static_cast<std::uint64_t>(first_seed + done + i), mine));
    }
    expect_no_faults(graphs, {.level = (4 + batch) % 5, .isa = isa_of(batch / 2), .tolerance = tolerance});
    if (::testing::Test::HasFatalFailure()) return;
  }
}

const std::vector<std::int64_t> awkward_sizes = {1, 2, 3, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100};

TEST(RandomCompiled, SmallSizesF64) { check(20, 0, 1e-9, {.most_nodes = 25, .smooth = true}); }

TEST(RandomCompiled, AwkwardSizesF32) {
  check(30, 1000000, 1e-5,
        {.least_nodes = 3,
         .most_nodes = 15,
         .dtype = DType::f32,
         .smooth = true,
         .most_elements = 30000,
         .largest = 100,
         .sizes = awkward_sizes,
         .symbol_values = {1, 3, 17, 33}});
}

TEST(RandomCompiled, LayersF32) {
  check(20, 2000000, 1e-5,
        {.least_nodes = 2,
         .most_nodes = 10,
         .dtype = DType::f32,
         .smooth = true,
         .most_elements = 20000,
         .largest = 100,
         .often = {"conv", "conv_transpose", "max_pool", "average_pool", "global_pool", "batch_norm", "pad", "concat", "matmul", "linear",
                   "softmax", "layer_norm", "sigmoid", "add", "mul", "sum", "transpose", "slice"},
         .sizes = {1, 2, 3, 4, 5, 8, 9, 16, 17, 33},
         .symbol_values = {1, 2, 3}});
}

TEST(RandomCompiled, WhatJumpsF64) {
  check(20, 3000000, 1e-10, {.least_nodes = 3, .most_nodes = 15, .sizes = awkward_sizes, .symbol_values = {1, 5, 17}});
}

TEST(RandomCompiled, Integers) {
  check(10, 4000000, 0, {.least_nodes = 3, .most_nodes = 12, .dtype = DType::i32, .sizes = awkward_sizes});
  check(10, 5000000, 0, {.least_nodes = 3, .most_nodes = 12, .dtype = DType::i64, .sizes = awkward_sizes});
}

TEST(RandomCompiled, Bf16) {
  check(10, 6000000, 0.02,
        {.least_nodes = 2,
         .most_nodes = 6,
         .dtype = DType::bf16,
         .smooth = true,
         .largest = 20,
         // They jump where a rounding makes one a multiple of the other, or are steep without end at the border of what they take.
         .without = {"mod", "fmod", "acos", "acosh", "asin"},
         .sizes = awkward_sizes});
}

}  // namespace
}  // namespace neap::compiled_graphs_test

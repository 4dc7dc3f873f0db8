// Attention over edges through the optimizer: the interpreter's numbers forward and backward, on graphs with everything that is odd about
// graphs, whatever of the recipe is left out; no value with an element for each edge between kernels; the same bits on any number of
// threads. For GAT, GATv2, and an attention that a user writes with messages.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <optional>
#include <random>

#include "neap/autodiff/gradient.h"
#include "neap/codegen/kernel.h"
#include "neap/nn/gat_conv.h"
#include "neap/nn/message_passing.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/trace.h"
#include "neap/transform/optimizer.h"
#include "tests/nn/graph_examples.h"
#include "tests/support/results.h"

namespace neap::attention_fusion_test {
namespace {

constexpr std::int64_t in = 3;

// Dot products of what both ends are made into, as a transformer has them, written with messages.
struct OwnAttention : Module {
  OwnAttention(std::int64_t out, DType dtype)
      : key(add<Linear>("key", in, out, LinearOptions{false, dtype})), value(add<Linear>("value", in, out, LinearOptions{false, dtype})) {}
  Tensor operator()(const Tensor& x, const Edges& edges) {
    const Tensor keys = key(x), values = value(x);
    const Tensor scores = sum(from_source(keys, edges) * from_target(values, edges), {1});
    const Tensor weights = edge_softmax(tanh(scores), edges);
    MessagePassing pass([&](const Message& m) { return per_row(weights, 2) * m.source; });
    return pass(values, edges);
  }
  Linear &key, &value;
};

// A network, its loss and gradients as a graph; sizes are symbols.
struct Traced {
  Graph graph;
  std::vector<Array> parameters;  // behind the pattern
  std::vector<Array> inputs(const ExampleGraph& example, DType dtype) const {
    const Edges edges = example.edges(false);
    std::vector<Array> all{filled({example.sources, in}, 0.1, dtype)};
    for (const Tensor& part : edges.pattern()) all.push_back(part.array());
    all.insert(all.end(), parameters.begin(), parameters.end());
    return all;
  }
};

template <class Layer>
Traced traced(Layer& layer, DType dtype) {
  double phase = 0;
  for (Parameter* parameter : layer.parameters()) parameter->set(filled(evaluate(parameter->type().shape, {}), phase += 0.7, dtype));
  const auto holder = [](const char* name, const char* type) { return Tensor::placeholder(Type::parse(type), name); };
  const Tensor x = Tensor::placeholder({dtype, {Dim::symbol("N"), in}, {}}, "x");
  const Edges edges{.offsets = holder("offsets", "i64[N+1]"),
                    .columns = holder("columns", "i32[E]"),
                    .t_offsets = holder("t_offsets", "i64[N+1]"),
                    .t_rows = holder("t_rows", "i32[E]"),
                    .t_order = holder("t_order", "i32[E]")};
  Traced made;
  for (Parameter* parameter : layer.parameters()) made.parameters.push_back(parameter->value().array());
  const TracedModule module(layer);
  std::vector<TracedInput> inputs{{x, "x"}};
  const char* names[] = {"offsets", "columns", "t_offsets", "t_rows", "t_order"};
  const std::vector<Tensor> pattern = edges.pattern();
  for (std::size_t i = 0; i < pattern.size(); ++i) inputs.push_back({pattern[i], names[i]});
  GradientOptions options{.loss = "loss", .with_respect_to = {"x"}};
  for (const auto& entry : module.entries()) {
    const std::string name = fmt::format("w{}", options.with_respect_to.size());
    inputs.push_back({entry.placeholder, name, Role::parameter});
    options.with_respect_to.push_back(name);
  }
  const Tensor y = layer(x, edges);
  made.graph = gradient(to_graph(inputs, {{sum(sin(y * 1.3)), "loss"}, {y, "y"}}).graph, options);
  return made;
}

std::vector<ExampleGraph> graphs() {
  std::vector<ExampleGraph> all = example_graphs();
  ExampleGraph random{"random", 37, 37, {}};
  std::mt19937 generator(3);
  for (std::int64_t target = 0; target < random.targets; ++target) {
    for (unsigned k = generator() % 9; k > 0; --k) random.list.push_back({static_cast<std::int64_t>(generator() % 37), target, 1});
  }
  all.push_back(std::move(random));
  return all;
}

const std::vector<std::string> passes{"factor_edge_sums", "transpose_edges", "fuse_edges"};

Graph optimized(const Graph& graph, const std::string& without = "", const CostModel& model = CostModel()) {
  Optimizer optimizer(graph, model);
  OptimizeOptions options;
  std::erase_if(options.recipe, [&](const RecipeLine& line) { return line.transformation == without; });
  optimizer.set_verifying(true);
  optimizer.optimize(options);
  return optimizer.graph();
}

void expect_close(const std::vector<Array>& got, const std::vector<Array>& wanted, double bound) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    for (std::int64_t k = 0; k < wanted[i].count(); ++k) {
      ASSERT_NEAR(got[i].get(k), wanted[i].get(k), bound * (1 + std::abs(wanted[i].get(k)))) << "output " << i << ", element " << k;
    }
  }
}

// On all graphs, what the interpreter makes of the network as it was; nothing is interpreted.
void expect_numbers_of(Executable& run, const Graph& graph, const Traced& made, DType dtype) {
  for (const NodeProfile& node : run.profile()) EXPECT_NE(node.how, "interpreter") << node.name;
  for (const ExampleGraph& example : graphs()) {
    SCOPED_TRACE(example.name);
    const std::vector<Array> inputs = made.inputs(example, dtype), wanted = interpret(made.graph, inputs);
    expect_close(interpret(graph, inputs), wanted, dtype == DType::f64 ? 1e-10 : 1e-4);
    expect_close(run.run(inputs), wanted, dtype == DType::f64 ? 1e-10 : 1e-4);
  }
}

template <class Layer>
void expect_numbers(Layer& layer, DType dtype) {
  const Traced made = traced(layer, dtype);
  for (const std::string& without : {std::string(), passes[0], passes[1], passes[2]}) {
    SCOPED_TRACE("without " + without);
    const Graph graph = optimized(made.graph, without);
    Executable run(graph);
    expect_numbers_of(run, graph, made, dtype);
  }
}

// Values between nodes with an element for each edge.
std::vector<std::string> values_of_edges(const Graph& graph) {
  std::vector<std::string> found;
  for (const NodePtr& node : graph.nodes()) {
    for (const ValueId id : node->outputs) {
      const Shape& shape = graph.type(id).shape;
      if (!shape.empty() && shape[0] == Dim::symbol("E")) found.push_back(node_name(graph, *node));
    }
  }
  return found;
}

TEST(AttentionFusion, GATGivesTheNumbersOfTheInterpreter) {
  GATConv one(in, 8, {.heads = 4, .dtype = DType::f32}), odd(in, 5, {.heads = 3, .concat = false, .dtype = DType::f64});
  GATConv single(in, 7, {.heads = 1, .dtype = DType::f32});
  expect_numbers(one, DType::f32);
  expect_numbers(odd, DType::f64);
  expect_numbers(single, DType::f32);
}

TEST(AttentionFusion, GATv2GivesTheNumbersOfTheInterpreter) {
  GATv2Conv one(in, 8, {.heads = 4, .dtype = DType::f32}), odd(in, 3, {.heads = 5, .dtype = DType::f64});
  expect_numbers(one, DType::f32);
  expect_numbers(odd, DType::f64);
}

TEST(AttentionFusion, AUsersAttentionGivesTheNumbersOfTheInterpreter) {
  OwnAttention one(8, DType::f32), odd(5, DType::f64);
  expect_numbers(one, DType::f32);
  expect_numbers(odd, DType::f64);
}

TEST(AttentionFusion, NoValueOfEdgesStandsBetweenKernels) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  GATv2Conv gatv2(in, 8, {.heads = 2, .dtype = DType::f32});
  OwnAttention own(8, DType::f32);
  for (const Graph& graph : {traced(gat, DType::f32).graph, traced(gatv2, DType::f32).graph, traced(own, DType::f32).graph}) {
    EXPECT_GE(values_of_edges(graph).size(), 5U);
    EXPECT_EQ(values_of_edges(optimized(graph)), std::vector<std::string>());
    for (const std::string& without : {passes[1], passes[2]}) EXPECT_NE(values_of_edges(optimized(graph, without)).size(), 0U) << without;
  }
}

// As the graph is planned where it has many vertices: what the backward pass gathers then lies side by side.
const CostModel at_large_sizes({{"N", 170000}, {"E", 2500000}}, Rates{26e9, 178e9, 240e9});

// Which values of edges the forward pass leaves to the backward, as Bazinska et al. (arXiv 2308.12093) compare: docs/guides/graphs.md.
struct Scheme {
  std::string stored;
  std::int64_t deepest;  // of transpose_edges; -1: without that pass
  double bytes;          // an edge
};
const std::vector<Scheme> schemes{
    {"weights", -1, 64}, {"weights", 0, 64}, {"exponentials", 1, 64}, {"logits", 3, 64}, {"nothing", 1 << 20, 0}};

Graph stored_by(const Scheme& scheme, const Graph& graph) {
  Optimizer optimizer(graph, at_large_sizes);
  OptimizeOptions options;
  if (scheme.deepest < 0) std::erase_if(options.recipe, [](const RecipeLine& line) { return line.transformation == "transpose_edges"; });
  for (RecipeLine& line : options.recipe) {
    if (line.transformation == "transpose_edges") line.parameters["deepest"] = scheme.deepest;
  }
  optimizer.optimize(options);
  return optimizer.graph();
}

std::vector<ValueId> ids_of_edges(const Graph& graph) {
  std::vector<ValueId> found;
  for (const NodePtr& node : graph.nodes()) {
    for (const ValueId id : node->outputs) {
      if (!graph.type(id).shape.empty() && graph.type(id).shape[0] == Dim::symbol("E")) found.push_back(id);
    }
  }
  return found;
}

// What softmax makes of rows of values that stand at some stage of it.
Array finished(const std::string& stage, const Array& values, const Array& offsets) {
  Array made = values.clone();
  const std::int64_t heads = values.size(1);
  for (std::int64_t row = 0; row + 1 < offsets.count(); ++row) {
    for (std::int64_t head = 0; head < heads; ++head) {
      double most = -1e30, sum = 0;
      const auto each = [&](const std::function<void(std::int64_t)>& f) {
        for (std::int64_t e = offsets.get_int(row); e < offsets.get_int(row + 1); ++e) f(e * heads + head);
      };
      each([&](std::int64_t at) { most = std::max(most, made.get(at)); });
      if (stage == "logits") each([&](std::int64_t at) { made.set(at, std::exp(made.get(at) - most)); });
      each([&](std::int64_t at) { sum += made.get(at); });
      if (stage != "weights") each([&](std::int64_t at) { made.set(at, made.get(at) / sum); });
    }
  }
  return made;
}

bool near(const Array& a, const Array& b) {
  for (std::int64_t i = 0; i < a.count(); ++i) {
    if (!(std::abs(a.get(i) - b.get(i)) < 1e-5)) return false;
  }
  return a.count() == b.count();
}

TEST(AttentionFusion, TheSchemesOfThePaperGiveTheSameNumbers) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  const Traced made = traced(gat, DType::f32);
  const ExampleGraph random = graphs().back();
  const std::vector<Array> inputs = made.inputs(random, DType::f32), wanted = interpret(made.graph, inputs);
  std::optional<Array> weights;  // the softmax's, as the first scheme stores them
  for (const Scheme& scheme : schemes) {
    SCOPED_TRACE(fmt::format("{}, by transpose_edges deepest={}", scheme.stored, scheme.deepest));
    Graph graph = stored_by(scheme, made.graph);
    expect_close(Executable(graph).run(inputs), wanted, 1e-4);
    const std::vector<ValueId> ids = ids_of_edges(graph);
    double bytes = 0;
    for (const ValueId id : ids) bytes += at_large_sizes.bytes(graph.type(id)) / 2500000;
    EXPECT_EQ(bytes, scheme.bytes);
    for (std::size_t i = 0; i < ids.size(); ++i) graph.add_output(ids[i], fmt::format("stored{}", i));
    const std::vector<Array> results = interpret(graph, inputs);
    bool found = ids.empty();
    for (std::size_t i = wanted.size(); i < results.size(); ++i) {
      const Array all = finished(scheme.stored, results[i], inputs[1]);
      if (!weights && near(finished("exponentials", all, inputs[1]), all)) weights = all;
      found |= weights && near(all, *weights);
    }
    EXPECT_TRUE(found) << "what is stored is something else";
  }
  // Kernel by kernel, each value of edges is stored.
  double bytes = 0;
  const Graph apart = optimized(made.graph, "fuse_edges", at_large_sizes);
  for (const ValueId id : ids_of_edges(apart)) bytes += at_large_sizes.bytes(apart.type(id)) / 2500000;
  EXPECT_GE(bytes, 4 * 64);
}

TEST(AttentionFusion, EachPassSaysWhatItDidAndIsTakenBack) {
  GATConv gat(in, 8, {.heads = 2, .dtype = DType::f32});
  Optimizer optimizer(traced(gat, DType::f32).graph);
  const Hash before = structural_hash(optimizer.graph());
  optimizer.optimize();
  const std::string text = optimizer.explain();
  for (const std::string& pass : passes) EXPECT_NE(text.find("  " + pass + " "), std::string::npos) << text;
  while (!optimizer.steps().empty()) optimizer.undo();
  EXPECT_EQ(structural_hash(optimizer.graph()), before);
}

std::vector<Isa> instruction_sets() {
  std::vector<Isa> all{Isa::portable};
  if (best_isa() == Isa::avx512) all.push_back(Isa::avx2);
  if (best_isa() != Isa::portable) all.push_back(best_isa());
  return all;
}

// Whether any of the graph's kernels has it.
bool has_text(const Graph& graph, Isa isa, const std::string& text) {
  const std::vector<std::string> symbols = graph.symbols();
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const NodePtr& node) {
    return node->is_map() && generate_kernel(graph, *node, symbols, isa).text.find(text) != std::string::npos;
  });
}

ExecutableOptions on(Isa isa) {
  ExecutableOptions options;
  options.isa = isa;
  return options;
}

TEST(AttentionFusion, JoinedTablesGiveTheNumbersOfTheInterpreter) {
  GATConv one(in, 8, {.heads = 8, .dtype = DType::f32}), odd(in, 5, {.heads = 3, .dtype = DType::f64});
  for (auto& [layer, dtype] : {std::pair(&one, DType::f32), std::pair(&odd, DType::f64)}) {
    const Traced made = traced(*layer, dtype);
    const Graph graph = optimized(made.graph, "", at_large_sizes);
    EXPECT_NE(structural_hash(graph), structural_hash(optimized(made.graph, "join_tables", at_large_sizes)));
    for (const Isa isa : instruction_sets()) {
      SCOPED_TRACE(name(isa));
      Executable run(graph, on(isa));
      expect_numbers_of(run, graph, made, dtype);
    }
  }
}

// Heads innermost: factors of heads that fill half a vector, a whole one, several times a part of one; features that fill vectors and that
// do not; sums in registers, which are turned there, and in memory.
TEST(AttentionFusion, TurnedRowsGiveTheNumbersOfTheInterpreter) {
  struct Case {
    std::int64_t heads, features;
    DType dtype;
  };
  for (const Case& at : {Case{8, 8, DType::f32}, Case{4, 4, DType::f32}, Case{8, 3, DType::f32}, Case{2, 16, DType::f32},
                         Case{8, 24, DType::f32}, Case{4, 6, DType::f64}}) {
    GATConv gat(in, at.features, {.heads = at.heads, .dtype = at.dtype});
    const Traced made = traced(gat, at.dtype);
    Optimizer optimizer(made.graph, at_large_sizes);
    OptimizeOptions options;
    std::erase_if(options.recipe,
                  [&](const RecipeLine& line) { return line.transformation == "join_tables" || line.transformation == "turn_rows"; });
    optimizer.set_verifying(true);
    optimizer.optimize(options);
    const Transformation& turn_rows = find_transformation("turn_rows");
    int turned = 0;
    for (; !optimizer.sites(turn_rows).empty(); ++turned) optimizer.apply(turn_rows, optimizer.sites(turn_rows)[0]);
    EXPECT_EQ(turned, 2) << "forward and backward";
    const Graph& graph = optimizer.graph();
    for (const Isa isa : instruction_sets()) {
      SCOPED_TRACE(fmt::format("{} x {}, {}", at.heads, at.features, name(isa)));
      EXPECT_TRUE(has_text(graph, isa, "exchanged<") || isa != Isa::avx512 || at.heads * at.features != 64);
      EXPECT_TRUE(has_text(graph, isa, "exchange_tile(") || at.heads * at.features != 64) << "tables are turned by tiles";
      Executable run(graph, on(isa));
      expect_numbers_of(run, graph, made, at.dtype);
    }
  }
}

// Eight heads fill half a register of AVX-512: two entries are computed at a time.
TEST(AttentionFusion, NaNAndInfinityReachThoseThatTheyReachInTheInterpreter) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  const Traced made = traced(gat, DType::f32);
  const Graph graph = optimized(made.graph, "", at_large_sizes);
  const ExampleGraph example = graphs().back();
  for (const Isa isa : instruction_sets()) {
    Executable run(graph, on(isa));
    for (const double odd : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      for (const std::int64_t vertex : {0, 7, 36}) {
        SCOPED_TRACE(fmt::format("{} at {}, {}", odd, vertex, name(isa)));
        std::vector<Array> inputs = made.inputs(example, DType::f32);
        inputs[0] = inputs[0].clone();
        inputs[0].set(vertex * in, odd);
        const std::vector<Array> got = run.run(inputs), wanted = interpret(graph, inputs);
        for (std::size_t i = 0; i < wanted.size(); ++i) {
          for (std::int64_t k = 0; k < wanted[i].count(); ++k) {
            const double a = got[i].get(k), b = wanted[i].get(k);
            ASSERT_EQ(std::isnan(a), std::isnan(b)) << "output " << i << ", element " << k;
            if (!std::isfinite(b)) continue;
            ASSERT_NEAR(a, b, 1e-4 * (1 + std::abs(b))) << "output " << i << ", element " << k;
          }
        }
      }
    }
  }
}

// Sums that registers do not hold are taken by blocks of entries, what their buffers are made into over all elements of a block: with rows
// of as many elements as vectors have, fewer, and more, and with more entries than a block, as many, and fewer.
TEST(AttentionFusion, BlocksOfEntriesGiveTheNumbersOfTheInterpreter) {
  ExampleGraph example{"rows of 0 to 50 entries", 51, 51, {}};
  std::mt19937 generator(4);
  for (std::int64_t target = 0; target < example.targets; ++target) {
    for (std::int64_t k = 0; k < target; ++k) example.list.push_back({static_cast<std::int64_t>(generator() % 51), target, 1});
  }
  for (const std::int64_t heads : {8, 11, 12}) {
    GATConv gat(in, 8, {.heads = heads, .dtype = DType::f32});
    const Traced made = traced(gat, DType::f32);
    const Graph graph = optimized(made.graph, "", at_large_sizes);
    const std::vector<Array> inputs = made.inputs(example, DType::f32), wanted = interpret(made.graph, inputs);
    for (const Isa isa : instruction_sets()) {
      SCOPED_TRACE(fmt::format("{} heads, {}", heads, name(isa)));
      EXPECT_EQ(has_text(graph, isa, "_of["), isa != Isa::portable);
      Executable run(graph, on(isa));
      expect_close(run.run(inputs), wanted, 1e-4);
    }
  }
}

TEST(AttentionFusion, AnEdgeFromNowhereIsReportedWhereverItStands) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  const Traced made = traced(gat, DType::f32);
  const Graph graph = optimized(made.graph, "", at_large_sizes);
  ExampleGraph example{"five edges into one vertex", 3, 3, {}};
  for (const std::int64_t source : {0, 1, 2, 0, 1}) example.list.push_back({source, 1, 1});
  for (const Isa isa : instruction_sets()) {
    Executable run(graph, on(isa));
    const std::vector<Array> inputs = made.inputs(example, DType::f32);
    EXPECT_NO_THROW(run.run(inputs));
    for (const std::size_t list : {std::size_t{2}, std::size_t{4}}) {  // columns and t_rows
      for (std::int64_t entry = 0; entry < inputs[list].count(); ++entry) {
        for (const std::int64_t nowhere : {-1, 3}) {
          std::vector<Array> wrong = inputs;
          wrong[list] = wrong[list].clone();
          wrong[list].set_int(entry, nowhere);
          EXPECT_THROW(run.run(wrong), Error) << "list " << list << ", entry " << entry << ", " << name(isa);
        }
      }
    }
  }
}

// What the backward pass sums by sources has no product of both ends left: it is one pass of one kernel, as by targets.
TEST(AttentionFusion, ProductsOfBothEndsAreTakenApartInBothOrders) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  Optimizer optimizer(traced(gat, DType::f32).graph);
  OptimizeOptions options;
  const auto transposes = [](const RecipeLine& line) { return line.transformation == "transpose_edges"; };
  const auto until = std::find_if(options.recipe.begin(), options.recipe.end(), transposes) + 4;
  options.recipe.erase(until, options.recipe.end());
  optimizer.optimize(options);
  for (const NodePtr& node : optimizer.graph().nodes()) EXPECT_NE(node->op, "sddmm");
}

TEST(AttentionFusion, TheSameBitsOnOneAndTwoThreads) {
  GATConv gat(in, 8, {.heads = 8, .dtype = DType::f32});
  const Traced made = traced(gat, DType::f32);
  Executable run(optimized(made.graph, "", at_large_sizes));
  ExampleGraph large{"large", 2000, 2000, {}};
  std::mt19937 generator(5);
  for (std::int64_t target = 0; target < large.targets; ++target) {
    for (unsigned k = generator() % 30; k > 0; --k) large.list.push_back({static_cast<std::int64_t>(generator() % 2000), target, 1});
  }
  const std::vector<Array> inputs = made.inputs(large, DType::f32);
  const auto on_threads = [&](int count) {
    const Threads threads(count);
    std::vector<Array> results = run.run(inputs);
    for (Array& array : results) array = array.clone();
    return results;
  };
  const std::vector<Array> one = on_threads(1), two = on_threads(2);
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_TRUE(same_bits(one[i], two[i])) << "output " << i;
}

}  // namespace
}  // namespace neap::attention_fusion_test

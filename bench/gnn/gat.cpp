// A layer of graph attention (GAT), forward and backward, 8 heads: as optimised against one kernel for each operator, and the values with
// an element for each edge that go through memory between kernels; and against two sparse products as wide, which read of neighbours what
// it has to read. The graph's lists are the same in every run.
#include <cmath>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/graph_inputs.h"
#include "bench/harness.h"
#include "neap/autodiff/gradient.h"
#include "neap/base/error.h"

namespace neap::bench::gat_topic {
namespace {

constexpr std::int64_t heads = 8;

struct Layer {
  Graph graph;
  std::vector<Array> inputs;
};

// Velickovic et al. (arXiv 1710.10903), eqs. 1 to 6. `wide`: how many features the dense product ahead of it takes; 0: there is none.
Layer layer(const EdgeArrays& edges, std::int64_t features, std::int64_t wide) {
  Layer made;
  Builder build(made.graph);
  const auto input = [&](const char* name, const Sizes& sizes, double largest, Role role) {
    made.inputs.push_back(random_array(sizes, made.inputs.size() + 1, -largest, largest));
    return build.input(name, {DType::f32, Shape(sizes.begin(), sizes.end()), {}}, role);
  };
  const Sizes rows{edges.vertices, heads, features};
  Var values;
  std::vector<std::string> trained{"source", "target"};
  if (wide > 0) {
    const Var x = input("x", {edges.vertices, wide}, 1, Role::input);
    const Var w = input("w", {wide, heads * features}, 1 / std::sqrt(static_cast<double>(wide)), Role::parameter);
    values = reshape(matmul(x, w), Shape(rows.begin(), rows.end()));
    trained.emplace_back("w");
  } else {
    values = input("values", rows, 1, Role::input);
    trained.emplace_back("values");
  }
  const Var source = input("source", {heads, features}, 0.5, Role::parameter),
            target = input("target", {heads, features}, 0.5, Role::parameter);
  const Var cotangent = input("cotangent", rows, 1, Role::input);
  const std::vector<Var> e = edges.inputs(build, Role::fixed);
  made.inputs.insert(made.inputs.end(), edges.arrays.begin(), edges.arrays.end());
  const Var from = build.call("edge_source", {sum(values * source, {2}), e[1], e[2], e[3], e[4], e[5]});
  const Var to = build.call("segment_broadcast", {sum(values * target, {2}), e[1]}, {{"entries", Shape{edges.edges}}});
  const Var scores = build.call("leaky_relu", {from + to}, {{"alpha", 0.2}});
  const Var y = build.call("spmm", {values, build.call("segment_softmax", {scores, e[1]}), e[1], e[2], e[3], e[4], e[5]});
  made.graph.add_output(sum(y * cotangent, {}).id(), "loss");
  made.graph = gradient(made.graph, {.loss = "loss", .with_respect_to = trained});
  return made;
}

// What the layer reads at least: the values of neighbours forward and backward, as two sparse products as wide read them.
Layer bare_products(const EdgeArrays& edges, std::int64_t width) {
  Layer made;
  Builder build(made.graph);
  made.inputs.push_back(random_array({edges.vertices, width}, 1));
  const Var x = build.input("x", {DType::f32, {edges.vertices, width}, {}});
  const std::vector<Var> e = edges.inputs(build, Role::fixed);
  made.inputs.insert(made.inputs.end(), edges.arrays.begin(), edges.arrays.end());
  for (const bool transpose : {false, true}) {
    const Var y = build.call("spmm", {x, Var(), e[1], e[2], e[3], e[4], e[5]}, {{"transpose", transpose}});
    made.graph.add_output(y.id(), transpose ? "against" : "along");
  }
  return made;
}

Executable at_level(const Graph& graph, int level) {
  Optimizer optimizer(graph);
  optimizer.optimize(level);
  return generated(optimizer.graph());
}

// Of values between nodes that have an element for each edge.
double edge_bytes(const Executable& run, std::int64_t edges) {
  double bytes = 0;
  for (const Buffer& buffer : run.plan().buffers) {
    const Shape& shape = run.graph().type(buffer.value).shape;
    if (!shape.empty() && shape[0] == Dim(edges)) bytes += static_cast<double>(buffer.bytes);
  }
  return bytes;
}

// Error where the optimised layer's gradients are others. Edges whose logit is 0 but for rounding may take either slope: few of many.
void check_results(const std::vector<Array>& got, const std::vector<Array>& wanted, const std::string& name) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    double largest = 0, off = 0;
    for (std::int64_t k = 0; k < wanted[i].count(); ++k) {
      largest = std::max(largest, std::abs(wanted[i].get(k)));
      off += std::abs(got[i].get(k) - wanted[i].get(k));
    }
    if (!(off <= 1e-3 * largest * static_cast<double>(wanted[i].count()))) throw Error(fmt::format("results {} differ", i), name);
  }
}

// Of attention over `features` a head, with a dense product of `wide` features ahead of it; `whole`: what goes through memory, too.
void compare(Rows& rows, const EdgeArrays& edges, std::int64_t features, std::int64_t wide, const std::string& name,
             std::optional<double> target, bool whole) {
  const Layer made = layer(edges, features, wide);
  Executable plain = at_level(made.graph, 0), ours = at_level(made.graph, 4);
  check_results(ours.run(made.inputs), plain.run(made.inputs), name);
  std::vector<Candidate> candidates{{"ours", [&] { ours.run(made.inputs); }}, {"plain", [&] { plain.run(made.inputs); }}};
  const bool is_bare = wide == 0;
  const Layer bare = is_bare ? bare_products(edges, heads * features) : Layer();
  std::optional<Executable> products;
  if (is_bare) {
    products.emplace(at_level(bare.graph, 4));
    candidates.push_back({"products", [&] { products->run(bare.inputs); }});
  }
  const auto seconds = interleave(candidates, {.rounds = 5, .seconds = 0});
  rows.add(against(name, "ms", 1e3, seconds[0], seconds[1], "one kernel an operator", target));
  if (is_bare)
    rows.add(against("  what it reads of neighbours, alone", "ms", 1e3, seconds[0], seconds[2], "two sparse products", std::nullopt));
  if (!whole) return;
  const double mine = edge_bytes(ours, edges.edges);
  rows.add({.name = "  values of edges between kernels",
            .metric = "MB",
            .ours = mine / 1e6,
            .other = edge_bytes(plain, edges.edges) / 1e6,
            .other_name = "one kernel an operator",
            .ratio = mine == 0 ? 1 : 0,
            .target = 1});
  rows.add({.name = "  arena",
            .metric = "MB",
            .ours = static_cast<double>(ours.plan().arena_bytes) / 1e6,
            .other = static_cast<double>(plain.plan().arena_bytes) / 1e6,
            .other_name = "one kernel an operator",
            .ratio = static_cast<double>(plain.plan().arena_bytes) / static_cast<double>(ours.plan().arena_bytes)});
}

void run(Rows& rows) {
  for (const bool dense : {false, true}) {
    const EdgeArrays edges(dense ? gnn::reddit_like(1).graph : gnn::arxiv_like(1).graph);
    compare(rows, edges, 8, 0, fmt::format("{}, attention of 8 heads x 8", dense ? "denser" : "arxiv-like"), 4, true);
    compare(rows, edges, 8, 128, "  with the dense product of 128 features", std::nullopt, false);
    compare(rows, edges, 32, 0, "  8 heads x 32", std::nullopt, false);
  }
}

const RegisterTopic topic{{"gat", "a layer of graph attention, forward and backward, on both graphs", run}};

}  // namespace
}  // namespace neap::bench::gat_topic

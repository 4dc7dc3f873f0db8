// Layers of graph networks: gradients against central differences in f64, of parameters, features, weights and features of edges; compiled
// as at once, one compile for graphs of all sizes; and what the optimizer finds in a layer that a user wrote.
#include <gtest/gtest.h>

#include <set>

#include "neap/autodiff/gradient.h"
#include "neap/nn/gat_conv.h"
#include "neap/nn/gcn_conv.h"
#include "neap/nn/gin_conv.h"
#include "neap/nn/graph_pool.h"
#include "neap/nn/graph_propagation.h"
#include "neap/nn/message_passing.h"
#include "neap/nn/rgcn_conv.h"
#include "neap/nn/sage_conv.h"
#include "neap/nn/sequential.h"
#include "neap/ops/interpreter.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/trace.h"
#include "neap/transform/optimizer.h"
#include "tests/nn/graph_examples.h"

namespace neap::graph_gradient_test {
namespace {

constexpr DType f64 = DType::f64;

std::unique_ptr<Layer> product(std::int64_t in, std::int64_t out) {
  auto made = std::make_unique<Sequential>();
  made->then<Linear>("linear", in, out, LinearOptions{true, f64});
  return made;
}

// Every layer, on the same features and edges; weights and features of edges are used by those that look at them.
struct Every : Module {
  GCNConv &gcn = add<GCNConv>("gcn", 3, 2, GCNOptions{.dtype = f64}),
          &scaled = add<GCNConv>("scaled", 3, 2, GCNOptions{.normalize = EdgeNorm::both_ends, .dtype = f64});
  SAGEConv &mean = add<SAGEConv>("mean", 3, 2, SAGEOptions{.normalize = true, .dtype = f64}),
           &max = add<SAGEConv>("max", 3, 2, SAGEOptions{.aggregate = Reduce::max, .dtype = f64});
  GATConv& gat = add<GATConv>("gat", 3, 2, GATOptions{.heads = 2, .edge_features = 2, .dtype = f64});
  GATv2Conv& gatv2 = add<GATv2Conv>("gatv2", 3, 2, GATOptions{.heads = 2, .concat = false, .edge_features = 2, .dtype = f64});
  GINConv& gin = add<GINConv>("gin", product(3, 2), GINOptions{.train_epsilon = true, .dtype = f64});
  SGConv& simple = add<SGConv>("simple", 3, 2, SGOptions{.steps = 2, .dtype = f64});
  APPNP& teleporting = add<APPNP>("teleporting", APPNPOptions{.steps = 3});
  RGCNConv& relational = add<RGCNConv>("relational", 3, 2, 2, RGCNOptions{.bases = 1, .dtype = f64});
  MessagePassing& messages = add<MessagePassing>("messages", [](const Message& m) { return m.weights * tanh(m.source - m.target); });

  Tensors operator()(const Tensor& x, const Edges& edges) {
    const Edges structure = edges.with_weights({});
    const Tensor all = gcn(x, edges) + scaled(x, structure);
    return {all,
            mean(x, edges),
            max(x, edges),
            gat(x, structure),
            gatv2(x, structure),
            gin(x, edges),
            simple(x, structure),
            teleporting(x, structure),
            relational(x, {structure, edges}),
            messages(x, edges),
            pool_graphs(x, edges.offsets.slice(0, 0, 1), Reduce::mean)};
  }
};

// Each result's elements by weights of their own.
Tensor loss_of(const Tensors& results) {
  Tensor loss;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Tensor part = sum(sin(results[i] * (1.1 + 0.3 * static_cast<double>(i))));
    loss = loss ? loss + part : part;
  }
  return loss;
}

// Arguments: features of vertices, weights and features of edges, the pattern; the loss of all layers on them.
Tensors arguments_of(const ExampleGraph& graph) {
  const Edges edges = graph.edges(true);
  Tensors all{filled({graph.sources, 3}, 0.1), edges.weights, filled({static_cast<std::int64_t>(graph.list.size()), 2}, 2)};
  for (const Tensor& part : edges.pattern()) all.push_back(part);
  return all;
}
Edges edges_of(const Tensors& all) {
  return {.offsets = all[3],
          .columns = all[4],
          .t_offsets = all[5],
          .t_rows = all[6],
          .t_order = all[7],
          .weights = all[1],
          .features = all[2]};
}

void set_all(Module& module) {
  double phase = 0;
  for (Parameter* parameter : module.parameters()) parameter->set(filled(evaluate(parameter->type().shape, {}), phase += 0.7));
}

double difference(const std::function<double(const Array&)>& f, const Array& at, std::int64_t element) {
  constexpr double step = 1e-6;
  Array moved = at.clone();
  moved.set(element, at.get(element) + step);
  const double above = f(moved);
  moved = at.clone();
  moved.set(element, at.get(element) - step);
  return (above - f(moved)) / (2 * step);
}

TEST(GraphGradient, AgainstDifferences) {
  Every every;
  set_all(every);
  for (const ExampleGraph& graph : example_graphs()) {
    SCOPED_TRACE(graph.name);
    const Tensors arguments = arguments_of(graph);
    const Function f = [&](const Tensors& x) { return Tensors{loss_of(every(x[0], edges_of(x)))}; };
    const Tensors gradients = neap::gradients(f, {0, 1, 2})(arguments);
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::int64_t i = 0; i < arguments[k].array().count(); ++i) {
        const double wanted = difference(
            [&](const Array& moved) {
              Tensors other = arguments;
              other[k] = moved;
              return f(other)[0].item();
            },
            arguments[k].array(), i);
        ASSERT_NEAR(gradients[k].array().get(i), wanted, 1e-6 * (1 + std::abs(wanted))) << "argument " << k << ", element " << i;
      }
    }
    const ValueAndGradients made = value_and_gradients(every, [&] { return f(arguments)[0]; });
    const std::vector<Parameter*> parameters = every.parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const Tensor before = parameters[p]->value();
      for (std::int64_t i = 0; i < before.array().count(); ++i) {
        const double wanted = difference(
            [&](const Array& moved) {
              parameters[p]->set(moved);
              return f(arguments)[0].item();
            },
            before.array(), i);
        ASSERT_NEAR(made.gradients[p].array().get(i), wanted, 1e-6 * (1 + std::abs(wanted))) << parameters[p]->name() << ", element " << i;
      }
      parameters[p]->set(before);
    }
  }
}

TEST(GraphGradient, CompiledForAllSizesAsAtOnce) {
  Every every;
  set_all(every);
  const Function loss = [&](const Tensors& x) { return Tensors{loss_of(every(x[0], edges_of(x)))}; };
  const Function both = [&](const Tensors& x) {
    const ValueAndGradients made = value_and_gradients(loss, {0, 1, 2})(x);
    Tensors all{made.value};
    all.insert(all.end(), made.gradients.begin(), made.gradients.end());
    return all;
  };
  std::vector<Type> types;
  for (const char* type : {"f64[N,3]", "f64[E]", "f64[E,2]", "i64[N+1]", "i32[E]", "i64[N+1]", "i32[E]", "i32[E]"})
    types.push_back(Type::parse(type));
  const Compiled compiled = compile(both, {.arguments = types});
  for (const ExampleGraph& graph : example_graphs()) {
    SCOPED_TRACE(graph.name);
    const Tensors arguments = arguments_of(graph);
    const Tensors wanted = both(arguments), got = compiled(arguments);
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      for (std::int64_t i = 0; i < wanted[k].array().count(); ++i) {
        ASSERT_NEAR(got[k].array().get(i), wanted[k].array().get(i), 1e-9 * (1 + std::abs(wanted[k].array().get(i))))
            << "result " << k << ", element " << i;
      }
    }
  }
  EXPECT_EQ(compiled.signatures(), 1);
}

// A layer of a user's own: weights times what sources have, summed, then a product.
struct OwnLayer : Module {
  Linear& linear = add<Linear>("linear", 64, 8, LinearOptions{false});
  MessagePassing& pass = add<MessagePassing>("pass", [](const Message& m) { return m.weights * m.source; });
  Tensor operator()(const Tensor& x, const Edges& edges) { return pass(linear(x), edges); }
};

// Loss and gradients of that layer on a graph of such sizes; what is given to each run, or the same in all of them.
Graph own_step(const Dim& n, const Dim& e, Role data, const std::vector<std::string>& with_respect_to) {
  OwnLayer layer;
  const auto holder = [](const char* name, Type type) { return Tensor::placeholder(std::move(type), name); };
  const Tensor x = holder("x", {DType::f32, {n, 64}, {}});
  const Edges edges{.offsets = holder("offsets", {DType::i64, {n + Dim(1)}, {}}),
                    .columns = holder("columns", {DType::i32, {e}, {}}),
                    .t_offsets = holder("t_offsets", {DType::i64, {n + Dim(1)}, {}}),
                    .t_rows = holder("t_rows", {DType::i32, {e}, {}}),
                    .t_order = holder("t_order", {DType::i32, {e}, {}}),
                    .weights = holder("weights", {DType::f32, {e}, {}})};
  const TracedModule traced(layer);
  std::vector<TracedInput> inputs{{x, "x", data},
                                  {edges.offsets, "offsets", data},
                                  {edges.columns, "columns", data},
                                  {edges.t_offsets, "t_offsets", data},
                                  {edges.t_rows, "t_rows", data},
                                  {edges.t_order, "t_order", data},
                                  {edges.weights, "weights", data},
                                  {traced.entries()[0].placeholder, "w", Role::parameter}};
  const Tensor y = layer(x, edges);
  const Graph graph = to_graph(inputs, {{sum(y * y), "loss"}}).graph;
  return gradient(graph, {.loss = "loss", .with_respect_to = with_respect_to});
}

TEST(GraphGradient, AUsersLayerIsOrderedAsAnyOther) {
  const Graph graph = own_step(1000, 20000, Role::input, {"w", "x", "weights"});
  const auto ops = [](const Graph& of) {
    std::multiset<std::string> found;
    for (const NodePtr& node : of.nodes()) found.insert(node->op);
    return found;
  };
  ASSERT_EQ(ops(graph).count("spmm"), 0U);
  Optimizer optimizer(graph);
  optimizer.set_verifying(false);
  optimizer.apply_all(find_transformation("recognise_spmm"));
  const auto found = ops(optimizer.graph());
  EXPECT_EQ(found.count("spmm"), 2U);   // forward, and the transpose backward
  EXPECT_EQ(found.count("sddmm"), 1U);  // the gradient of the weights
  for (const char* op : {"edge_source", "edge_collect", "segment_sum", "segment_broadcast"}) EXPECT_EQ(found.count(op), 0U) << op;
  const int edits = optimizer.apply_all(find_transformation("order_products"), {{"order", 2}});
  EXPECT_GT(edits, 0);
  EXPECT_GT(optimizer.apply_all(find_transformation("order_products"), {{"order", 1}}), 0);
}

// What its sources bring is then the same in every run: it is aggregated first, once, and kept.
TEST(GraphGradient, AUsersLayerKeepsItsAggregate) {
  const CostModel model({},
                        {.copy_bytes_per_second = 10e9, .cache_bytes_per_second = 50e9, .flops_per_second = 100e9, .call_seconds = 2e-6});
  const auto kept = [&](Role data) {
    Optimizer optimizer(own_step(1000, 20000, data, {"w"}), model);
    optimizer.optimize();
    std::vector<std::string> types;
    for (const NodePtr& node : optimizer.graph().nodes()) {
      if (node->kept) types.push_back(optimizer.graph().type(node->outputs[0]).to_string());
    }
    return types;
  };
  const std::vector<std::string> types = kept(Role::fixed);
  EXPECT_NE(std::find(types.begin(), types.end(), "f32[1000,64]"), types.end());  // the sum over edges of weights * x
  EXPECT_EQ(kept(Role::input), std::vector<std::string>());
}

}  // namespace
}  // namespace neap::graph_gradient_test

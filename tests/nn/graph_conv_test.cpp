// Layers of graph networks against dense adjacency matrices and plain loops, in f64.
#include <gtest/gtest.h>

#include "neap/base/error.h"
#include "neap/nn/gat_conv.h"
#include "neap/nn/gcn_conv.h"
#include "neap/nn/gin_conv.h"
#include "neap/nn/graph_network.h"
#include "neap/nn/graph_pool.h"
#include "neap/nn/graph_propagation.h"
#include "neap/nn/message_passing.h"
#include "neap/nn/rgcn_conv.h"
#include "neap/nn/sage_conv.h"
#include "neap/nn/sequential.h"
#include "tests/nn/graph_examples.h"
#include "tests/support/expect_error.h"

namespace neap::graph_conv_test {
namespace {

constexpr DType f64 = DType::f64;

void expect_rows(const Tensor& got, const Rows& wanted) {
  const Rows rows = rows_of(got);
  ASSERT_EQ(rows.size(), wanted.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].size(), wanted[i].size());
    for (std::size_t k = 0; k < rows[i].size(); ++k) {
      EXPECT_NEAR(rows[i][k], wanted[i][k], 1e-12 * (1 + std::abs(wanted[i][k]))) << "row " << i << ", feature " << k;
    }
  }
}

Rows value(const Module& module, std::string_view name) { return rows_of(module.find(name).value()); }

// Biases start at 0, which would hide them.
void set_all(Module& module) {
  double phase = 0;
  for (Parameter* parameter : module.parameters()) parameter->set(filled(evaluate(parameter->type().shape, {}), phase += 0.6));
}

template <class F>
void on_all_graphs(F&& f) {
  for (const ExampleGraph& graph : example_graphs()) {
    for (const bool weighted : {false, true}) {
      SCOPED_TRACE(graph.name + (weighted ? ", weights" : ""));
      f(graph, graph.edges(weighted), Tensor(filled({graph.sources, 3}, 0.1)),
        [weighted](const ExampleEdge& edge) { return weighted ? edge.weight : 1; });
    }
  }
}

Rows row_sums(const Rows& a) {
  Rows sums = zero_rows(a.size(), 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (const double element : a[i]) sums[i][0] += element;
  }
  return sums;
}

Rows normalised(Rows a, EdgeNorm norm) {
  Rows targets = row_sums(a), sources = targets;
  if (norm == EdgeNorm::both_ends) {
    for (std::size_t j = 0; j < sources.size(); ++j) {
      sources[j][0] = 0;
      for (const auto& row : a) sources[j][0] += row[j];
    }
  }
  const auto factor = [](double degree) { return degree > 0 ? 1 / std::sqrt(degree) : 0; };
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a.size(); ++j) a[i][j] *= factor(targets[i][0]) * factor(sources[j][0]);
  }
  return a;
}

double degree(const ExampleGraph& graph, std::size_t target) {
  return static_cast<double>(std::count_if(graph.list.begin(), graph.list.end(),
                                           [&](const ExampleEdge& edge) { return edge.target == static_cast<std::int64_t>(target); }));
}

TEST(GraphConv, GCN) {
  for (const EdgeNorm norm : {EdgeNorm::given, EdgeNorm::symmetric, EdgeNorm::both_ends}) {
    GCNConv layer(3, 2, {.normalize = norm, .dtype = f64});
    set_all(layer);
    on_all_graphs([&](const ExampleGraph& graph, const Edges& edges, const Tensor& x, const auto& weight) {
      const Rows a = adjacency(graph, weight);
      const Rows hidden = times(rows_of(x), value(layer, "linear.weight"));
      expect_rows(layer(x, edges), plus_bias(along(norm == EdgeNorm::given ? a : normalised(a, norm), hidden, 2), layer.find("bias")));
    });
  }
}

Rows aggregated(const ExampleGraph& graph, const Rows& x, Reduce how, const std::function<double(const ExampleEdge&)>& weight) {
  const std::size_t width = x.empty() ? 0 : x[0].size();
  Rows y = zero_rows(static_cast<std::size_t>(graph.targets), width);
  if (how == Reduce::max) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (degree(graph, i) > 0) y[i].assign(width, -INFINITY);
    }
    for (const ExampleEdge& edge : graph.list) {
      for (std::size_t k = 0; k < width; ++k) {
        double& best = y[static_cast<std::size_t>(edge.target)][k];
        best = std::max(best, weight(edge) * x[static_cast<std::size_t>(edge.source)][k]);
      }
    }
    return y;
  }
  y = along(adjacency(graph, weight), x, width);
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (double& element : y[i]) element /= how == Reduce::mean ? std::max(1.0, degree(graph, i)) : 1;
  }
  return y;
}

TEST(GraphConv, SAGE) {
  for (const Reduce how : {Reduce::sum, Reduce::mean, Reduce::max}) {
    SAGEConv layer(3, 2, {.aggregate = how, .dtype = f64});
    set_all(layer);
    on_all_graphs([&](const ExampleGraph& graph, const Edges& edges, const Tensor& x, const auto& weight) {
      const Rows neighbours = times(aggregated(graph, rows_of(x), how, weight), value(layer, "neighbours.weight"));
      const Rows own = times(rows_of(x), value(layer, "self.weight"));
      expect_rows(layer(x, edges), plus_bias(plus(neighbours, own), layer.find("bias")));
    });
  }
  SAGEConv plain(3, 2, {.self_weights = false, .normalize = true, .bias = false, .dtype = f64});
  EXPECT_EQ(plain.parameters().size(), 1U);
  const ExampleGraph graph = example_graphs()[0];
  const Rows y = rows_of(plain(filled({5, 3}, 0.1), graph.edges(false)));
  EXPECT_NEAR(std::hypot(y[0][0], y[0][1]), 1, 1e-12);
  EXPECT_EQ(y[1], (std::vector<double>{0, 0}));  // nothing came: no length, no NaN
}

TEST(GraphConv, SAGEFromSourcesToFewerTargets) {
  const ExampleGraph graph{"sampled", 4, 2, {{3, 0, 1}, {2, 0, 1}, {3, 1, 1}}};
  SAGEConv layer(3, 2, {.dtype = f64});
  set_all(layer);
  const Tensor x = filled({4, 3}, 0.4), targets = x.slice(0, 0, 2);
  const Rows neighbours =
      times(aggregated(graph, rows_of(x), Reduce::mean, [](const ExampleEdge&) { return 1; }), value(layer, "neighbours.weight"));
  const Rows own = times(rows_of(targets), value(layer, "self.weight"));
  expect_rows(layer(x, targets, graph.edges(false)), plus_bias(plus(neighbours, own), layer.find("bias")));
  expect_error([&] { GCNConv(3, 2, {.dtype = f64})(x, targets, graph.edges(false)); }, "4 sources and 2 targets have no symmetric");
  expect_error([&] { SGConv(3, 2, {.dtype = f64})(x, targets, graph.edges(false)); }, "between the same vertices");
}

double leaky(double x, double slope) { return x > 0 ? x : slope * x; }

// Attention by score(source, target, edge, head), heads of `out` features each.
Rows attended(const ExampleGraph& graph, const Rows& values, std::size_t heads, std::size_t out, bool concat,
              const std::function<double(std::size_t, std::size_t, std::size_t, std::size_t)>& score) {
  Rows y = zero_rows(static_cast<std::size_t>(graph.targets), concat ? heads * out : out);
  for (std::size_t target = 0; target < y.size(); ++target) {
    for (std::size_t head = 0; head < heads; ++head) {
      double total = 0;
      std::vector<double> mixed(out, 0);
      for (std::size_t e = 0; e < graph.list.size(); ++e) {
        if (graph.list[e].target != static_cast<std::int64_t>(target)) continue;
        const auto source = static_cast<std::size_t>(graph.list[e].source);
        const double weight = std::exp(score(source, target, e, head));
        total += weight;
        for (std::size_t k = 0; k < out; ++k) mixed[k] += weight * values[source][head * out + k];
      }
      for (std::size_t k = 0; k < out && total > 0; ++k)
        y[target][concat ? head * out + k : k] += mixed[k] / total / (concat ? 1 : static_cast<double>(heads));
    }
  }
  return y;
}

TEST(GraphConv, GATAndGATv2) {
  constexpr std::size_t heads = 2, out = 3;
  for (const bool concat : {true, false}) {
    for (const std::int64_t features : {0, 2}) {
      const GATOptions options{.heads = heads, .concat = concat, .negative_slope = 0.3, .edge_features = features, .dtype = f64};
      GATConv first(3, out, options);
      GATv2Conv second(3, out, options);
      set_all(first);
      set_all(second);
      for (const ExampleGraph& graph : example_graphs()) {
        SCOPED_TRACE(graph.name);
        Edges edges = graph.edges(false);
        const Tensor x = filled({graph.sources, 3}, 0.1);
        if (features > 0) edges.features = filled({static_cast<std::int64_t>(graph.list.size()), features}, 2);
        const auto dot = [](const Rows& rows, std::size_t row, const Rows& attention, std::size_t head) {
          double total = 0;
          for (std::size_t k = 0; k < out; ++k) total += rows[row][head * out + k] * attention[head][k];
          return total;
        };
        {
          const Rows values = times(rows_of(x), value(first, "linear.weight"));
          const Rows of_edges = features > 0 ? times(rows_of(edges.features), value(first, "edge.weight")) : Rows();
          const Rows a_source = value(first, "attention_source"), a_target = value(first, "attention_target");
          const Rows wanted = attended(graph, values, heads, out, concat, [&](std::size_t s, std::size_t t, std::size_t e, std::size_t h) {
            const double edge = features > 0 ? dot(of_edges, e, value(first, "attention_edge"), h) : 0;
            return leaky(dot(values, s, a_source, h) + dot(values, t, a_target, h) + edge, 0.3);
          });
          expect_rows(first(x, edges), plus_bias(wanted, first.find("bias")));
        }
        const Rows source = plus_bias(times(rows_of(x), value(second, "source.weight")), second.find("source.bias"));
        const Rows target = plus_bias(times(rows_of(x), value(second, "target.weight")), second.find("target.bias"));
        const Rows of_edges = features > 0 ? times(rows_of(edges.features), value(second, "edge.weight")) : Rows();
        const Rows attention = value(second, "attention");
        const Rows wanted = attended(graph, source, heads, out, concat, [&](std::size_t s, std::size_t t, std::size_t e, std::size_t h) {
          double total = 0;
          for (std::size_t k = h * out; k < (h + 1) * out; ++k) {
            total += leaky(source[s][k] + target[t][k] + (features > 0 ? of_edges[e][k] : 0), 0.3) * attention[h][k - h * out];
          }
          return total;
        });
        expect_rows(second(x, edges), plus_bias(wanted, second.find("bias")));
      }
    }
  }
  const ExampleGraph graph = example_graphs()[0];
  expect_error(
      [&] {
        GATConv(3, 2, {.edge_features = 2, .dtype = f64})(filled({5, 3}, 0), graph.edges(false));
      },
      "looks at features of edges");
  expect_error([] { GATConv(3, 2, {.heads = 0}); }, "0 heads");
}

TEST(GraphConv, GIN) {
  auto network = std::make_unique<Sequential>();
  network->then<Linear>("linear", 3, 2, LinearOptions{true, f64});
  GINConv layer(std::move(network), {.epsilon = 0.5, .train_epsilon = true, .dtype = f64});
  EXPECT_EQ(layer.find("epsilon").value().item(), 0.5);
  on_all_graphs([&](const ExampleGraph& graph, const Edges& edges, const Tensor& x, const auto& weight) {
    const Rows mixed = plus(along(adjacency(graph, weight), rows_of(x), 3), rows_of(x), 1.5);
    expect_rows(layer(x, edges), plus_bias(times(mixed, value(layer, "network.linear.weight")), layer.find("network.linear.bias")));
  });
}

TEST(GraphConv, MessagesWrittenByAUser) {
  for (const Reduce how : {Reduce::sum, Reduce::mean, Reduce::max}) {
    MessagePassing layer([](const Message& m) { return m.source - 2.0 * m.target; }, how,
                         [](const Tensor& aggregate, const Tensor& target) { return aggregate + 3.0 * target; });
    for (const ExampleGraph& graph : example_graphs()) {
      SCOPED_TRACE(graph.name);
      const Rows x = rows_of(filled({graph.sources, 3}, 0.1));
      Rows wanted = zero_rows(x.size(), 3);
      for (std::size_t i = 0; i < x.size(); ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
          double total = how == Reduce::max && degree(graph, i) > 0 ? -INFINITY : 0;
          for (const ExampleEdge& edge : graph.list) {
            if (edge.target != static_cast<std::int64_t>(i)) continue;
            const double message = x[static_cast<std::size_t>(edge.source)][k] - 2 * x[i][k];
            total = how == Reduce::max ? std::max(total, message) : total + message;
          }
          wanted[i][k] = total / (how == Reduce::mean ? std::max(1.0, degree(graph, i)) : 1) + 3 * x[i][k];
        }
      }
      expect_rows(layer(filled({graph.sources, 3}, 0.1), graph.edges(false)), wanted);
    }
  }
  MessagePassing wrong([](const Message& m) { return sum(m.source); });
  expect_error([&] { wrong(filled({5, 3}, 0), example_graphs()[0].edges(false)); }, "the message is f64[], there are 9 edges");
}

TEST(GraphConv, PropagationWithoutWeightsBetween) {
  SGConv simple(3, 2, {.steps = 3, .dtype = f64});
  APPNP teleporting({.steps = 4, .teleport = 0.2});
  on_all_graphs([&](const ExampleGraph& graph, const Edges& edges, const Tensor& x, const auto& weight) {
    const Rows a = normalised(adjacency(graph, weight), EdgeNorm::symmetric);
    Rows y = rows_of(x), z = y;
    for (int step = 0; step < 3; ++step) y = along(a, y, 3);
    for (int step = 0; step < 4; ++step) {
      z = along(a, z, 3);
      for (auto& row : z) {
        for (double& element : row) element *= 0.8;
      }
      z = plus(z, rows_of(x), 0.2);
    }
    expect_rows(simple(x, edges), plus_bias(times(y, value(simple, "linear.weight")), simple.find("linear.bias")));
    expect_rows(teleporting(x, edges), z);
  });
}

TEST(GraphConv, RelationalWithAndWithoutBases) {
  const std::vector<ExampleGraph> graphs{
      example_graphs()[0], {"no edges", 5, 5, {}}, {"another type", 5, 5, {{3, 1, 1}, {0, 3, 1}, {1, 3, 1}}}};
  std::vector<Edges> types;
  for (const ExampleGraph& graph : graphs) types.push_back(graph.edges(false));
  const Tensor x = filled({5, 3}, 0.1);
  const auto one = [](const ExampleEdge&) { return 1; };
  for (const std::int64_t bases : {0, 2}) {
    RGCNConv layer(3, 2, 3, {.bases = bases, .dtype = f64});
    set_all(layer);
    Rows wanted = times(rows_of(x), value(layer, "self.weight"));
    const Array weights = layer.find("weight").value().array();
    for (std::size_t type = 0; type < 3; ++type) {
      Rows w = zero_rows(2, 3);  // [out, in]
      for (std::size_t o = 0; o < 2; ++o) {
        for (std::size_t i = 0; i < 3; ++i) {
          for (std::int64_t b = 0; b < weights.size(0); ++b) {
            const double factor = bases == 0 ? static_cast<double>(b == static_cast<std::int64_t>(type))
                                             : value(layer, "mix")[type][static_cast<std::size_t>(b)];
            w[o][i] += factor * weights.get((b * 3 + static_cast<std::int64_t>(i)) * 2 + static_cast<std::int64_t>(o));
          }
        }
      }
      wanted = plus(wanted, times(aggregated(graphs[type], rows_of(x), Reduce::mean, one), w));
    }
    expect_rows(layer(x, types), plus_bias(wanted, layer.find("bias")));
  }
  RGCNConv layer(3, 2, 2, {.dtype = f64});
  expect_error([&] { layer(x, types); }, "edges of 3 types, the layer has weights for 2");
  expect_error([] { RGCNConv(3, 2, 2, {.aggregate = Reduce::max}); }, "sum or mean");
}

TEST(GraphConv, PoolingOverTheGraphsOfABatch) {
  const Tensor x = Tensor::of<double>({1, -2, 5, 4, 3, 0}, {3, 2}), offsets = Tensor::of<std::int64_t>({0, 2, 2, 3});
  expect_rows(pool_graphs(x, offsets, Reduce::sum), {{6, 2}, {0, 0}, {3, 0}});
  expect_rows(pool_graphs(x, offsets, Reduce::mean), {{3, 1}, {0, 0}, {3, 0}});
  expect_rows(pool_graphs(x, offsets, Reduce::max), {{5, 4}, {0, 0}, {3, 0}});
}

TEST(GraphConv, JumpingKnowledge) {
  const Tensor a = Tensor::of<double>({1, 4}, {1, 2}), b = Tensor::of<double>({3, 2}, {1, 2});
  expect_rows(jumping_knowledge({a, b}, Jumping::none), {{3, 2}});
  expect_rows(jumping_knowledge({a, b}, Jumping::concat), {{1, 4, 3, 2}});
  expect_rows(jumping_knowledge({a, b}, Jumping::max), {{3, 4}});
  expect_error([] { jumping_knowledge({}, Jumping::max); }, "no layers");
}

TEST(GraphConv, NetworksByName) {
  const ExampleGraph graph = example_graphs()[0];
  const Edges edges = graph.edges(false);
  const Tensor x = filled({5, 3}, 0.1);
  // The same features, as sparse rows.
  std::vector<ExampleEdge> entries;
  for (std::int64_t row = 0; row < 5; ++row) {
    for (std::int64_t column = 0; column < 3; ++column) entries.push_back({column, row, x.array().get(row * 3 + column)});
  }
  const Edges sparse = ExampleGraph{"features", 3, 5, entries}.edges(true);
  for (const std::string& model : graph_models()) {
    for (const Jumping jumping : {Jumping::none, Jumping::concat, Jumping::max}) {
      GraphNetwork net(3, 7, {.model = model, .layers = 3, .hidden = 8, .dropout = 0.5, .jumping = jumping, .dtype = f64});
      net.train(false);
      EXPECT_EQ(net(x, edges).type().to_string(), "f64[5,7]") << model;
      for (const auto& row : rows_of(net(x, edges))) {
        for (const double element : row) EXPECT_TRUE(std::isfinite(element)) << model;
      }
    }
    GraphNetwork net(3, 7, {.model = model, .hidden = 8, .sparse_input = true, .dtype = f64});
    EXPECT_EQ(net(sparse, edges).type().to_string(), "f64[5,7]") << model;
    expect_error([&] { net(x, edges); }, "made for sparse features");
  }
  SparseLinear encode(3, 2, {.dtype = f64});
  set_all(encode);
  expect_rows(encode(sparse), rows_of(matmul(x, encode.find("weight")) + encode.find("bias").value()));
  expect_error([] { GraphNetwork(3, 7, {.model = "gnc"}); }, "there is no graph network 'gnc'");
  expect_error([] { GraphNetwork(3, 7, {.model = "gat", .hidden = 6}); }, "does not divide into 4 heads");
  expect_error([] { GraphNetwork(3, 7, {.layers = 0}); }, "0 layers");
  GraphNetwork dense(3, 7, {.dtype = f64});
  expect_error([&] { dense(sparse, edges); }, "made for dense features");
}

}  // namespace
}  // namespace neap::graph_conv_test

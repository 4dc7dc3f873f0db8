// Layers of graph networks against PyTorch Geometric's with the same weights: what they give, and gradients of features, weights and
// features of edges, and parameters. tests/nn/peers/pyg_cases.py made what is expected; NEAP_GNN_PEERS names a file that it made elsewhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "neap/base/environment.h"
#include "neap/files/npz.h"
#include "neap/nn/gat_conv.h"
#include "neap/nn/gcn_conv.h"
#include "neap/nn/gin_conv.h"
#include "neap/nn/graph_pool.h"
#include "neap/nn/graph_propagation.h"
#include "neap/nn/jumping_knowledge.h"
#include "neap/nn/message_passing.h"
#include "neap/nn/rgcn_conv.h"
#include "neap/nn/sage_conv.h"
#include "neap/nn/sequential.h"
#include "neap/tensor/compile.h"
#include "tests/nn/graph_examples.h"

namespace neap::peers_test {
namespace {

constexpr DType f64 = DType::f64;
constexpr double tolerance = 1e-10;

// The graph of all cases, and what a layer may look at beside features of vertices.
struct Given {
  Edges edges;               // without weights and features
  std::vector<Edges> types;  // by type
  Tensor offsets;            // of the graphs of a batch
};

// A layer, or none, and how it is called.
struct Peer {
  std::unique_ptr<Module> layer;
  std::function<Tensor(const Given& given, const Tensor& x, const Tensor& weights, const Tensor& features)> run;
};

template <class L, class... Arguments>
Peer along_edges(bool weighted, bool featured, Arguments&&... arguments) {
  auto layer = std::make_unique<L>(std::forward<Arguments>(arguments)...);
  L* made = layer.get();
  return {std::move(layer), [=](const Given& given, const Tensor& x, const Tensor& weights, const Tensor& features) {
            Edges edges = given.edges;
            if (weighted) edges.weights = weights;
            if (featured) edges.features = features;
            return (*made)(x, edges);
          }};
}

Peer relational(RGCNOptions options) {
  auto layer = std::make_unique<RGCNConv>(3, 2, 3, options);
  RGCNConv* made = layer.get();
  return {std::move(layer), [=](const Given& given, const Tensor& x, const Tensor&, const Tensor&) { return (*made)(x, given.types); }};
}

Peer without_layer(std::function<Tensor(const Given& given, const Tensor& x)> run) {
  return {std::make_unique<Module>(), [=](const Given& given, const Tensor& x, const Tensor&, const Tensor&) { return run(given, x); }};
}

Peer perceptron_gin() {
  auto network = std::make_unique<Sequential>();
  network->then<Linear>("first", 3, 4, LinearOptions{true, f64}).then<Activation>("relu", "relu");
  network->then<Linear>("second", 4, 2, LinearOptions{true, f64});
  return along_edges<GINConv>(false, false, std::move(network), GINOptions{.train_epsilon = true, .dtype = f64});
}

// Wang et al. 2019, arXiv:1801.07829: max of h(target, source - target).
Peer edge_convolution() {
  auto inner = std::make_shared<Linear*>(nullptr);
  Peer peer = along_edges<MessagePassing>(
      false, false,
      [inner](const Message& m) {
        return (**inner)(concat({m.target, m.source - m.target}, 1));
      },
      Reduce::max);
  *inner = &static_cast<MessagePassing&>(*peer.layer).part<Linear>("inner", 6, 2, LinearOptions{true, f64});
  return peer;
}

Peer pool(Reduce how) {
  return without_layer([=](const Given& given, const Tensor& x) { return pool_graphs(x, given.offsets, how); });
}

Peer jumping(Jumping how) {
  return without_layer([=](const Given&, const Tensor& x) {
    return jumping_knowledge({x.slice(1, 0, 2), x.slice(1, 2, 4), x.slice(1, 4, 6)}, how);
  });
}

std::map<std::string, std::function<Peer()>> peers() {
  const auto gat = [](GATOptions options) {
    options.dtype = f64;
    return [=] { return along_edges<GATConv>(false, options.edge_features > 0, 3, 2, options); };
  };
  const auto gatv2 = [](GATOptions options) {
    options.dtype = f64;
    return [=] { return along_edges<GATv2Conv>(false, options.edge_features > 0, 3, 2, options); };
  };
  const auto sage = [](SAGEOptions options) {
    options.dtype = f64;
    return [=] { return along_edges<SAGEConv>(false, false, 3, 2, options); };
  };
  return {{"gcn", [] { return along_edges<GCNConv>(false, false, 3, 2, GCNOptions{.dtype = f64}); }},
          {"gcn_weighted", [] { return along_edges<GCNConv>(true, false, 3, 2, GCNOptions{.dtype = f64}); }},
          {"sage_mean", sage({.aggregate = Reduce::mean})},
          {"sage_sum", sage({.aggregate = Reduce::sum, .normalize = true})},
          {"sage_max", sage({.aggregate = Reduce::max})},
          {"gat", gat({.heads = 3})},
          {"gat_mean", gat({.heads = 2, .concat = false})},
          {"gat_features", gat({.heads = 2, .edge_features = 2})},
          {"gatv2", gatv2({.heads = 3})},
          {"gatv2_features", gatv2({.heads = 2, .concat = false, .edge_features = 2})},
          {"gatv2_shared", gatv2({.heads = 2, .share_weights = true})},
          {"gin", perceptron_gin},
          {"rgcn", [] { return relational({.dtype = f64}); }},
          {"rgcn_bases", [] { return relational({.bases = 2, .dtype = f64}); }},
          {"sgc", [] { return along_edges<SGConv>(true, false, 3, 2, SGOptions{.steps = 2, .dtype = f64}); }},
          {"appnp", [] { return along_edges<APPNP>(false, false, APPNPOptions{.steps = 4, .teleport = 0.15}); }},
          {"edge_convolution", edge_convolution},
          {"pool_sum", [] { return pool(Reduce::sum); }},
          {"pool_mean", [] { return pool(Reduce::mean); }},
          {"pool_max", [] { return pool(Reduce::max); }},
          {"jumping_concat", [] { return jumping(Jumping::concat); }},
          {"jumping_max", [] { return jumping(Jumping::max); }},
          {"edge_softmax", [] { return without_layer([](const Given& given, const Tensor& x) { return edge_softmax(x, given.edges); }); }}};
}

const NamedArrays& cases() {
  static const NamedArrays read = [] {
    const std::string elsewhere = environment_value("NEAP_GNN_PEERS");
    return read_npz(!elsewhere.empty() ? std::filesystem::path(elsewhere)
                                       : std::filesystem::path(NEAP_TESTS) / "nn" / "peers" / "pyg_cases.npz");
  }();
  return read;
}

Given given_graph() {
  ExampleGraph all{"all", 9, 9, {}};
  std::vector<ExampleGraph> types(3, all);
  for (std::int64_t e = 0; e < cases().at("sources").count(); ++e) {
    const ExampleEdge edge{cases().at("sources").get_int(e), cases().at("targets").get_int(e), 1};
    all.list.push_back(edge);
    types.at(static_cast<std::size_t>(cases().at("types").get_int(e))).list.push_back(edge);
  }
  Given given{all.edges(false), {}, cases().at("offsets")};
  for (const ExampleGraph& type : types) given.types.push_back(type.edges(false));
  return given;
}

void expect_close(const Array& got, const Array& wanted, const std::string& what) {
  ASSERT_EQ(got.sizes(), wanted.sizes()) << what;
  for (std::int64_t i = 0; i < got.count(); ++i) {
    ASSERT_NEAR(got.get(i), wanted.get(i), tolerance * std::max(1.0, std::abs(wanted.get(i)))) << what << ", element " << i;
  }
}

class Peers : public testing::TestWithParam<std::string> {
 protected:
  static const Array& at(const std::string& key) { return cases().at(GetParam() + "/" + key); }
  static bool has(const std::string& key) { return cases().contains(GetParam() + "/" + key); }
};

TEST_P(Peers, TheSameWeightsGiveTheSameResultsAndGradients) {
  const Peer peer = peers().at(GetParam())();
  const Given given = given_graph();
  for (Parameter* parameter : peer.layer->parameters()) parameter->set(at("parameter/" + parameter->name()));
  const Tensors arguments{at("x"), cases().at("weights"), cases().at("features")};
  const Function loss = [&](const Tensors& all) {
    const Tensor y = peer.run(given, all[0], all[1], all[2]);
    return Tensors{sum(y * Tensor(at("cotangent"))), y};
  };

  std::vector<int> positions{0};
  std::vector<std::string> names{"gradient/x"};
  for (const auto& [position, name] : {std::pair(1, "gradient/weights"), std::pair(2, "gradient/features")}) {
    if (!has(name)) continue;
    positions.push_back(position);
    names.push_back(name);
  }
  const ValueAndGradients found = value_and_gradients(loss, positions)(arguments);
  expect_close(found.further.at(0).array(), at("y"), "the result");
  for (std::size_t i = 0; i < names.size(); ++i) expect_close(found.gradients[i].array(), at(names[i]), names[i]);

  const auto parameters = peer.layer->parameters();
  if (parameters.empty()) return;
  const ValueAndGradients of_parameters = value_and_gradients(*peer.layer, [&] { return loss(arguments)[0]; });
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    expect_close(of_parameters.gradients[i].array(), at("parameter_gradient/" + parameters[i]->name()), parameters[i]->name());
  }
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : peers()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(PyTorchGeometric, Peers, testing::ValuesIn(case_names()), [](const auto& info) { return info.param; });

TEST(PeerCases, EveryOneIsRun) {
  for (const auto& [key, array] : cases()) {
    if (!key.ends_with("/y")) continue;
    EXPECT_TRUE(peers().contains(key.substr(0, key.size() - 2))) << key;
  }
}

}  // namespace
}  // namespace neap::peers_test

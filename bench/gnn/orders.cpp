// Orders of vertices: what products with a graph gain by them where it has communities, the finding of the order paid for in 20 epochs; and
// whether the tool leaves a graph alone that has none. One thread.
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/graph_inputs.h"
#include "bench/harness.h"
#include "neap/gnn/reorder.h"

namespace neap::bench::orders_topic {
namespace {

constexpr std::int64_t width = 256;
constexpr int epochs = 20, products_an_epoch = 3;  // of a GCN of two layers: forward both, backward one

// A product with the graph and features of `width`, optimised as for training on that graph.
class Product {
 public:
  explicit Product(const gnn::Graph& graph) : edges_(graph), executable_(made(gnn::near_part(graph, {.row_bytes = 4 * width}))) {
    inputs_.push_back(random_array({edges_.vertices, width}, 1));
    inputs_.insert(inputs_.end(), edges_.arrays.begin(), edges_.arrays.end());
  }
  void run() { executable_.run(inputs_); }

 private:
  Executable made(double near) const {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {edges_.vertices, width}, {}});
    const std::vector<Var> e = edges_.inputs(build, Role::input);
    graph.add_output(build.call("spmm", {x, e[0], e[1], e[2], e[3], e[4], e[5]}).id(), "y");
    Optimizer optimizer(graph, CostModel().gathering_near(near));
    optimizer.optimize();
    return generated(optimizer.graph());
  }
  EdgeArrays edges_;
  std::vector<Array> inputs_;
  Executable executable_;
};

// One order: products alone, and with the finding of the order in each of the epochs' products.
void measure(Rows& rows, const gnn::Graph& graph, Product& before, gnn::Order order, bool judged) {
  gnn::OrderChoice choice;
  gnn::Graph there;
  const double finding = once_seconds([&] {
    choice = gnn::choose_order(graph, order, {.row_bytes = 4 * width});
    there = choice.order == gnn::Order::none ? graph : gnn::reordered(graph, choice.vertices);
  });
  Product after(there);
  const auto seconds =
      interleave({{"before", [&] { before.run(); }}, {"after", [&] { after.run(); }}}, {.rounds = 5, .seconds = 0, .clock = Clock::thread});
  std::vector<double> with_finding = seconds[1];
  for (double& one : with_finding) one += finding / (epochs * products_an_epoch);
  const std::string name =
      order == gnn::Order::automatic ? fmt::format("  automatic: {}", gnn::name(choice.order)) : fmt::format("  {}", gnn::name(order));
  rows.add(against(name, "ms", 1e3, seconds[1], seconds[0], fmt::format("as given; predicted {:.2f}", choice.gain), std::nullopt));
  rows.add(against(fmt::format("    with the {:.2f} s of finding it, {} epochs", finding, epochs), "ms", 1e3, with_finding, seconds[0],
                   "as given", judged ? std::optional(1.4) : std::nullopt));
}

void run(Rows& rows) {
  const Threads one(1);
  for (const std::int64_t communities : {400, 1}) {
    const gnn::Graph graph =
        gnn::power_law_communities(
            {.vertices = 169343, .entries = 2484941, .communities = communities, .inside = 0.75, .features = 0, .classes = 1}, 1)
            .graph;
    Product before(graph);
    rows.add({.name = communities > 1 ? "a graph with communities, in no order" : "a graph without communities", .metric = ""});
    if (communities > 1) {
      for (const gnn::Order order :
           {gnn::Order::degree, gnn::Order::reverse_cuthill_mckee, gnn::Order::community, gnn::Order::partition, gnn::Order::automatic})
        measure(rows, graph, before, order, order == gnn::Order::automatic);
    } else {
      const bool refused = gnn::choose_order(graph, gnn::Order::automatic, {.row_bytes = 4 * width}).order == gnn::Order::none;
      rows.add({.name = "  automatic: left as it is", .metric = "yes", .ours = refused ? 1.0 : 0.0, .ratio = refused ? 1 : 0, .target = 1});
    }
  }
}

const RegisterTopic topic{{"orders", "orders of vertices: what they bring a sparse product, 256 wide, on the graph like ogbn-arxiv", run}};

}  // namespace
}  // namespace neap::bench::orders_topic

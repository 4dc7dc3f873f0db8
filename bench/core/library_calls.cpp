// Convolutions and matrix products through Neap against oneDNN called bare, one thread; and what a call costs beside its work.
#include "bench/core/bare.h"
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"

namespace neap::bench::library_calls_topic {
namespace {

struct Layer {
  std::int64_t in, out, size, kernel;
};

Row convolution(const Layer& layer) {
  const auto [in, out, size, kernel] = layer;
  const Array x = random_array({1, in, size, size}, 1), w = random_array({out, in, kernel, kernel}, 2), bias = random_array({out}, 3);
  Graph graph;
  Builder build(graph);
  const Layout last = Layout::channels_last(4);
  const Var input = build.input("x", {DType::f32, {1, in, size, size}, last});
  const std::vector<std::int64_t> pads(4, kernel / 2);
  const Var y = build.call("conv", {input, build.constant(w), build.constant(bias)}, {{"pads", pads}});
  graph.add_output(y.id(), "y");
  graph.set_type(y.id(), {DType::f32, y.shape(), last});
  Executable ours = executable_of(graph);
  const BareConvolution::Shape shape{.in = in, .out = out, .size = size, .kernel = kernel};
  const AgainstBare taken = against_bare("convolution", ours, shape, x, w, bias);
  return against(fmt::format("convolution {}x{}, {} -> {} at {}x{}", kernel, kernel, in, out, size, size), "us", 1e6, taken.ours,
                 taken.other, taken.other_name, 0.97);
}

struct Product {
  Array a, b;
  Executable ours;
  BareMatmul bare;

  Product(std::int64_t rows, std::int64_t inner, std::int64_t columns)
      : a(random_array({rows, inner}, 1)),
        b(random_array({inner, columns}, 2)),
        ours(executable_of(graph(rows, inner, columns))),
        bare(a, b) {
    bare.run();
    bare.check(ours.run({a, b})[0], "matrix product");
  }
  static Graph graph(std::int64_t rows, std::int64_t inner, std::int64_t columns) {
    Graph made;
    Builder build(made);
    const Var x = build.input("a", {DType::f32, {rows, inner}, {}}), y = build.input("b", {DType::f32, {inner, columns}, {}});
    made.add_output(matmul(x, y).id(), "y");
    Node node = *made.nodes()[0];
    node.implementation = "onednn";  // also where loops of our own would be quicker: the call is what is measured
    made.replace_node(0, std::move(node));
    return made;
  }
  std::vector<std::vector<double>> measure() {
    return interleave({{"neap", [&] { ours.run({a, b}); }}, {"oneDNN", [&] { bare.run(); }}}, {.clock = Clock::thread});
  }
};

void run(Rows& rows) {
  const Threads one(1);
  for (const Layer& layer : {Layer{64, 64, 56, 3},
                             {128, 128, 28, 3},
                             {256, 256, 14, 3},
                             {512, 512, 7, 3},
                             {256, 64, 56, 1},
                             {24, 144, 56, 1},
                             {112, 672, 14, 1},
                             {40, 160, 7, 1}}) {
    rows.add(convolution(layer));
  }
  for (const auto& [m, k, n] : {std::array<std::int64_t, 3>{512, 512, 512}, {128, 784, 512}, {1024, 64, 1024}}) {
    const auto seconds = Product(m, k, n).measure();
    rows.add(against(fmt::format("matmul {}x{} {}x{}", m, k, k, n), "us", 1e6, seconds[0], seconds[1], "oneDNN", 0.97));
  }
  const auto seconds = Product(4, 4, 4).measure();
  std::vector<double> difference;
  for (std::size_t i = 0; i < seconds[0].size(); ++i) difference.push_back(seconds[0][i] - seconds[1][i]);
  rows.add(below("overhead of a call (4x4 matmul - oneDNN's)", "us", 1e6, difference, 5));
}

const RegisterTopic topic{{"library_calls", "convolutions and matrix products, one thread", run}};

}  // namespace
}  // namespace neap::bench::library_calls_topic

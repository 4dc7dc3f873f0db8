// Neap's part in the comparison of sparse networks with peers (sparse_compare.py). `bench_sparse_worker FOLDER` writes there what the peers
// take: the matrix, input and result of each layer, and BERT-base's dense encoder as ONNX. Then it takes its turns (answer.h).
#include <filesystem>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/peers/answer.h"
#include "bench/sparse/bert_encoder.h"
#include "neap/files/npy.h"
#include "neap/layouts/packing.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/builder.h"

namespace neap::bench {
namespace {

namespace fs = std::filesystem;

struct LayerShape {
  std::int64_t rows, columns, tokens;
};
constexpr LayerShape shapes[] = {{768, 768, 384}, {3072, 768, 384}, {768, 3072, 384}, {768, 768, 1024}};

// Seeded, 95 % of its elements 0.
Array sparse_weights(std::int64_t rows, std::int64_t columns) {
  constexpr double density = 0.05;
  Array weights = random_array({rows, columns}, 1);
  const Array chance = random_array({rows, columns}, 2, 0, 1);
  for (std::int64_t i = 0; i < weights.count(); ++i) {
    if (chance.get(i) >= density) weights.set(i, 0);
  }
  return weights;
}

// x W^T + bias for x [tokens, columns], with W stored by rows.
Graph layer(const LayerShape& shape, const Array& weights, const Array& bias) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {shape.tokens, shape.columns}, {}});
  const LayoutChoice csr = LayoutChoice::parse("csr");
  std::vector<Var> components;
  for (const Array& component : csr.pack(weights, nonzero(weights))) components.push_back(build.constant(component));
  const Var w = build.call("csr_dense", components, attributes_of(csr, {shape.rows, shape.columns}));
  graph.add_output((build.call("matmul", {x, w}, {{"transpose_b", true}}) + build.constant(bias)).id(), "y");
  return graph;
}

Maker layer_work(const fs::path& folder, const LayerShape& shape, int threads) {
  const Array weights = sparse_weights(shape.rows, shape.columns), bias = random_array({shape.rows}, 3),
              x = random_array({shape.tokens, shape.columns}, 4);
  fs::create_directories(folder);
  write_npy(folder / "weights.npy", weights);
  write_npy(folder / "bias.npy", bias);
  write_npy(folder / "x.npy", x);
  return [=] {
    const auto made = std::make_shared<Executable>(executable_of(layer(shape, weights, bias)));
    write_npy(folder / "y.npy", made->run({x})[0]);
    return Work{[made, x] { made->run({x}); }, threads};
  };
}

Maker bert_work(const fs::path& folder, const std::string& sparsifier) {
  return [=] {
    const Array x = random_array({bert_batch, bert_positions, 768}, 1);
    const Graph graph = bert_graph(sparsifier);
    const auto made = std::make_shared<Executable>(executable_of(graph));
    if (sparsifier.empty()) {
      write_onnx(graph, folder / "bert.onnx");
      write_npy(folder / "bert_x.npy", x);
      write_npy(folder / "bert_y.npy", made->run({x})[0]);
    }
    return Work{[made, x] { made->run({x}); }};
  };
}

constexpr const char* program = "bench_sparse_worker";

void run(const std::vector<std::string>& arguments) {
  const fs::path folder = only_folder(program, arguments);
  fs::create_directories(folder);
  std::map<std::string, Maker> makers{{"bert", bert_work(folder, "")},
                                      {"bert_2:4:16", bert_work(folder, "nmg n=2 m=4 g=16")},
                                      {"bert_2:8:14", bert_work(folder, "nmg n=2 m=8 g=14")},
                                      {"bert_1:10:16", bert_work(folder, "nmg n=1 m=10 g=16")},
                                      {"bert_4x1", bert_work(folder, "blocks r=4 c=1 sparsity=0.9")}};
  for (const LayerShape& shape : shapes) {
    const std::string name = fmt::format("csr_{}_{}_{}", shape.rows, shape.columns, shape.tokens);
    for (const int threads : {1, 2}) makers[fmt::format("{}_{}", name, threads)] = layer_work(folder / name, shape, threads);
  }
  answer(makers);
}

}  // namespace
}  // namespace neap::bench

int main(int count, char** arguments) { return neap::bench::run_worker(neap::bench::program, count, arguments, neap::bench::run); }

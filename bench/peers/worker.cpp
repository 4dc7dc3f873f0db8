// Neap's part in the comparison with peers (compare.py). `bench_worker FOLDER` writes what the peers run there (ONNX models, the first
// parameters, pictures and results as npy), and then takes its turns (answer.h).
#include <filesystem>
#include <map>

#include "bench/core/depthwise_layers.h"
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/peers/answer.h"
#include "neap/files/npy.h"
#include "neap/onnx/onnx.h"
#include "neap/tensor/functions.h"
#include "neap/train/step.h"

namespace neap::bench {
namespace {

namespace fs = std::filesystem;

Maker training_step_work() {
  return [] {
    const DemoStep demo = demo_step(128);
    return Work{[step = std::make_shared<Executable>(executable_of(demo.graph)), inputs = demo.inputs] { step->run(inputs); }};
  };
}

Graph inference(Layer& network, std::int64_t batch) { return inference_graph(network, {"images", {DType::f32, {batch, 1, 28, 28}, {}}}); }

Maker inference_work(const fs::path& folder, std::int64_t batch) {
  const auto network = efficient_net_28();
  network->initialize(1);
  const Graph graph = inference(*network, batch);
  const Array pictures = random_array({batch, 1, 28, 28}, 5, 0, 1);
  write_onnx(graph, folder / fmt::format("inference_{}.onnx", batch));
  write_npy(folder / fmt::format("pictures_{}.npy", batch), pictures);
  return [graph, pictures, folder, batch] {
    const auto made = std::make_shared<Executable>(executable_of(graph));
    write_npy(folder / fmt::format("logits_{}.npy", batch), made->run({pictures})[0]);
    return Work{[made, pictures] { made->run({pictures}); }};
  };
}

void write_parameters(const fs::path& folder) {
  const auto network = efficient_net_28();
  network->initialize(1);
  int k = 0;
  for (const Parameter* parameter : network->parameters())
    write_npy(folder / fmt::format("parameter_{:03}.npy", k++), parameter->value().array());
}

// ONNX Runtime's time of one layer is that of a longer chain less that of one, so that the change of layout at its borders does not count.
Maker depthwise_work(const fs::path& folder, const DepthwiseLayer& layer, const std::string& name) {
  for (const int count : {1, 6}) write_onnx(depthwise_chain(layer, count, {}), folder / fmt::format("{}_{}.onnx", name, count));
  return [layer] {
    const Array x = random_array({1, layer.channels, layer.size, layer.size}, 1);
    const auto made = std::make_shared<Executable>(executable_of(depthwise_chain(layer, 1, Layout::channels_last(4))));
    return Work{[made, x] { made->run({x}); }, 1};
  };
}

// PP-OCRv4's text detection, from the file that the script put there.
Maker detection_work(const fs::path& folder, int threads) {
  return [folder, threads] {
    constexpr std::int64_t side = 640;
    OnnxReadOptions options;
    for (const Input& input : read_onnx(folder / "detection.onnx").inputs) options.shapes[input.name] = {1, 3, side, side};
    const Array picture = random_array({1, 3, side, side}, 7);
    const auto made = std::make_shared<Executable>(executable_of(read_onnx(folder / "detection.onnx", options)));
    write_npy(folder / "detection_picture.npy", picture);
    write_npy(folder / "detection_map.npy", made->run({picture})[0]);
    return Work{[made, picture] { made->run({picture}); }, threads};
  };
}

Maker chain_work() {
  return [] {
    return Work{[x = Tensor(random_array({1000000}, 1))] {
      Tensor y = swish(x * 1.5F + 0.25F);
      y = y * y - 0.5F;
      (maximum(y, y * 0.1F) * 2.0F).array();
    }};
  };
}

Maker sums_work(int axis) {
  return [axis] { return Work{[axis, x = Tensor(random_array({1000, 1000}, 1))] { sum(x, {axis}).array(); }}; };
}

constexpr const char* program = "bench_worker";

void run(const std::vector<std::string>& arguments) {
  const fs::path folder = only_folder(program, arguments);
  fs::create_directories(folder);
  write_parameters(folder);
  std::map<std::string, Maker> makers{
      {"training_step", training_step_work()}, {"chain", chain_work()}, {"sums_of_rows", sums_work(1)}, {"sums_of_columns", sums_work(0)}};
  for (const std::int64_t batch : {1, 128}) makers[fmt::format("inference_{}", batch)] = inference_work(folder, batch);
  for (const int threads : {1, 2}) makers[fmt::format("detection_{}", threads)] = detection_work(folder, threads);
  for (const DepthwiseLayer& layer : depthwise_layers) {
    const std::string name = fmt::format("depthwise_{}x{}_k{}", layer.channels, layer.size, layer.kernel);
    makers[name] = depthwise_work(folder, layer, name);
  }
  answer(makers);
}

}  // namespace
}  // namespace neap::bench

int main(int count, char** arguments) { return neap::bench::run_worker(neap::bench::program, count, arguments, neap::bench::run); }

// What is bound by memory: fused chains out of cache against a plain copy that moves as many bytes, on all threads.
#include <omp.h>

#include <cstring>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"

namespace neap::bench::bandwidth_topic {
namespace {

// Copies half the bytes from one half of a buffer to the other, on all threads: reads + writes are `bytes`.
class StreamCopy {
 public:
  explicit StreamCopy(std::int64_t bytes) : memory_(Array::zeros(DType::u8, {bytes})) {}
  void run() {
    const auto half = static_cast<std::size_t>(memory_.bytes() / 2);
    std::byte* const start = memory_.raw();
#pragma omp parallel num_threads(thread_count())
    {
      const std::size_t team = static_cast<std::size_t>(omp_get_num_threads()), me = static_cast<std::size_t>(omp_get_thread_num());
      const std::size_t from = half * me / team, to = half * (me + 1) / team;
      std::memcpy(start + half + from, start + from, to - from);
    }
  }

 private:
  Array memory_;
};

Row against_copy(const std::string& name, const Graph& graph, const std::vector<Array>& inputs, std::int64_t bytes) {
  Executable ours = executable_of(graph);
  StreamCopy copy(bytes);
  const auto seconds = interleave({{"neap", [&] { ours.run(inputs); }}, {"copy", [&] { copy.run(); }}}, {.seconds = 0});
  Row row = against(name, "GB/s", 1, seconds[0], seconds[1], "copy of as many bytes", 0.8);
  row.ours = static_cast<double>(bytes) * 1e-9 / row.ours;
  row.other = static_cast<double>(bytes) * 1e-9 / *row.other;
  return row;
}

// y is written where the state was, so that no fresh pages are part of the measurement.
Row chain() {
  constexpr std::int64_t count = std::int64_t{1} << 24;
  Graph graph;
  Builder build(graph);
  const Type type{DType::f32, {count}, {}};
  const Var x = build.input("x", type);
  build.input("y", type, Role::state);
  Var y = x * 1.5 + 0.25;
  y = unary("swish", y);
  y = y * y - 0.5;
  y = build.call("maximum", {y, y * 0.1});
  graph.add_output((y * 2.0).id(), "next/y", 1);
  return against_copy("chain of 8 on 2^24 elements", graph, {random_array({count}, 1), Array::zeros(DType::f32, {count})}, 2 * count * 4);
}

Row layer_norm() {
  constexpr std::int64_t rows = 16384, width = 768;
  Graph graph;
  Builder build(graph);
  const Type type{DType::f32, {rows, width}, {}}, row{DType::f32, {width}, {}};
  const Var x = build.input("x", type), residual = build.input("residual", type), scale = build.input("scale", row),
            bias = build.input("bias", row);
  build.input("y", type, Role::state);
  graph.add_output(build.call("layer_norm", {x + residual, scale, bias}).id(), "next/y", 4);
  const Sizes sizes{rows, width};
  return against_copy(
      "layer norm + residual, 16384 x 768", graph,
      {random_array(sizes, 1), random_array(sizes, 2), random_array({width}, 3), random_array({width}, 4), Array::zeros(DType::f32, sizes)},
      3 * rows * width * 4);
}

const RegisterTopic topic{{"bandwidth", "fused chains out of cache against a stream copy", [](Rows& rows) {
                             rows.add(chain());
                             rows.add(layer_norm());
                           }}};

}  // namespace
}  // namespace neap::bench::bandwidth_topic

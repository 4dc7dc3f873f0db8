// Code on tensors that runs at once: what one small operator costs beside its work, and what larger ones do a second against a copy.
#include "neap/runtime/at_once.h"

#include <cstring>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/tensor/functions.h"

namespace neap::bench::at_once_topic {
namespace {

void overhead(Rows& rows) {
  const Tensor a(random_array({16}, 1)), b(random_array({16}, 2));
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", a.type()), y = build.input("y", b.type());
  graph.add_output((x + y).id(), "z");
  const std::vector<Array> inputs{a.array(), b.array()};
  const auto seconds =
      interleave({{"tensor", [&] { (a + b).array(); }}, {"graph", [&] { run_at_once(graph, inputs); }}}, {.clock = Clock::thread});
  rows.add(below("tensors: a + b of 16 elements", "us", 1e6, seconds[0], 3));
  rows.add(below("a graph of that, at once", "us", 1e6, seconds[1], 3));
}

// One operator on an array, in cache: elements read and written a second against those of a copy.
Row against_copy(const std::string& name, const Sizes& sizes, const std::function<Var(Builder&, const Var&)>& function) {
  const Array input = random_array(sizes, 1);
  Graph graph;
  Builder build(graph);
  graph.add_output(function(build, build.input("x", {DType::f32, Shape(sizes.begin(), sizes.end()), {}})).id(), "y");
  const std::int64_t bytes = input.bytes() + run_at_once(graph, {input})[0].bytes();
  const Array from = Array::zeros(DType::u8, {bytes / 2}), to = Array::zeros(DType::u8, {bytes / 2});
  const auto seconds =
      interleave({{"neap", [&] { run_at_once(graph, {input}); }},
                  {"copy", [&] { std::memcpy(const_cast<std::byte*>(to.raw()), from.raw(), static_cast<std::size_t>(from.bytes())); }}},
                 {.clock = Clock::thread});
  return against(name, "us", 1e6, seconds[0], seconds[1], "copy of as many bytes", std::nullopt);
}

void run(Rows& rows) {
  const Threads one(1);
  overhead(rows);
  rows.add(against_copy("softmax, 1000x1000", {1000, 1000}, [](Builder& build, const Var& x) { return build.call("softmax", {x}); }));
  rows.add(against_copy("sum of rows, 1000x1000", {1000, 1000}, [](Builder& build, const Var& x) {
    return build.call("sum", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  }));
  rows.add(against_copy("sum of columns, 1000x1000", {1000, 1000}, [](Builder& build, const Var& x) {
    return build.call("sum", {x}, {{"axes", std::vector<std::int64_t>{0}}});
  }));
  rows.add(against_copy("transpose, 1000x1000", {1000, 1000}, [](Builder& build, const Var& x) {
    return build.call("transpose", {x}, {{"permutation", std::vector<std::int64_t>{1, 0}}});
  }));
  rows.add(against_copy("max pool 3x3 of stride 2, 1x64x112x112", {1, 64, 112, 112}, [](Builder& build, const Var& x) {
    return build.call("max_pool", {x},
                      {{"kernel_size", std::vector<std::int64_t>{3, 3}},
                       {"strides", std::vector<std::int64_t>{2, 2}},
                       {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  }));
}

const RegisterTopic topic{{"at_once", "without a compiler, one thread: overhead, and single operators", run}};

}  // namespace
}  // namespace neap::bench::at_once_topic

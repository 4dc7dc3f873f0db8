// Windows (convolutions, pooling) as generated loops: every instruction set, odd widths, borders on all sides, steps, dilations, both
// layouts, numbers that are none; against the interpreter.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neap/base/machine.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/runtime/relayout.h"
#include "tests/support/cases.h"

namespace neap::windows_test {
namespace {

using Sizes64 = std::vector<std::int64_t>;

struct Window {
  const char* op;
  Sizes sizes;  // of the input
  std::int64_t kernel, stride, pad, dilation;
  bool last;                // channels-last
  std::int64_t groups = 1;  // 0: depthwise
};

const Window windows[] = {
    {"conv", {1, 18, 9, 14}, 3, 1, 1, 1, true, 0},     {"conv", {2, 35, 7, 7}, 5, 1, 2, 1, true, 0},
    {"conv", {1, 16, 11, 13}, 3, 2, 1, 1, true, 0},    {"conv", {1, 5, 10, 9}, 3, 1, 2, 2, true, 0},
    {"conv", {1, 33, 3, 2}, 5, 1, 2, 1, true, 0},      {"conv", {1, 4, 8, 17}, 3, 1, 1, 1, false, 0},
    {"conv", {2, 3, 9, 8}, 3, 2, 1, 1, true, 1},       {"conv", {1, 6, 5, 40}, 3, 1, 0, 1, false, 2},
    {"conv", {1, 17, 5, 37}, 5, 1, 2, 1, true, 0},     {"conv", {2, 8, 4, 67}, 3, 2, 1, 1, true, 0},
    {"conv", {1, 16, 3, 42}, 3, 1, 2, 2, true, 0},     {"max_pool", {1, 9, 5, 45}, 3, 1, 1, 1, true},
    {"max_pool", {1, 19, 8, 15}, 3, 2, 1, 1, true},    {"max_pool", {2, 3, 7, 20}, 2, 2, 0, 1, false},
    {"average_pool", {1, 20, 9, 7}, 3, 1, 1, 1, true}, {"average_pool", {1, 2, 6, 33}, 3, 2, 1, 1, false},
};

Array numbers(const Sizes& sizes, bool special) {
  Array made(DType::f32, sizes);
  float* const to = made.values<float>().data();
  for (std::int64_t i = 0; i < made.count(); ++i) to[i] = static_cast<float>((i * 37 + 11) % 101) / 50 - 1;
  if (special) {
    to[made.count() / 3] = std::numeric_limits<float>::quiet_NaN();
    to[made.count() / 2] = std::numeric_limits<float>::infinity();
    to[made.count() - 1] = -std::numeric_limits<float>::infinity();
  }
  return made;
}

TEST(Windows, OnEveryInstructionSet) {
  for (const bool special : {false, true}) {
    Graph graph;
    Builder build(graph);
    std::vector<Array> inputs;
    const auto input = [&](const Sizes& sizes, Layout layout, bool odd) {
      inputs.push_back(numbers(sizes, odd));
      return build.input("x" + std::to_string(inputs.size()), {DType::f32, Shape(sizes.begin(), sizes.end()), std::move(layout)});
    };
    for (const Window& w : windows) {
      const Layout layout = w.last ? Layout::channels_last(4) : Layout{};
      const Var x = input(w.sizes, layout, special);
      Attributes attributes{{"strides", Sizes64(2, w.stride)}, {"pads", Sizes64(4, w.pad)}, {"dilations", Sizes64(2, w.dilation)}};
      Var y;
      if (std::string_view(w.op) == "conv") {
        const std::int64_t channels = w.sizes[1], groups = w.groups == 0 ? channels : w.groups, out = w.groups == 0 ? channels : 6;
        attributes["groups"] = groups;
        const Var filter = input({out, channels / groups, w.kernel, w.kernel}, w.last ? Layout::parse("cdba", 4) : Layout{}, false);
        y = build.call("conv", {x, filter, input({out}, {}, false)}, attributes);
      } else {
        attributes["kernel_size"] = Sizes64(2, w.kernel);
        y = build.call(w.op, {x}, attributes);
      }
      graph.add_output(y.id(), "y" + std::to_string(inputs.size()));
      graph.set_type(y.id(), {DType::f32, y.shape(), layout});
    }
    const std::vector<Array> wanted = interpret(graph, inputs);
    // As `run` takes them: laid out as their types say.
    std::vector<Array> laid;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      laid.emplace_back(DType::f32, inputs[i].sizes());
      from_row_major(inputs[i], laid[i].raw(), graph.type(graph.inputs[i].value), {});
    }
    for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (!supports(isa)) continue;
      ExecutableOptions options;
      options.isa = isa;
      Executable executable(lower_to_maps(graph), options);
      for (const NodeProfile& node : executable.profile()) ASSERT_EQ(node.how, "generated") << node.name;
      const std::vector<Array> got = executable.run(laid);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const Array plain = to_row_major(got[i].raw(), graph.type(graph.outputs[i].value), {});
        EXPECT_TRUE(testing::close(plain, wanted[i], 2e-5))
            << name(isa) << ", " << windows[i].op << " " << i << (special ? ", special" : "");
      }
    }
  }
}

}  // namespace
}  // namespace neap::windows_test

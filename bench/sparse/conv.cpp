// Convolutions by stored filters, pictures row-major, against oneDNN's dense ones, channels last: forward and both gradients.
#include <fmt/format.h>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/sparse/sparsifier.h"

namespace neap::bench::conv_topic {
namespace {

struct Layer {
  std::int64_t images, in, out, size, kernel;
  std::string text() const { return fmt::format("{}x{}, {} -> {} at {}x{}, {} images", kernel, kernel, in, out, size, size, images); }
};

struct Measured {
  Executable made;
  std::vector<Array> inputs;
  std::function<void()> runs() {
    return [this] { made.run(inputs); };
  }
};

// One call by an implementation, its pictures (values of four axes but filters) in this layout.
Measured measured(const std::string& op, const std::vector<Array>& operands, const Attributes& attributes, const std::string& how,
                  const Layout& pictures = {}) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> inputs;
  for (const Array& array : operands) {
    Type type = type_of(array);
    const bool filters = inputs.size() == 1 && op != "conv_weight_gradient";
    if (type.rank() == 4 && !filters) type.layout = pictures;
    inputs.push_back(build.input(fmt::format("x{}", inputs.size()), type));
  }
  const Var y = build.call(op, inputs, attributes);
  graph.add_output(y.id(), "y");
  if (y.rank() == 4 && op != "conv_weight_gradient") graph.set_type(y.id(), {y.dtype(), y.shape(), pictures});
  Node node = *graph.nodes()[0];
  node.implementation = how;
  graph.replace_node(0, std::move(node));
  return {Executable(graph), operands};
}

struct Form {
  const char *name, *sparsifier, *layout;
};

void compare(Rows& rows, const Layer& layer) {
  const Sizes filters{layer.out, layer.in, layer.kernel, layer.kernel}, size = matrix_sizes(filters);
  const Array x = random_array({layer.images, layer.in, layer.size, layer.size}, 1), w = random_array(filters, 2),
              dy = random_array({layer.images, layer.out, layer.size, layer.size}, 3);
  const Shape window{layer.kernel, layer.kernel}, picture{layer.size, layer.size};
  const Attributes pads{{"pads", std::vector<std::int64_t>(4, layer.kernel / 2)}};
  const auto with = [](Attributes attributes, const char* name, const Shape& value) {
    attributes[name] = value;
    return attributes;
  };
  const Layout last = Layout::channels_last(4);
  std::vector<Measured> dense;
  dense.push_back(measured("conv", {x, w}, pads, "onednn", last));
  dense.push_back(measured("conv_input_gradient", {dy, w}, with(pads, "input_size", picture), "onednn", last));
  dense.push_back(measured("conv_weight_gradient", {x, dy}, with(pads, "kernel_size", window), "onednn", last));
  for (const Form& form : {Form{"4 x 1 blocks, 90 % zeros", "blocks sparsity=0.9 r=4 c=1", "blocks r=4 c=1"},
                           {"CSR, 90 % zeros", "magnitude sparsity=0.9", "csr"},
                           {"2:4:16", "nmg n=2 m=4 g=16", "nmg n=2 m=4 g=16"},
                           {"2:4:16 as bf16", "nmg n=2 m=4 g=16", "nmg n=2 m=4 g=16 values=bf16"}}) {
    const LayoutChoice choice = LayoutChoice::parse(form.layout);
    const Array matrix = w.reshape(size);
    const std::vector<Array> stored = choice.pack(matrix, sparse::SparsifierChoice::parse(form.sparsifier).keep({.weights = matrix}));
    Attributes attributes = with(attributes_of(choice, {size[0], size[1]}), "window", window);
    attributes.insert(pads.begin(), pads.end());
    const auto operands = [&](std::vector<Array> front, std::size_t first) {
      front.insert(front.end(), stored.begin() + static_cast<std::ptrdiff_t>(first), stored.end());
      return front;
    };
    std::vector<Measured> ours;
    ours.push_back(measured(choice.layout->op("conv"), operands({x}, 0), attributes, "native"));
    ours.push_back(measured(choice.layout->op("conv_input"), operands({dy}, 0), with(attributes, "input_size", picture), "native"));
    if (!choice.values) ours.push_back(measured(choice.layout->op("conv_sample"), operands({dy, x}, 1), attributes, "native"));
    const char* const what[] = {"y", "dx", "dw"};
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const auto seconds = interleave({{"sparse", ours[i].runs()}, {"dense", dense[i].runs()}}, {.rounds = 9, .seconds = 0.01});
      rows.add(against(fmt::format("{}, {}, {}", layer.text(), form.name, what[i]), "us", 1e6, seconds[0], seconds[1], "oneDNN dense",
                       std::nullopt));
    }
  }
}

void run(Rows& rows) {
  for (const Layer& layer : {Layer{8, 64, 64, 56, 3}, {8, 256, 256, 14, 3}, {8, 512, 512, 7, 3}, {8, 256, 256, 14, 1}})
    compare(rows, layer);
}

const RegisterTopic topic{{"conv", "convolutions by stored filters: forward and both gradients", run}};

}  // namespace
}  // namespace neap::bench::conv_topic

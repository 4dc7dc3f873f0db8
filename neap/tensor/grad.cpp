#include "neap/tensor/grad.h"

#include "neap/autodiff/gradient.h"
#include "neap/base/error.h"
#include "neap/tensor/record.h"
#include "neap/tensor/trace.h"

namespace neap {
namespace {

// f's results on placeholders like `arguments`, as a graph; what f uses besides is captured.
struct Recorded {
  Graph graph;
  Tensors captured;
};
Recorded record(const Function& f, const Tensors& arguments) {
  const std::uint64_t start = next_sequence();
  std::vector<TracedInput> inputs;
  Tensors placeholders;
  for (const Tensor& argument : arguments) {
    const std::string name = fmt::format("x{}", placeholders.size());
    placeholders.push_back(Tensor::placeholder(argument.type(), name));
    inputs.push_back({placeholders.back(), name});
  }
  std::vector<TracedOutput> outputs;
  for (const Tensor& result : f(placeholders)) outputs.push_back({result, fmt::format("y{}", outputs.size())});
  if (outputs.empty()) throw Error("the function to differentiate gives nothing");
  Traced traced = to_graph(inputs, outputs, {.name = "function", .capture = true, .capture_before = start});
  return {std::move(traced.graph), std::move(traced.captured)};
}

Tensors joined(const Tensors& a, const Tensors& b, const Tensors& c = {}) {
  Tensors all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

}  // namespace

std::function<ValueAndGradients(const Tensors&)> value_and_gradients(Function f, std::vector<int> arguments) {
  return [f = std::move(f), arguments = std::move(arguments)](const Tensors& x) {
    std::vector<std::string> names;
    for (const int at : arguments) {
      if (at < 0 || at >= static_cast<int>(x.size()))
        throw Error(fmt::format("no argument {} to differentiate: there are {}", at, x.size()));
      names.push_back(fmt::format("x{}", at));
    }
    const Recorded recorded = record(f, x);
    const auto own = static_cast<std::ptrdiff_t>(recorded.graph.outputs.size());
    const Graph graph = gradient(recorded.graph, {.loss = "y0", .with_respect_to = names});
    const Tensors results = record_graph(graph, joined(x, recorded.captured));
    return ValueAndGradients{results.front(), {results.begin() + own, results.end()}, {results.begin() + 1, results.begin() + own}};
  };
}

Function gradients(Function f, std::vector<int> arguments) {
  return [g = value_and_gradients(std::move(f), std::move(arguments))](const Tensors& x) { return g(x).gradients; };
}

std::function<OutputsAndGradients(const Tensors&, const Tensors&)> vector_jacobian(Function f) {
  return [f = std::move(f)](const Tensors& x, const Tensors& cotangents) {
    const Recorded recorded = record(f, x);
    const std::size_t count = recorded.graph.outputs.size();
    if (cotangents.size() != count) throw Error(fmt::format("{} cotangents for {} results", cotangents.size(), count));
    std::vector<std::string> outputs, names;
    for (const Output& output : recorded.graph.outputs) outputs.push_back(output.name);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (is_float(x[i].dtype())) names.push_back(fmt::format("x{}", i));
    }
    const Graph graph = vjp(recorded.graph, outputs, names);
    const Tensors results = record_graph(graph, joined(x, recorded.captured, cotangents));
    OutputsAndGradients made;
    made.outputs.assign(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(count));
    std::size_t next = count;
    for (const Tensor& argument : x) made.gradients.push_back(is_float(argument.dtype()) ? results[next++] : Tensor());
    return made;
  };
}

}  // namespace neap

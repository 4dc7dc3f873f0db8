#include "neap/tensor/compile.h"

#include "neap/base/error.h"
#include "neap/ops/interpreter.h"
#include "neap/tensor/trace.h"
#include "neap/transform/optimizer.h"

namespace neap {

Executable make_executable(const Graph& graph, int level, DenseFallback fallback) {
  Optimizer optimizer(graph);
  optimizer.optimize(level);
  handle(graph, optimizer, level, fallback);
  return Executable(optimizer.graph(), {.compile = level > 0});
}

struct Compiled::State {
  Function f;
  CompileOptions options;
  std::map<std::string, Executable> executables;
  std::mutex mutex;  // one run at a time: an executable has one arena

  std::string signature(const Tensors& arguments) const {
    std::string text;
    for (const Tensor& argument : arguments) text += argument.type().to_string() + ";";
    return text;
  }

  void check(const Tensors& arguments) const {
    if (!options.arguments.empty() && arguments.size() != options.arguments.size()) {
      throw Error(fmt::format("{} arguments where {} were declared", arguments.size(), options.arguments.size()),
                  "compiled function " + options.name);
    }
  }

  Executable& executable(const Tensors& arguments) {
    check(arguments);
    const std::string key = options.arguments.empty() ? signature(arguments) : "";
    const auto found = executables.find(key);
    if (found != executables.end()) return found->second;
    std::vector<TracedInput> inputs;
    Tensors placeholders;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string name = fmt::format("x{}", i);
      placeholders.push_back(Tensor::placeholder(options.arguments.empty() ? arguments[i].type() : options.arguments[i], name));
      inputs.push_back({placeholders.back(), name});
    }
    std::vector<TracedOutput> outputs;
    for (const Tensor& result : f(placeholders)) outputs.push_back({result, fmt::format("y{}", outputs.size())});
    const Traced traced = to_graph(inputs, outputs, {.name = options.name});
    return executables.emplace(key, make_executable(traced.graph, options.level)).first->second;
  }
};

Compiled::Compiled(Function f, CompileOptions options) : state_(std::make_shared<State>()) {
  state_->f = std::move(f);
  state_->options = std::move(options);
}

Tensors Compiled::operator()(const Tensors& arguments) const {
  if (!computable(arguments)) return state_->f(arguments);
  const std::lock_guard lock(state_->mutex);
  std::vector<Array> given;
  evaluate(arguments);
  for (const Tensor& argument : arguments) given.push_back(argument.array());
  Tensors results;
  for (Array& result : state_->executable(arguments).run(given)) results.emplace_back(std::move(result));
  return results;
}

Graph Compiled::graph(const Tensors& arguments) const {
  const std::lock_guard lock(state_->mutex);
  return state_->executable(arguments).graph();
}

int Compiled::signatures() const { return static_cast<int>(state_->executables.size()); }

}  // namespace neap

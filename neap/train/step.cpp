#include "neap/train/step.h"

#include "neap/base/error.h"
#include "neap/nn/dropout.h"
#include "neap/sparse/format.h"
#include "neap/tensor/trace.h"

namespace neap {
namespace {

// Restores the mode of a module.
class ModeScope {
 public:
  ModeScope(Module& module, bool training) : module_(module), before_(module.training()) { module.train(training); }
  ~ModeScope() { module_.train(before_); }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  Module& module_;
  bool before_;
};

struct Trace {
  std::vector<TracedInput> inputs;
  Tensors placeholders;  // of the data
};

Trace data_inputs(const std::vector<StepInput>& inputs) {
  Trace trace;
  for (const StepInput& input : inputs) {
    if (input.name == "learning_rate" || input.name == "step" || input.name == "seed") {
      throw Error(fmt::format("an input of the data cannot be called '{}'", input.name), "", "the step itself has an input of this name");
    }
    trace.placeholders.push_back(Tensor::placeholder(input.type, input.name));
    trace.inputs.push_back({trace.placeholders.back(), input.name, input.role});
  }
  return trace;
}

std::vector<TracedOutput> measured(const Measures& measures) {
  if (!measures.loss) throw Error("the objective gives no loss");
  std::vector<TracedOutput> outputs{{measures.loss, "loss"}};
  for (const auto& [name, value] : measures.metrics) outputs.push_back({value, name});
  return outputs;
}

void add_parameters(Trace& trace, const TracedModule& traced) {
  for (const TracedModule::Entry& entry : traced.entries()) {
    trace.inputs.push_back({entry.placeholder, entry.parameter->name(), entry.parameter->role()});
  }
}

// The formats that a module's edit gives the gradients of its parameters, ahead of what the hooks do.
void add_formats(const TracedModule& traced, const Module& module, std::map<std::string, CotangentHook>& hooks) {
  if (module.edit() == nullptr) return;
  for (const TracedModule::Entry& entry : traced.entries()) {
    const Tensor arriving = Tensor::placeholder(entry.parameter->type(), "gradient");
    const Tensor leaving =
        entry.parameter->role() == Role::parameter ? module.edit()->gradient(entry.parameter->name(), arriving) : arriving;
    if (leaving.record() == arriving.record()) continue;
    CotangentHook& hook = hooks[entry.parameter->name()];
    hook = [format = to_graph({{arriving, "gradient"}}, {{leaving, "formatted"}}).graph, then = hook](Builder& build,
                                                                                                      const Var& cotangent) {
      const Var made = build.inline_graph(format, {cotangent}).front();
      return then ? then(build, made) : made;
    };
  }
}

}  // namespace

Objective classification(Layer& net, double label_smoothing) {
  return [&net, label_smoothing](const Tensors& inputs) {
    const Tensor logits = net(inputs.at(0)), &labels = inputs.at(1);
    const Scope scope("loss");
    const Tensor loss = call("cross_entropy", {logits, labels}, {{"label_smoothing", label_smoothing}});
    const Tensor hits = argmax(logits, 1) == labels.cast(DType::i64);
    return Measures{loss, {{"correct", sum(hits.cast(DType::f32))}}};
  };
}

Graph training_step(Module& module, const std::vector<StepInput>& inputs, const Objective& objective, const UpdateRule& rule,
                    const StepOptions& options) {
  const ModeScope mode(module, true);
  Trace trace = data_inputs(inputs);
  Graph graph;
  std::map<std::string, CotangentHook> hooks = options.hooks;
  {
    const TracedModule traced(module);
    const RandomSeed seed(Tensor::placeholder({DType::i64, {}, {}}, "seed"));
    std::vector<TracedOutput> outputs = measured(objective(trace.placeholders));
    traced.finish();
    add_parameters(trace, traced);
    if (seed.used()) trace.inputs.push_back({RandomSeed::use(), "seed"});
    for (std::size_t i = 0; i < traced.entries().size(); ++i) {
      const TracedModule::Entry& entry = traced.entries()[i];
      const Tensor after = entry.parameter->value();
      if (after.record() == entry.placeholder.record()) continue;
      outputs.push_back({after, "next/" + entry.parameter->name(), static_cast<int>(inputs.size() + i)});
    }
    graph = to_graph(trace.inputs, outputs, {.name = options.name}).graph;
    add_formats(traced, module, hooks);
  }
  graph = gradient(graph, {.loss = "loss", .hooks = hooks});
  sparse::drop_cotangent_formats(graph);
  append_updates(graph, rule, options.update);
  return graph;
}

Graph evaluation_step(Module& module, const std::vector<StepInput>& inputs, const Objective& objective) {
  const ModeScope mode(module, false);
  Trace trace = data_inputs(inputs);
  const TracedModule traced(module);
  const std::vector<TracedOutput> outputs = measured(objective(trace.placeholders));
  traced.finish();
  add_parameters(trace, traced);
  return to_graph(trace.inputs, outputs, {.name = "evaluation"}).graph;
}

Graph prediction_step(Module& module, const std::vector<StepInput>& inputs, const std::function<Tensor(const Tensors& inputs)>& f) {
  const ModeScope mode(module, false);
  Trace trace = data_inputs(inputs);
  const TracedModule traced(module);
  const Tensor result = f(trace.placeholders);
  traced.finish();
  add_parameters(trace, traced);
  return to_graph(trace.inputs, {{result, "output"}}, {.name = "prediction"}).graph;
}

Graph inference_graph(Layer& net, const StepInput& input, bool constants, const std::string& output) {
  const ModeScope mode(net, false);
  Trace trace = data_inputs({input});
  if (constants) return to_graph(trace.inputs, {{net(trace.placeholders[0]), output}}, {.name = "network"}).graph;
  const TracedModule traced(net);
  const Tensor result = net(trace.placeholders[0]);
  traced.finish();
  add_parameters(trace, traced);
  return to_graph(trace.inputs, {{result, output}}, {.name = "network"}).graph;
}

}  // namespace neap

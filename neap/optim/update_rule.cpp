#include "neap/optim/update_rule.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "neap/base/error.h"
#include "neap/layouts/sparse_layout.h"

namespace neap {
namespace {

int input_position(const Graph& graph, ValueId value) {
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    if (graph.inputs[i].value == value) return static_cast<int>(i);
  }
  return -1;
}

Var find_input(Builder& build, const std::string& name) {
  for (const Input& input : build.graph().inputs) {
    if (input.name == name) return build.wrap(input.value);
  }
  return {};
}

DType computed_in(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

struct Trained {
  std::string name;
  Var parameter, gradient;
};

// The parameters with their gradients, whose outputs are taken from the graph.
std::vector<Trained> take_gradients(Builder& build) {
  Graph& graph = build.graph();
  std::vector<Trained> all;
  for (const Input& input : graph.inputs) {
    if (input.role != Role::parameter) continue;
    const auto output =
        std::find_if(graph.outputs.begin(), graph.outputs.end(), [&](const Output& o) { return o.name == "grad/" + input.name; });
    if (output == graph.outputs.end()) {
      throw Error(fmt::format("there is no gradient for parameter '{}'", input.name), "graph " + graph.name,
                  "differentiate with respect to all parameters");
    }
    all.push_back({input.name, build.wrap(input.value), build.wrap(output->value)});
    graph.outputs.erase(output);
  }
  return all;
}

void clip_gradients(Builder& build, std::vector<Trained>& all, const UpdateOptions& options) {
  build.set_scope("optimizer/clip");
  if (options.clip_value > 0) {
    for (Trained& one : all)
      one.gradient = build.call("clip", {one.gradient}, {{"low", -options.clip_value}, {"high", options.clip_value}});
  }
  if (options.clip_norm <= 0 || all.empty()) return;
  Var total;
  for (const Trained& one : all) {
    const Var squares = cast(sum(unary("square", one.gradient), {}), computed_in(all.front().gradient.dtype()));
    total = total ? total + squares : squares;
  }
  const Var norm = sqrt(total);
  const Var scale = build.call("minimum", {options.clip_norm / (norm + 1e-12), build.constant(norm.dtype(), 1)});
  for (Trained& one : all) one.gradient = one.gradient * cast(scale, one.gradient.dtype());
}

// What is stored of matrices in sparse layouts, whatever the rank of the values.
std::unordered_set<ValueId> stored_parts(const Graph& graph) {
  std::unordered_set<ValueId> parts;
  for (const NodePtr& node : graph.nodes()) {
    std::string_view what;
    if (layout_of_operator(node->op, what) != nullptr) parts.insert(node->inputs.begin(), node->inputs.end());
  }
  return parts;
}

void average(StepGraph& graph, const Trained& one, const Var& next, double decay) {
  Builder& build = graph.build();
  const Var before = build.input("average/" + one.name, one.parameter.type(), Role::state);
  const Var kept = graph.shared("average", before.dtype(), [&] {
    const Var step = graph.step(computed_in(before.dtype()));
    return cast(build.call("minimum", {(step - 1) / (step + 9), build.constant(step.dtype(), decay)}), before.dtype());
  });
  graph.update(before, before * kept + next * (1 - kept));
}

}  // namespace

StepGraph::StepGraph(Builder& build) : build_(&build) {
  const auto& inputs = build.graph().inputs;
  const bool wide =
      std::any_of(inputs.begin(), inputs.end(), [&](const Input& input) { return build.graph().type(input.value).dtype == DType::f64; });
  if (!find_input(build, "learning_rate")) build.input("learning_rate", {wide ? DType::f64 : DType::f32, {}, {}});
  if (!find_input(build, "step")) build.input("step", {DType::i64, {}, {}});
}

Var StepGraph::shared(const std::string& name, DType dtype, const std::function<Var()>& make) {
  const auto found = shared_.find({name, dtype});
  if (found != shared_.end()) return found->second;
  const std::string scope = build_->scope();
  build_->set_scope("optimizer");
  const Var made = make();
  build_->set_scope(scope);
  return shared_[{name, dtype}] = made;
}

Var StepGraph::learning_rate(DType dtype) {
  return shared("learning_rate", dtype, [&] { return cast(find_input(*build_, "learning_rate"), dtype); });
}
Var StepGraph::step(DType dtype) {
  return shared("step", dtype, [&] { return cast(find_input(*build_, "step"), dtype); });
}

Var StepGraph::state(const std::string& slot, const std::string& parameter, const Var& like) {
  return build_->input("optimizer/" + slot + "/" + parameter, like.type(), Role::state);
}

void StepGraph::update(const Var& input, const Var& value) {
  Graph& graph = build_->graph();
  const int position = input_position(graph, input.id());
  NEAP_ASSERT(position >= 0, " value %{} is no input", input.id());
  graph.add_output(value.id(), "next/" + graph.inputs[static_cast<std::size_t>(position)].name, position);
}

void append_updates(Graph& graph, const UpdateRule& rule, const UpdateOptions& options) {
  Builder build(graph);
  StepGraph step(build);
  std::vector<Trained> all = take_gradients(build);
  clip_gradients(build, all, options);
  const std::unordered_set<ValueId> of_matrices = stored_parts(graph);
  for (const Trained& one : all) {
    build.set_scope("optimizer/" + one.name);
    const DType dtype = computed_in(one.parameter.dtype());
    const bool decays = options.decay_vectors || one.parameter.rank() >= 2 || of_matrices.count(one.parameter.id()) != 0;
    const Var next = rule.next(step, one.name, cast(one.parameter, dtype), cast(one.gradient, dtype), decays);
    const Var stored = cast(next, one.parameter.dtype());
    step.update(one.parameter, stored);
    if (options.average > 0) average(step, one, stored, options.average);
  }
  remove_dead_nodes(graph);
}

}  // namespace neap

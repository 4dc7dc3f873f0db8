#include "neap/demo/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "neap/base/clock.h"
#include "neap/base/median.h"
#include "neap/train/state.h"

namespace neap {
namespace {

double largest_of(const Array& array) {
  double largest = 0;
  for (std::int64_t i = 0; i < array.count(); ++i) largest = std::max(largest, std::abs(array.get(i)));
  return largest;
}

double relative_difference(const Array& a, const Array& b, double floor) {
  double most = 0;
  for (std::int64_t i = 0; i < b.count(); ++i) {
    const double x = a.get(i), y = b.get(i);
    if (!std::isfinite(x) || !std::isfinite(y)) return std::numeric_limits<double>::infinity();
    most = std::max(most, std::abs(x - y));
  }
  return most == 0 ? 0 : most / std::max({largest_of(b), floor, std::numeric_limits<double>::min()});
}

void include(Difference& worst, const std::string& name, const Array& a, const Array& b, double floor = 0) {
  const double relative = relative_difference(a, b, floor);
  if (worst.arrays++ == 0 || relative > worst.relative) {
    worst.relative = relative;
    worst.where = name;
  }
}

// A step of an executable on a state of its own.
class Runner {
 public:
  Runner(Executable& executable, const Graph& graph, const Module& module, const StepData& data)
      : executable_(executable), graph_(graph), state_(graph, module, 0, data.fixed), data_(data) {}

  void load(const NamedArrays& arrays) { state_.load(arrays, "the run before"); }
  NamedArrays run() {
    const std::vector<Array> results = executable_.run(state_.inputs(data_.batch, data_.learning_rate, data_.step));
    state_.take(graph_, results);
    NamedArrays made;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Output& output = graph_.outputs[i];
      made[output.name] =
          output.updates < 0 ? results[i] : state_.arrays().at(graph_.inputs[static_cast<std::size_t>(output.updates)].name);
    }
    return made;
  }
  double timed() {
    const auto start = Clock::now();
    run();
    return seconds_since(start);
  }

 private:
  Executable& executable_;
  const Graph& graph_;
  StepState state_;
  const StepData& data_;
};

MeasuredStep measured(const Optimizer& optimizer, bool compile) {
  MeasuredStep step{.executable = Executable(optimizer.graph(), {.compile = compile})};
  for (const NodePtr& node : optimizer.graph().nodes()) step.node_costs.push_back(optimizer.model().node(optimizer.graph(), *node));
  step.cost = optimizer.cost();
  return step;
}

void profile(MeasuredStep& step, Runner& runner) {
  constexpr int runs = 3;
  step.executable.set_profiling(true);
  for (int i = 0; i < runs; ++i) runner.run();
  step.executable.set_profiling(false);
  for (const NodeProfile& node : step.executable.profile()) {
    step.interpreted += node.how == "interpreter" ? 1 : 0;
    step.node_seconds.push_back(node.seconds / static_cast<double>(std::max<std::int64_t>(1, node.runs)));
  }
  step.arena_bytes = step.executable.plan().arena_bytes;
}

constexpr std::string_view mean_prefix = "next/optimizer/mean/";

// `a`, `b`: what a first step from no state makes, as written and optimised.
void compare_gradients(StepComparison& result, const NamedArrays& a, const NamedArrays& b) {
  include(result.loss, "loss", b.at("loss"), a.at("loss"));
  double largest = 0;
  for (const auto& [name, array] : a) {
    if (name.starts_with(mean_prefix)) largest = std::max(largest, largest_of(array));
  }
  for (const auto& [name, array] : a) {
    if (!name.starts_with(mean_prefix)) continue;
    const std::string parameter = name.substr(mean_prefix.size());
    include(result.gradients, parameter, b.at(name), array, 1e-2 * largest);
    if (largest_of(array) < 1e-5 * largest) result.unmoved.push_back(parameter);
  }
}

void compare_updates(StepComparison& result, const NamedArrays& a, const NamedArrays& b) {
  for (const auto& [name, array] : a) {
    const auto is_of = [&, n = std::string_view(name)](const std::string& parameter) { return n.ends_with("/" + parameter); };
    const bool unmoved = std::any_of(result.unmoved.begin(), result.unmoved.end(), is_of);
    if (name.starts_with("next/") && !unmoved) include(result.parameters, name.substr(5), b.at(name), array);
  }
}

}  // namespace

StepComparison compare_steps(const Graph& written, const Optimizer& optimizer, const Module& module, const NamedArrays& trained,
                             const StepData& data, int rounds, bool compile_written) {
  Optimizer plain(written, optimizer.model());
  plain.optimize(0);
  // As written, each operator is a library call or a precompiled loop of its own, as in a framework that runs operators at once.
  StepComparison result{.as_written = measured(plain, compile_written), .optimised = measured(optimizer, true), .rounds = rounds};
  StepData first = data;
  first.step = 1;
  compare_gradients(result, Runner(result.as_written.executable, written, module, first).run(),
                    Runner(result.optimised.executable, written, module, first).run());
  Runner slow(result.as_written.executable, written, module, data), quick(result.optimised.executable, written, module, data);
  slow.load(trained);
  quick.load(trained);
  compare_updates(result, slow.run(), quick.run());
  std::vector<double> slow_times, quick_times;
  for (int i = 0; i < rounds; ++i) {
    slow_times.push_back(slow.timed());
    quick_times.push_back(quick.timed());
  }
  result.as_written.median_ms = median(slow_times) * 1e3;
  result.optimised.median_ms = median(quick_times) * 1e3;
  profile(result.as_written, slow);
  profile(result.optimised, quick);
  return result;
}

MeasuredStep measure_step(const Optimizer& optimizer, const Module& module, const NamedArrays& trained, const StepData& data,
                          bool compile) {
  MeasuredStep step = measured(optimizer, compile);
  Runner runner(step.executable, optimizer.graph(), module, data);
  runner.load(trained);
  constexpr int rounds = 5;
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) times.push_back(runner.timed());
  step.median_ms = median(times) * 1e3;
  profile(step, runner);
  return step;
}

}  // namespace neap

#include "neap/demo/report_parts.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "neap/base/median.h"
#include "neap/viewer/graph_json.h"

namespace neap {
namespace {

using Json = nlohmann::json;

void add_points(Json& points, const MeasuredStep& step, const char* which) {
  const Graph& graph = step.executable.graph();
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = *graph.nodes()[i];
    points.push_back({{"name", node.origin.empty() ? node.op : node.origin.front()},
                      {"bytes", step.node_costs[i].bytes},
                      {"flops", step.node_costs[i].flops},
                      {"seconds", step.node_seconds[i]},
                      {"which", which}});
  }
}

Json roofline_json(const Json& points) {
  const Rates& rates = machine_rates();
  return {{"peak_flops", rates.flops_per_second}, {"copy_bytes_per_second", rates.copy_bytes_per_second}, {"points", points}};
}

Json arena_json(const MeasuredStep& step) {
  const std::vector<std::string> names = value_names(step.executable.graph());
  Json buffers = Json::array();
  for (const Buffer& buffer : step.executable.plan().buffers) {
    buffers.push_back({{"name", names[static_cast<std::size_t>(buffer.value)]},
                       {"offset", buffer.offset},
                       {"bytes", buffer.bytes},
                       {"first", buffer.first},
                       {"last", buffer.last}});
  }
  return buffers;
}

void add_history(Json& report, const Optimizer& optimizer) {
  report["edits"] = edits_json(optimizer.steps());
  report["refused"] = refusals_json(optimizer.refusals());
}

// The step without edits.
Optimizer as_written(const Graph& step, const Optimizer& optimizer) {
  Optimizer plain(step, optimizer.model());
  plain.optimize(0);
  return plain;
}

void add_optimised(Json& report, const Optimizer& optimizer, const MeasuredStep& step) {
  report["graphs"]["after"] = graph_json(step.executable.graph(), optimizer.model(), step.node_seconds);
  add_history(report, optimizer);
  report["arena"] = arena_json(step);
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%d %B %Y, %H:%M UTC", &parts)};
}

}  // namespace

Json checks_json(const std::vector<Check>& checks) {
  Json all = Json::array();
  for (const Check& check : checks) all.push_back({{"name", check.name}, {"passed", check.passed}, {"detail", check.detail}});
  return all;
}

Json epochs_json(const Trainer& trainer, Measured measured) {
  const std::string on = measured == Measured::test ? "test" : "validation";
  Json epochs = Json::array();
  for (const EpochRecord& record : trainer.history()) {
    Json epoch{{"epoch", record.epoch + 1},
               {"train_loss", record.training.loss},
               {"seconds", record.seconds},
               {"examples_per_second", record.examples_per_second}};
    if (record.test) {
      epoch[on + "_loss"] = record.test->loss;
      const auto correct = record.test->metrics.find("correct");
      if (correct != record.test->metrics.end()) epoch[on + "_accuracy"] = correct->second;
    }
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

Json curves_json(const Trainer& trainer, Measured measured) {
  constexpr std::size_t most = 1000;
  Json steps = Json::array();
  const std::vector<double>& losses = trainer.losses();
  const std::size_t every = losses.size() / most + 1;
  for (std::size_t i = 0; i < losses.size(); i += every) steps.push_back({i + 1, losses[i]});
  return {{"steps", steps}, {"epochs", epochs_json(trainer, measured)}};
}

Json confusion_json(const std::vector<std::string>& classes, const std::vector<std::int64_t>& truths,
                    const std::vector<std::int64_t>& predictions) {
  std::vector<std::vector<std::int64_t>> counts(classes.size(), std::vector<std::int64_t>(classes.size(), 0));
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    ++counts[static_cast<std::size_t>(truths[i])][static_cast<std::size_t>(predictions[i])];
  }
  return {{"classes", classes}, {"counts", counts}};
}

double median_epoch_seconds(const Trainer& trainer) {
  std::vector<double> seconds;
  for (const EpochRecord& record : trainer.history()) seconds.push_back(record.seconds);
  return seconds.empty() ? 0 : median(std::move(seconds));
}

void add_run(Json& report, const std::string& command) {
  report["command"] = command;
  report["created"] = now_text();
  report["machine"] = machine_json();
  report["versions"] = versions_json();
}

void add_edits(Json& report, const Graph& written, const Optimizer& optimizer) {
  add_history(report, optimizer);
  report["graphs"] = {{"before", graph_json(as_written(written, optimizer).graph(), optimizer.model())},
                      {"after", graph_json(optimizer.graph(), optimizer.model())}};
}

void add_steps(Json& report, const StepComparison& comparison, const Optimizer& optimizer) {
  const MeasuredStep& written = comparison.as_written;
  add_optimised(report, optimizer, comparison.optimised);
  report["graphs"]["before"] = graph_json(written.executable.graph(), optimizer.model(), written.node_seconds);
  Json points = Json::array();
  add_points(points, written, "as_written");
  add_points(points, comparison.optimised, "optimised");
  report["roofline"] = roofline_json(points);
}

void add_step(Json& report, const Graph& written, const Optimizer& optimizer, const MeasuredStep& optimised) {
  add_optimised(report, optimizer, optimised);
  const Optimizer plain = as_written(written, optimizer);
  report["graphs"]["before"] = graph_json(plain.graph(), optimizer.model());
  Json points = Json::array();
  add_points(points, optimised, "optimised");
  report["roofline"] = roofline_json(points);
  report["summary"]["step_ms"] = {{"optimised", optimised.median_ms}};
  report["summary"]["bytes"] = {{"as_written", plain.cost().bytes}, {"optimised", optimised.cost.bytes}};
  report["summary"]["arena_bytes"] = {{"optimised", optimised.arena_bytes}};
}

}  // namespace neap

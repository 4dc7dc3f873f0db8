#include "neap/demo/report.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "neap/files/base64.h"
#include "neap/files/png.h"
#include "neap/viewer/graph_json.h"

namespace neap {
namespace {

using Json = nlohmann::json;

template <class F>
Json both(const StepComparison& comparison, F figure) {
  return {{"as_written", figure(comparison.as_written)}, {"optimised", figure(comparison.optimised)}};
}

Json checks_json(const std::vector<Check>& checks) {
  Json all = Json::array();
  for (const Check& check : checks) all.push_back({{"name", check.name}, {"passed", check.passed}, {"detail", check.detail}});
  return all;
}

Json curves_json(const Trainer& trainer) {
  constexpr std::size_t most = 1000;
  Json steps = Json::array(), epochs = Json::array();
  const std::vector<double>& losses = trainer.losses();
  const std::size_t every = losses.size() / most + 1;
  for (std::size_t i = 0; i < losses.size(); i += every) steps.push_back({i + 1, losses[i]});
  for (const EpochRecord& record : trainer.history()) {
    Json epoch{{"epoch", record.epoch + 1}, {"train_loss", record.training.loss}, {"seconds", record.seconds}};
    if (record.test) epoch["test_accuracy"] = record.test->metrics.at("correct");
    epochs.push_back(std::move(epoch));
  }
  return {{"steps", steps}, {"epochs", epochs}};
}

Json confusion_json(const std::vector<std::int64_t>& best, const ImageDataset& images) {
  const std::size_t classes = images.class_names().size();
  std::vector<std::vector<std::int64_t>> counts(classes, std::vector<std::int64_t>(classes, 0));
  for (std::size_t i = 0; i < best.size(); ++i) {
    ++counts[static_cast<std::size_t>(images.label(static_cast<std::int64_t>(i)))][static_cast<std::size_t>(best[i])];
  }
  return {{"classes", images.class_names()}, {"counts", counts}};
}

double probability(const Array& logits, std::int64_t row, std::int64_t of) {
  const std::int64_t classes = logits.size(1);
  double sum = 0;
  for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(logits.get(row * classes + c) - logits.get(row * classes + of));
  return 1 / sum;
}

// The first images, and the first that are taken for something else.
Json samples_json(const Array& logits, const std::vector<std::int64_t>& best, const ImageDataset& images) {
  constexpr std::size_t most = 16;
  std::vector<std::int64_t> chosen;
  for (const bool right : {true, false}) {
    std::size_t found = 0;
    for (std::size_t i = 0; i < best.size() && found < most; ++i) {
      if ((images.label(static_cast<std::int64_t>(i)) == best[i]) != right) continue;
      chosen.push_back(static_cast<std::int64_t>(i));
      ++found;
    }
  }
  Json samples = Json::array();
  for (const std::int64_t i : chosen) {
    const std::int64_t guess = best[static_cast<std::size_t>(i)];
    samples.push_back({{"png_base64", base64(encode_png(images.pixels(i)))},
                       {"truth", images.class_names()[static_cast<std::size_t>(images.label(i))]},
                       {"prediction", images.class_names()[static_cast<std::size_t>(guess)]},
                       {"probability", probability(logits, i, guess)}});
  }
  return samples;
}

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

Json roofline_json(const StepComparison& comparison) {
  Json points = Json::array();
  add_points(points, comparison.as_written, "as_written");
  add_points(points, comparison.optimised, "optimised");
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

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%d %B %Y, %H:%M UTC", &parts)};
}

}  // namespace

Json demo_figures(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings) {
  return {{"step_ms", both(comparison, [](const MeasuredStep& step) { return step.median_ms; })},
          {"bytes", both(comparison, [](const MeasuredStep& step) { return step.cost.bytes; })},
          {"arena_bytes", both(comparison, [](const MeasuredStep& step) { return step.arena_bytes; })},
          {"test_accuracy", findings.test_accuracy},
          {"onnx_test_accuracy", findings.onnx_test_accuracy},
          {"epoch_s", findings.epoch_seconds},
          {"machine", machine_json()},
          {"command", options.command}};
}

Json demo_report(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings, const Optimizer& optimizer,
                 const Trainer& trainer, const ImageDataset& images) {
  const std::vector<std::int64_t> best = predicted(findings.logits);
  Json summary = demo_figures(options, comparison, findings);
  summary["parameters"] = findings.parameters;
  const auto graph_of = [&](const MeasuredStep& step) { return graph_json(step.executable.graph(), optimizer.model(), step.node_seconds); };
  return {{"title", "Neap: an EfficientNet trained on " + images.place()},
          {"command", options.command},
          {"created", now_text()},
          {"machine", machine_json()},
          {"versions", versions_json()},
          {"summary", summary},
          {"checks", checks_json(findings.checks)},
          {"graphs", {{"before", graph_of(comparison.as_written)}, {"after", graph_of(comparison.optimised)}}},
          {"edits", edits_json(optimizer.steps())},
          {"refused", refusals_json(optimizer.refusals())},
          {"curves", curves_json(trainer)},
          {"confusion", confusion_json(best, images)},
          {"samples", samples_json(findings.logits, best, images)},
          {"roofline", roofline_json(comparison)},
          {"arena", arena_json(comparison.optimised)}};
}

}  // namespace neap

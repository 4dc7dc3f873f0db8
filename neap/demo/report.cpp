#include "neap/demo/report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "neap/demo/report_parts.h"
#include "neap/files/base64.h"
#include "neap/files/json.h"
#include "neap/files/png.h"
#include "neap/viewer/graph_json.h"
#include "neap/viewer/report.h"

namespace neap {
namespace {

using Json = nlohmann::json;

template <class F>
Json both(const StepComparison& comparison, F figure) {
  return {{"as_written", figure(comparison.as_written)}, {"optimised", figure(comparison.optimised)}};
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

Json figures_json(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings) {
  return {{"step_ms", both(comparison, [](const MeasuredStep& step) { return step.median_ms; })},
          {"bytes", both(comparison, [](const MeasuredStep& step) { return step.cost.bytes; })},
          {"arena_bytes", both(comparison, [](const MeasuredStep& step) { return step.arena_bytes; })},
          {"test_accuracy", findings.test_accuracy},
          {"onnx_test_accuracy", findings.onnx_test_accuracy},
          {"epoch_s", findings.epoch_seconds},
          {"machine", machine_json()},
          {"command", options.command}};
}

}  // namespace

std::string demo_figures(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings) {
  return json_page(figures_json(options, comparison, findings));
}

std::string demo_report(const DemoOptions& options, const StepComparison& comparison, const DemoFindings& findings,
                        const Optimizer& optimizer, const Trainer& trainer, const ImageDataset& images) {
  const std::vector<std::int64_t> best = predicted(findings.logits);
  std::vector<std::int64_t> truths;
  for (std::size_t i = 0; i < best.size(); ++i) truths.push_back(images.label(static_cast<std::int64_t>(i)));
  Json summary = figures_json(options, comparison, findings);
  summary["parameters"] = findings.parameters;
  const std::string folder = images.place().substr(0, images.place().find(','));  // "folder, test set"
  Json report{{"title", "Neap: an EfficientNet trained on " + std::filesystem::path(folder).filename().string()},
              {"summary", summary},
              {"checks", checks_json(findings.checks)},
              {"curves", curves_json(trainer)},
              {"confusion", confusion_json(images.class_names(), truths, best)},
              {"samples", samples_json(findings.logits, best, images)}};
  add_run(report, options.command);
  add_steps(report, comparison, optimizer);
  return render_report(report);
}

}  // namespace neap

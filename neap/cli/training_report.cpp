#include "neap/cli/training_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neap/demo/export.h"
#include "neap/demo/predictions.h"
#include "neap/demo/report_parts.h"
#include "neap/tensor/compile.h"

namespace neap {
namespace {

using Json = nlohmann::json;

void add_classes(Json& report, const RunOptions& options, const TrainingData& data, Layer& net) {
  Executable executable = make_executable(exported(net, *data.test), options.level);
  const Array scores = logits_of(executable, *data.test, 250);
  const std::vector<std::int64_t> truths = labels_of(*data.test);
  report["confusion"] = confusion_json(data.test->class_names(), truths, predicted(scores));
  report["summary"]["test_accuracy"] = accuracy(scores, truths);
}

}  // namespace

Json training_report(const RunOptions& options, const TrainingData& data, Layer& net, Trainer& trainer, const std::string& command) {
  Json report{{"title", fmt::format("Neap: {} trained on {}", options.model, data.train->place())},
              {"summary", {{"epoch_s", median_epoch_seconds(trainer)}, {"parameters", net.parameter_count()}}},
              {"curves", curves_json(trainer)}};
  if (data.classes > 0 && data.test != nullptr && data.test->count() > 0) add_classes(report, options, data, net);
  add_run(report, command);
  Optimizer optimizer(trainer.step_graph(), CostModel({{"N", options.batch}}));
  optimizer.optimize(options.level);
  const std::int64_t examples = std::min(options.batch, data.train->count());
  const StepData step{.batch = data.train->range(0, examples), .learning_rate = options.rate};
  add_step(report, trainer.step_graph(), optimizer, measure_step(optimizer, net, trainer.state().copy(), step, options.level > 0));
  return report;
}

}  // namespace neap

#include "neap/demo/vertex_report.h"

#include <nlohmann/json.hpp>

#include "neap/demo/report_parts.h"

namespace neap {
namespace {

std::vector<std::int64_t> labels_of_vertices(const gnn::GraphData& data, const Array& vertices) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < vertices.count(); ++i) labels.push_back(data.labels.get_int(vertices.get_int(i)));
  return labels;
}

}  // namespace

VertexResult result_of(gnn::VertexTraining& training, const gnn::GraphData& data) {
  const Trainer& trainer = training.trainer();
  VertexResult result{.best_epoch = trainer.best().epoch() + 1,
                      .epochs = static_cast<std::int64_t>(trainer.history().size()),
                      .parameters = training.network().parameter_count(),
                      .epoch_seconds = median_epoch_seconds(trainer),
                      .logits = training.logits()};
  result.majority = training.majority(data.test);
  result.validation = training.accuracy(result.logits, data.validation);
  result.test = training.accuracy(result.logits, data.test);
  return result;
}

nlohmann::json to_json(const VertexResult& result) {
  return {{"majority_accuracy", result.majority},
          {"validation_accuracy", result.validation},
          {"test_accuracy", result.test},
          {"best_epoch", result.best_epoch},
          {"epochs", result.epochs},
          {"parameters", result.parameters},
          {"epoch_seconds", result.epoch_seconds}};
}

nlohmann::json data_json(const gnn::GraphData& data) {
  return {{"name", data.place}, {"version", data.version().hex()}, {"about", data.about}};
}

nlohmann::json vertex_report(const std::string& title, const std::string& command, gnn::VertexTraining& training,
                             const gnn::GraphData& data, const VertexResult& result, const Optimizer& step) {
  nlohmann::json report{{"title", title},
                        {"summary", {{"test_accuracy", result.test}, {"epoch_s", result.epoch_seconds}, {"parameters", result.parameters}}},
                        {"curves", curves_json(training.trainer(), Measured::validation)},
                        {"confusion", confusion_json(data.class_names, labels_of_vertices(data, data.test),
                                                     gnn::VertexTraining::predicted(result.logits, data.test))}};
  add_edits(report, training.trainer().step_graph(), step);
  add_run(report, command);
  return report;
}

Optimizer optimized_step(gnn::VertexTraining& training, std::optional<TuneOptions> tune) {
  Trainer& trainer = training.trainer();
  Optimizer optimizer(trainer.step_graph(), CostModel().gathering_near(training.near_part()));
  if (tune) tune->inputs = trainer.state().inputs(training.batch(), training.rate(), trainer.steps_done() + 1);
  OptimizeOptions options{.level = training.level(), .tune = std::move(tune)};
  optimizer.optimize(options);
  return optimizer;
}

StepComparison compare_vertex_steps(gnn::VertexTraining& training, const Optimizer& step, int rounds) {
  Trainer& trainer = training.trainer();
  const StepData data{.batch = training.batch(),
                      .learning_rate = training.rate(),
                      .step = trainer.steps_done() + 1,
                      .fixed = {training.fixed().begin(), training.fixed().end()}};
  return compare_steps(trainer.step_graph(), step, training.network(), trainer.state().copy(), data, rounds, true);
}

}  // namespace neap

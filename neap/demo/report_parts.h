// What the reports of several demos have in common.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "neap/demo/compare.h"
#include "neap/demo/report.h"
#include "neap/train/trainer.h"

namespace neap {

nlohmann::json checks_json(const std::vector<Check>& checks);
// What was measured after each epoch: on the test data, or on others that are kept aside.
enum class Measured : std::uint8_t { test, validation };
nlohmann::json epochs_json(const Trainer& trainer, Measured measured);
nlohmann::json curves_json(const Trainer& trainer, Measured measured = Measured::test);
double median_epoch_seconds(const Trainer& trainer);  // 0 where none has ended
// Of examples of these classes, taken for those.
nlohmann::json confusion_json(const std::vector<std::string>& classes, const std::vector<std::int64_t>& truths,
                              const std::vector<std::int64_t>& predictions);
// The members "command", "created", "machine" and "versions" of a report.
void add_run(nlohmann::json& report, const std::string& command);
// "graphs", "edits" and "refused" of a step that is not measured: its nodes have bytes but no times.
void add_edits(nlohmann::json& report, const Graph& written, const Optimizer& optimizer);
// Those with times, "roofline" and "arena".
void add_steps(nlohmann::json& report, const StepComparison& comparison, const Optimizer& optimizer);

// The same of a step that was measured only as optimised; its nodes as written have bytes but no times. And of the summary "step_ms",
// "bytes" and "arena_bytes".
void add_step(nlohmann::json& report, const Graph& written, const Optimizer& optimizer, const MeasuredStep& optimised);

}  // namespace neap

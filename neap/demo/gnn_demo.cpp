#include "neap/demo/gnn_demo.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/demo/report_parts.h"
#include "neap/demo/summary.h"
#include "neap/demo/vertex_report.h"
#include "neap/files/json.h"
#include "neap/viewer/report.h"

namespace neap {
namespace {

constexpr double tolerance = 1e-3;  // relative, of sums of 10^5 f32 numbers in another order

struct Rung {
  const char* name;
  std::vector<std::string> groups;  // none: random features
  double wanted;                    // accuracy with edges
};
const Rung rungs[] = {{"structure", {}, 0},
                      {"+ labels", {"labels"}, 0.45},
                      {"+ numbers", {"labels", "numbers"}, 0.62},
                      {"+ tags", {"labels", "numbers", "tags"}, 0.77}};
constexpr double wanted_step = 0.08, wanted_over_mlp = 0.12;

class GnnDemo : Narration {
 public:
  GnnDemo(const gnn::GraphData& data, const GnnDemoOptions& options) : Narration(options.text), data_(data), options_(options) {}

  GnnDemoResult run() {
    say("1. {} packages, {} edges, {} sections from {} (version {})\n", data_.vertices(), data_.graph.edges(), data_.class_names.size(),
        data_.place, data_.version().hex());
    say("2. which section is a package in? {} for training, {} for validation, {} for the test; {} epochs of all at once\n",
        data_.training.count(), data_.validation.count(), data_.test.count(), options_.epochs);
    GnnDemoResult result;
    for (const Rung& rung : rungs) {
      if (!climb(rung)) {
        result.stopped = true;
        return result;
      }
    }
    compare();
    write(result);
    result.passed = say_checks();
    return result;
  }

 private:
  // Both networks on the features of a rung.
  bool climb(const Rung& rung) {
    std::map<std::string, VertexResult> found;
    features_ = rung.groups.empty() ? gnn::structure_only(data_, options_.seed) : gnn::with_groups(data_, rung.groups);
    for (const char* model : {"mlp", "sage"}) {
      training_.emplace(features_,
                        gnn::VertexTrainingOptions{.network = {.model = model, .hidden = options_.hidden, .dropout = options_.dropout},
                                                   .epochs = options_.epochs,
                                                   .rate = options_.rate,
                                                   .decay = options_.decay,
                                                   .seed = options_.seed});
      if (training_->run() == Outcome::stopped) return false;
      result_ = result_of(*training_, features_);
      found[model] = result_;
      ladder_.push_back({{"features", rung.name}, {"model", model}, {"width", features_.feature_count()}, {"result", to_json(result_)}});
    }
    const double with = found.at("sage").test, without = found.at("mlp").test;
    say("   {:<10} {:>4} features   without edges (mlp) {:.3f}   with edges (sage) {:.3f}   {} an epoch\n", rung.name,
        features_.feature_count(), without, with, human_seconds(result_.epoch_seconds));
    if (rung.wanted > 0) {
      check(fmt::format("{}: at least {:.2f}, and {:.2f} over the rung below", rung.name, rung.wanted, wanted_step),
            with >= rung.wanted && with >= below_ + wanted_step, fmt::format("{:.3f} over {:.3f}", with, below_));
      check(fmt::format("{}: {:.2f} over the network without edges", rung.name, wanted_over_mlp), with >= without + wanted_over_mlp,
            fmt::format("{:.3f} over {:.3f}", with, without));
    }
    below_ = with;
    return true;
  }

  void compare() {
    step_.emplace(optimized_step(*training_));
    comparison_.emplace(compare_vertex_steps(*training_, *step_, options_.rounds));
    const StepComparison& both = *comparison_;
    say("3. a training step of the last: as written, each operator compiled by itself, {:.1f} ms; transformed {:.1f} ms: {:.2f} times as "
        "fast\n"
        "   (medians of {} in turn); moves {} and {}, memory between nodes {} and {}\n",
        both.as_written.median_ms, both.optimised.median_ms, both.as_written.median_ms / both.optimised.median_ms, both.rounds,
        human_bytes(both.as_written.cost.bytes), human_bytes(both.optimised.cost.bytes),
        human_bytes(static_cast<double>(both.as_written.arena_bytes)), human_bytes(static_cast<double>(both.optimised.arena_bytes)));
    say("{}", edit_summary(*step_));
    const auto compared = [&](const char* name, const Difference& difference) {
      check(name, difference.relative <= tolerance,
            fmt::format("{} compared; the largest relative difference is {:.1e} in {}, allowed {:.0e}", difference.arrays,
                        difference.relative, difference.where, tolerance));
    };
    compared("loss, transformed against as written", both.loss);
    compared("every gradient, transformed against as written", both.gradients);
  }

  void write(GnnDemoResult& result) {
    make_folder(options_.out, "give another with --out DIR");
    const StepComparison& both = *comparison_;
    nlohmann::json report = vertex_report("Neap: sections of Debian's packages, learnt on their graph", options_.command, *training_,
                                          features_, result_, *step_);
    report["data"] = data_json(data_);
    report["checks"] = checks_json(checks());
    report["summary"]["step_ms"] = {{"as_written", both.as_written.median_ms}, {"optimised", both.optimised.median_ms}};
    report["summary"]["bytes"] = {{"as_written", both.as_written.cost.bytes}, {"optimised", both.optimised.cost.bytes}};
    report["summary"]["arena_bytes"] = {{"as_written", both.as_written.arena_bytes}, {"optimised", both.optimised.arena_bytes}};
    add_steps(report, both, *step_);
    write_file(options_.out / "report.html", render_report(report));
    result.figures = json_page({{"command", options_.command},
                                {"machine", report["machine"]},
                                {"data", report["data"]},
                                {"ladder", ladder_},
                                {"step_ms", report["summary"]["step_ms"]},
                                {"checks", report["checks"]}});
    write_file(options_.out / "demo.json", result.figures + "\n");
    say("4. in {}: report.html, demo.json\n", options_.out.string());
  }

  const gnn::GraphData& data_;
  const GnnDemoOptions& options_;
  gnn::GraphData features_;  // of the present rung
  std::optional<gnn::VertexTraining> training_;
  VertexResult result_;
  std::optional<Optimizer> step_;  // of the last training
  std::optional<StepComparison> comparison_;
  double below_ = 0;
  nlohmann::json ladder_ = nlohmann::json::array();
};

}  // namespace

GnnDemoResult run_gnn_demo(const gnn::GraphData& data, const GnnDemoOptions& options) { return GnnDemo(data, options).run(); }

}  // namespace neap

#include "neap/demo/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/progress.h"
#include "neap/demo/export.h"
#include "neap/demo/images.h"
#include "neap/demo/network.h"
#include "neap/demo/report.h"
#include "neap/demo/summary.h"
#include "neap/files/safetensors.h"
#include "neap/optim/adam.h"
#include "neap/runtime/kernels.h"
#include "neap/tensor/compile.h"

namespace neap {
namespace {

constexpr double peak_rate = 4e-3, label_smoothing = 0.1;
constexpr double wanted_accuracy = 0.91;
constexpr double gradient_tolerance = 1e-3;  // sums of 10^5 f32 numbers in another order

class Demo : Narration {
 public:
  explicit Demo(const DemoOptions& options)
      : Narration(options.text),
        options_(options),
        epochs_(options.epochs > 0 ? options.epochs
                : options.quick    ? 2
                                   : 14),
        sets_(open_grey_images(options.data)),
        training_(options.quick ? first_part(sets_.train, 10) : DatasetPtr(sets_.train)),
        test_(options.quick ? first_part(sets_.test, 10) : DatasetPtr(sets_.test)),
        net_(efficient_net_28(static_cast<std::int64_t>(sets_.train->class_names().size()))) {
    make_folder(options_.out, "give another with --out DIR");
    const std::int64_t steps = epochs_ * (training_->count() / options_.batch);
    rate_ = one_cycle_rate(peak_rate, std::max<std::int64_t>(1, steps));
  }

  DemoResult run() {
    DemoResult result;
    describe();
    optimise();
    if (!train()) {
      say("   stopped: the checkpoint is in {}; the same command goes on from there\n", (options_.out / "checkpoint").string());
      result.stopped = true;
      return result;
    }
    compare();
    write_and_read_back();
    write_files(result);
    result.passed = say_checks();
    return result;
  }

 private:
  void describe() {
    findings_.parameters = net_->parameter_count();
    say("1. {} training and {} test images of {} classes from {};\n   an EfficientNet of {} parameters, batches of {}, {} threads\n",
        training_->count(), test_->count(), training_->class_names().size(), training_->place(), findings_.parameters, options_.batch,
        thread_count());
    trainer_.emplace(*net_, classification(*net_, label_smoothing), rule_, training_, test_,
                     TrainerOptions{.epochs = epochs_,
                                    .batch = options_.batch,
                                    .seed = options_.seed,
                                    .schedule = rate_,
                                    .augmentation = {.shift = 2, .flip = true, .fill = sets_.train->black()},
                                    .folder = options_.out / "checkpoint",
                                    .after_epoch = [this](const EpochRecord& record) { say_epoch(record); }});
  }

  void optimise() {
    const Graph& graph = trainer_->step_graph();
    auto start = Clock::now();
    optimizer_.emplace(graph);
    const Cost before = optimizer_->cost();
    optimizer_->optimize(4);
    const Graph& optimised = optimizer_->graph();
    say("2. one training step (loss, gradients, update) is {} operators; optimised in {}: {} nodes\n", graph.nodes().size(),
        human_seconds(seconds_since(start)), optimised.nodes().size());
    say("   modelled: {} moved as written, {} optimised\n", human_bytes(before.bytes), human_bytes(optimizer_->cost().bytes));
    say("{}", options_.explain ? optimizer_->explain() : edit_summary(*optimizer_));
    start = Clock::now();
    Executable executable(optimised);
    say("   {} kernels generated, compiled or taken from the cache in {}\n", executable.generated_kernels(),
        human_seconds(seconds_since(start)));
    trainer_->use(std::move(executable));
  }

  void say_epoch(const EpochRecord& record) const {
    say("   epoch {:>2}/{}  loss {:.4f}  test accuracy {:.2f} %  {:.0f} images/s\n", record.epoch + 1, epochs_, record.training.loss,
        100 * (record.test ? record.test->metrics.at("correct") : 0), record.examples_per_second);
  }

  bool train() {
    say("3. training: AdamW, one cycle up to {}, label smoothing {}, shifted and mirrored images, seed {}; Ctrl-C saves and stops\n",
        peak_rate, label_smoothing, options_.seed);
    if (trainer_->resumed()) say("   goes on from the checkpoint, after {} steps\n", trainer_->steps_done());
    if (trainer_->run() == Outcome::stopped) return false;
    double seconds = 0;
    for (const EpochRecord& record : trainer_->history()) seconds += record.seconds;
    findings_.epoch_seconds = seconds / static_cast<double>(std::max<std::size_t>(1, trainer_->history().size()));
    labels_ = labels_of(*test_);
    findings_.logits = predict(*net_, *test_);
    findings_.test_accuracy = accuracy(findings_.logits, labels_);
    say("   test accuracy {:.2f} %\n", 100 * findings_.test_accuracy);
    if (!options_.quick && options_.data.empty() && options_.epochs == 0) {
      check("test accuracy of at least 91 %", findings_.test_accuracy >= wanted_accuracy, fmt::format("{:.4f}", findings_.test_accuracy));
    }
    return true;
  }

  void compare() {
    const std::int64_t steps = trainer_->steps_done();
    const StepData data{training_->range(0, options_.batch), rate_(steps / 2), steps + 1};
    comparison_.emplace(compare_steps(trainer_->step_graph(), *optimizer_, *net_, trainer_->state().copy(), data, options_.quick ? 7 : 25));
    const StepComparison& both = *comparison_;
    say("4. a step as written {:.2f} ms, optimised {:.2f} ms: {:.2f} times as fast (medians of {} in turn)\n", both.as_written.median_ms,
        both.optimised.median_ms, both.as_written.median_ms / both.optimised.median_ms, both.rounds);
    say("   moves {} and {}; memory between nodes {} and {}\n", human_bytes(both.as_written.cost.bytes),
        human_bytes(both.optimised.cost.bytes), human_bytes(static_cast<double>(both.as_written.arena_bytes)),
        human_bytes(static_cast<double>(both.optimised.arena_bytes)));
    const auto compared = [&](const char* name, const Difference& difference) {
      check(name, difference.relative <= gradient_tolerance,
            fmt::format("{} compared; the largest relative difference is {:.1e} in {}, allowed {:.0e}", difference.arrays,
                        difference.relative, difference.where, gradient_tolerance));
    };
    compared("loss, optimised against as written", both.loss);
    compared("every gradient, optimised against as written", both.gradients);
    compared("every updated parameter and state, optimised against as written", both.parameters);
    if (!both.unmoved.empty()) {
      say("   left out of the last: {} parameters whose gradient is zero but for rounding ({})\n", both.unmoved.size(),
          fmt::join(both.unmoved, ", "));
    }
    check("every loop of the optimised step was compiled", both.optimised.interpreted == 0,
          fmt::format("{} nodes ran without a kernel of their own", both.optimised.interpreted));
  }

  void write_and_read_back() {
    write_network(*net_, *test_, options_.out / "model.onnx");
    const Array through_onnx = logits_through_onnx(options_.out / "model.onnx", *test_);
    findings_.onnx_test_accuracy = accuracy(through_onnx, labels_);
    const Agreement onnx = agreement(findings_.logits, through_onnx);
    check("ONNX, written and read back: the same predictions", onnx.different == 0, onnx.to_string());
    say("5. model.onnx written and read back: test accuracy {:.2f} %\n", 100 * findings_.onnx_test_accuracy);

    constexpr std::int64_t batch = 100;
    const StandaloneRun alone = logits_through_standalone(exported(*net_, *test_), "N", options_.out / "standalone", *test_, batch);
    findings_.standalone_test_accuracy = accuracy(alone.logits, labels_);
    const Agreement same = agreement(findings_.logits, alone.logits);
    check("stand-alone C++: the same predictions", same.different == 0, same.to_string());
    say("6. stand-alone C++ ({} kernels, no library) compiled in {}, run in {}: test accuracy {:.2f} %\n", alone.summary.kernels,
        human_seconds(alone.compile_seconds), human_seconds(alone.run_seconds), 100 * findings_.standalone_test_accuracy);
  }

  void write_files(DemoResult& result) {
    const std::filesystem::path& out = options_.out;
    findings_.checks = checks();
    write_safetensors(out / "model.safetensors", arrays_of(*net_), {{"network", "efficient_net_28"}});
    write_file(out / "recipe.txt", optimizer_->history());
    write_file(out / "edits.txt", optimizer_->explain());
    std::filesystem::create_directories(out / "kernels");
    const std::vector<std::string> sources = kernel_sources(optimizer_->graph(), best_isa(), machine().cores);
    for (std::size_t i = 0; i < sources.size(); ++i) write_file(out / "kernels" / fmt::format("kernels{}.cpp", i), sources[i]);
    write_file(out / "trace.json", comparison_->optimised.executable.trace());
    result.figures = demo_figures(options_, *comparison_, findings_);
    write_file(out / "demo.json", result.figures + "\n");
    write_file(out / "report.html", demo_report(options_, *comparison_, findings_, *optimizer_, *trainer_, *sets_.test));
    say("7. in {}: report.html, demo.json, model.onnx, model.safetensors, recipe.txt, edits.txt, kernels/, standalone/, trace.json\n",
        out.string());
  }

  const DemoOptions& options_;
  std::int64_t epochs_;
  ImageSets sets_;
  DatasetPtr training_, test_;
  std::unique_ptr<Sequential> net_;
  AdamW rule_;
  RateSchedule rate_;
  std::optional<Trainer> trainer_;
  std::optional<Optimizer> optimizer_;
  std::optional<StepComparison> comparison_;
  std::vector<std::int64_t> labels_;
  DemoFindings findings_;
};

}  // namespace

DemoResult run_demo(const DemoOptions& options) { return Demo(options).run(); }

}  // namespace neap

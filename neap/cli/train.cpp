// neap train
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/cli/model.h"
#include "neap/cli/training_report.h"
#include "neap/demo/export.h"
#include "neap/demo/report_parts.h"
#include "neap/files/checkpoint.h"
#include "neap/files/json.h"
#include "neap/files/safetensors.h"
#include "neap/viewer/report.h"

namespace neap::train_command {
namespace {

namespace fs = std::filesystem;

struct Given {
  RunOptions run;
  fs::path out = "out/train", resume;
  int threads = 0;
  std::filesystem::path plan;
  bool plain = false, restart = false, json = false, strict = false;
  bool epochs_given = false, others_given = false;

  std::FILE* text() const { return json ? stderr : stdout; }  // for whoever watches
};

// "  test accuracy 91.00 %", or the loss where there are no classes.
std::string accuracy_text(const std::optional<Evaluation>& measured, std::string_view on) {
  if (!measured) return "";
  const auto correct = measured->metrics.find("correct");
  return correct != measured->metrics.end() ? fmt::format("  {} accuracy {:.2f} %", on, 100 * correct->second)
                                            : fmt::format("  {} loss {:#.4g}", on, measured->loss);
}

// The options of the run in `folder` that goes on, or of one that starts.
RunOptions options_of(const Given& given, const fs::path& folder) {
  const std::optional<RunOptions> before = find_run(folder);
  if (!given.resume.empty()) {
    if (!before) throw Error("there is no run to go on with", folder.string(), "give the folder that `neap train --out` named");
    if (given.others_given) {
      throw Error("a run that goes on keeps its options", folder.string(), "beside --resume give --epochs, --threads and --json only");
    }
    RunOptions options = *before;
    if (given.epochs_given) options.epochs = given.run.epochs;
    return options;
  }
  RunOptions options = given.run;
  options.augment = !given.plain;
  if (constexpr std::int64_t most = 1 << 24; !given.plan.empty()) options.plan = read_file(given.plan, most);
  settle(options);
  if (given.restart) {
    fs::remove_all(folder / "checkpoint");
    return options;
  }
  if (!before || !has_checkpoint(folder / "checkpoint")) return options;
  RunOptions resolved = options;
  if (resolved.model.empty()) resolved.model = before->model;  // by the data, which are the same
  resolved.settled_plan = before->settled_plan;                // by what was given, which is the same
  check_same_run(*before, resolved, folder);
  return resolved;
}

bool has_test(const TrainingData& data) { return data.test != nullptr && data.test->count() > 0; }

TrainerOptions trainer_options(const Given& given, const RunOptions& options, const TrainingData& data, const fs::path& out) {
  const std::int64_t steps = options.epochs * (data.train->count() / options.batch);
  TrainerOptions how{.epochs = options.epochs,
                     .batch = options.batch,
                     .seed = options.seed,
                     .schedule = rate_schedule(options, std::max<std::int64_t>(1, steps)),
                     .step = {.update = {.clip_norm = options.clip}},
                     .folder = out / "checkpoint",
                     .level = options.level,
                     .fallback = given.strict ? DenseFallback::refused : DenseFallback::said};
  if (options.augment && data.images()) how.augmentation = {.shift = 2, .flip = true, .fill = data.black};
  if (data.validation != nullptr) how.keep_best = data.classes > 0 ? "correct" : "loss";
  how.after_epoch = [text = given.text(), epochs = options.epochs, validates = data.validation != nullptr](const EpochRecord& record) {
    fmt::print(text, "epoch {}/{}  loss {:#.4g}{}  {:.0f} examples/s\n", record.epoch + 1, epochs, record.training.loss,
               accuracy_text(record.test, validates ? "validation" : "test"), record.examples_per_second);
    std::fflush(text);
  };
  return how;
}

// Of the parameters that the network has now. Where the test was measured after the last epoch, that is it.
std::optional<Evaluation> tested(const RunOptions& options, const TrainingData& data, Layer& net, const Trainer& trainer) {
  if (data.validation == nullptr) return trainer.history().back().test;
  if (!has_test(data)) return std::nullopt;
  return Evaluator(net, objective(net, options, data), data.test, 250, options.level).run(arrays_of(net));
}

// What the run leaves in its folder.
void write_results(const Given& given, const RunOptions& options, const TrainingData& data, Layer& net, Trainer& trainer,
                   const fs::path& out) {
  write_safetensors(out / "model.safetensors", arrays_of(net), {{"network", options.model}});
  write_network(net, *data.train, out / "model.onnx");
  nlohmann::json result{{"command", command_text()},
                        {"parameters", net.parameter_count()},
                        {"epochs", epochs_json(trainer, data.validation != nullptr ? Measured::validation : Measured::test)}};
  const std::int64_t best = trainer.best().epoch();
  if (best >= 0) result["best_epoch"] = best + 1;
  const std::optional<Evaluation> measured = tested(options, data, net, trainer);
  if (measured) result["test_loss"] = measured->loss;
  if (measured && measured->metrics.contains("correct")) result["test_accuracy"] = measured->metrics.at("correct");
  write_file(out / "training.json", json_page(result) + "\n");
  write_file(out / "report.html", render_report(training_report(options, data, net, trainer, command_text())));
  if (given.json) fmt::print("{}\n", json_page(result));
  fmt::print(given.text(), "the model is that of epoch {}, {}{}\n", best >= 0 ? best + 1 : options.epochs,
             best >= 0 ? "the best of the validation" : "the last", accuracy_text(measured, "test"));
  fmt::print(given.text(), "in {}: report.html, model.onnx, model.safetensors, training.json, run.json, checkpoint/\n", out.string());
}

int run(const Given& given) {
  use_threads(given.threads);
  const fs::path out = given.resume.empty() ? given.out : given.resume;
  RunOptions options = options_of(given, out);
  Network network = open_network(options);
  const TrainingData data = open_training_data(options.data, options.seed, network.wanted);
  complete(network, options, data);
  Layer& net = *network.layer;
  const std::unique_ptr<UpdateRule> rule = update_rule(options);
  const DatasetPtr test = has_test(data) ? data.test : nullptr;
  Trainer trainer(net, objective(net, options, data), *rule, data.train, data.validation != nullptr ? data.validation : test,
                  trainer_options(given, options, data, out));
  make_folder(out);
  save_run(options, out);
  std::FILE* text = given.text();
  const std::string validation = data.validation == nullptr ? "" : fmt::format(", {} validation", data.validation->count());
  fmt::print(text, "{} of {} parameters; {} training{} and {} test examples from {}; {} at {:g}, {}\n", options.model,
             net.parameter_count(), data.train->count(), validation, test == nullptr ? 0 : test->count(), data.train->place(),
             options.optimizer, options.rate, options.schedule);
  if (trainer.resumed()) fmt::print(text, "goes on from the checkpoint, after {} steps\n", trainer.steps_done());
  std::fflush(text);
  if (trainer.run() == Outcome::stopped) {
    fmt::print(text, "stopped and saved: the same command, or neap train --resume {}, goes on\n", out.string());
    return exit_stopped;
  }
  write_results(given, options, data, net, trainer, out);
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  RunOptions& run_options = given->run;
  options.add("--model", &run_options.model,
              "efficient-net, mlp, linear, or an .onnx file, whose weights are trained further (default: by the data)");
  options.add("--hidden", &run_options.hidden, "widths of an mlp's hidden layers, as 256,64")
      .shows_default()
      .by_commas()
      .between(1, 1 << 20);
  add_data_options(options, run_options.data);
  options.add("--optimizer", &run_options.optimizer, "sgd, adam, adamw or lion").shows_default().one_of({"sgd", "adam", "adamw", "lion"});
  options.add("--schedule", &run_options.schedule, "of the learning rate: constant, cosine, one-cycle, or step (a tenth after each third)")
      .shows_default()
      .one_of({"constant", "cosine", "one-cycle", "step"});
  options
      .add("--rate", &run_options.rate,
           "highest learning rate (default: 0.1 for sgd, 4e-4 for lion, else 4e-3; a tenth of it for an .onnx model)")
      .positive();
  options.add("--warm-up", &run_options.warm_up, "steps in which the rate rises from 0, ahead of the schedule")
      .shows_default()
      .between(0, 1 << 30);
  options.add("--momentum", &run_options.momentum, "of sgd").shows_default().between(0.0, 0.9999);
  options.add("--decay", &run_options.decay, "weight decay").shows_default().not_negative();
  options.add("--clip", &run_options.clip, "largest norm of a step's gradient; 0: any").shows_default().not_negative();
  options.add("--smoothing", &run_options.smoothing, "of class labels").shows_default().between(0.0, 0.99);
  options.add("--no-augment", &given->plain, "images as they are: not shifted, not mirrored");
  const Option epochs = options.add("--epochs", &run_options.epochs, "times over the training examples").shows_default().between(1, 100000);
  options.add("--batch", &run_options.batch, "examples a step").shows_default().between(1, 1 << 20);
  options.add("--seed", &run_options.seed, "of parameters, order, augmentation and split").shows_default();
  add_level(options, run_options.level).shows_default();
  options.add(
      "--plan", &given->plan,
      "JSON as `neap sparsify --plan` takes: weights are made sparse before training, and stay so; an .onnx model's own plan holds for "
      "the rest");
  add_strict_option(options, given->strict);
  const Option out = options.add("--out", &given->out, "folder for checkpoint and model").shows_default();
  const Option resume = options.add("--resume", &given->resume, "folder of a run that goes on, with its own options").not_with(out);
  const Option threads = add_threads(options, given->threads);
  options.add("--restart", &given->restart, "start anew where --out has a run");
  const Option json = options.add("--json", &given->json, "print training.json on standard output, the rest on standard error");
  const std::vector<Option> free{epochs, resume, threads, json};
  return [given, options, epochs, free] {
    given->epochs_given = epochs.given();
    given->others_given = options.given_beside(free);
    return run(*given);
  };
}

const RegisterCommand command{
    {.name = "train",
     .about = "train a network on images or tables; goes on from a checkpoint",
     .declare = declare,
     .examples = {"neap train --epochs 3 --out out/clothes", "neap train --data table.csv --label price --model mlp --hidden 64,64",
                  "neap train --resume out/clothes"}}};

}  // namespace
}  // namespace neap::train_command

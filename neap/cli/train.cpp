// neap train
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/cli/model.h"
#include "neap/demo/export.h"
#include "neap/demo/images.h"
#include "neap/demo/network.h"
#include "neap/files/safetensors.h"
#include "neap/onnx/onnx.h"
#include "neap/optim/adam.h"
#include "neap/train/trainer.h"

namespace neap {
namespace {

struct Given {
  std::filesystem::path data, out = "out/train";
  std::int64_t epochs = 14, batch = 128;
  std::uint64_t seed = 0;
  double rate = 4e-3, decay = 0.01, smoothing = 0.1;
  int level = 4, threads = 0;
  bool plain = false, json = false;
};

nlohmann::json history_json(const Trainer& trainer) {
  nlohmann::json epochs = nlohmann::json::array();
  for (const EpochRecord& record : trainer.history()) {
    nlohmann::json epoch{{"epoch", record.epoch + 1},
                         {"train_loss", record.training.loss},
                         {"seconds", record.seconds},
                         {"images_per_second", record.examples_per_second}};
    if (record.test) {
      epoch["test_loss"] = record.test->loss;
      epoch["test_accuracy"] = record.test->metrics.at("correct");
    }
    epochs.push_back(std::move(epoch));
  }
  return epochs;
}

int run(const Given& given) {
  if (given.threads > 0) set_thread_count(given.threads);
  const ImageSets sets = open_grey_images(given.data);
  const auto net = efficient_net_28(static_cast<std::int64_t>(sets.train->class_names().size()));
  const AdamW rule({.weight_decay = given.decay});
  const std::int64_t steps = given.epochs * (sets.train->count() / given.batch);
  TrainerOptions options{.epochs = given.epochs,
                         .batch = given.batch,
                         .seed = given.seed,
                         .schedule = one_cycle_rate(given.rate, std::max<std::int64_t>(1, steps)),
                         .folder = given.out / "checkpoint",
                         .level = given.level};
  if (!given.plain) options.augmentation = {.shift = 2, .flip = true, .fill = sets.train->black()};
  std::FILE* text = given.json ? stderr : stdout;
  options.after_epoch = [&](const EpochRecord& record) {
    fmt::print(text, "epoch {}/{}  loss {:.4f}  test accuracy {:.2f} %  {:.0f} images/s\n", record.epoch + 1, given.epochs,
               record.training.loss, 100 * record.test->metrics.at("correct"), record.examples_per_second);
    std::fflush(text);
  };
  make_folder(given.out);
  Trainer trainer(*net, classification(*net, given.smoothing), rule, sets.train, sets.test, options);
  if (trainer.resumed()) fmt::print(text, "goes on from the checkpoint, after {} steps\n", trainer.steps_done());
  if (trainer.run() == Outcome::stopped) {
    fmt::print(text, "stopped: the same command goes on from {}\n", options.folder.string());
    return exit_stopped;
  }
  write_safetensors(given.out / "model.safetensors", arrays_of(*net), {{"network", "efficient_net_28"}});
  write_onnx(exported(*net, *sets.test), given.out / "model.onnx");
  const nlohmann::json result{{"command", command_text()}, {"parameters", net->parameter_count()}, {"epochs", history_json(trainer)}};
  write_file(given.out / "training.json", result.dump(2) + "\n");
  if (given.json) fmt::print("{}\n", result.dump(2));
  fmt::print(text, "in {}: model.onnx, model.safetensors, training.json, checkpoint/\n", given.out.string());
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  app.add_option("--data", given->data, "folder of IDX files, or of train/ and test/ pictures (default: Fashion-MNIST)");
  app.add_option("--out", given->out, "folder for checkpoint and model")->capture_default_str();
  app.add_option("--epochs", given->epochs, "times over the training images")->capture_default_str()->check(CLI::Range(1, 100000));
  app.add_option("--batch", given->batch, "images a step")->capture_default_str()->check(CLI::Range(1, 1 << 20));
  app.add_option("--rate", given->rate, "highest learning rate of the one cycle")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--decay", given->decay, "weight decay of AdamW")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--smoothing", given->smoothing, "of the labels")->capture_default_str()->check(CLI::Range(0.0, 0.99));
  app.add_flag("--no-augment", given->plain, "images as they are: not shifted, not mirrored");
  app.add_option("--seed", given->seed, "of parameters, order and augmentation")->capture_default_str();
  app.add_option("--threads", given->threads, "default: all cores")->check(CLI::Range(1, 1024));
  add_level(app, given->level)->capture_default_str();
  app.add_flag("--json", given->json, "print training.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{
    {.name = "train", .about = "train the demo's EfficientNet on images; goes on from a checkpoint", .declare = declare}};

}  // namespace
}  // namespace neap

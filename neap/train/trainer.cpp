#include "neap/train/trainer.h"

#include <cmath>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/hash.h"
#include "neap/base/progress.h"
#include "neap/files/checkpoint.h"
#include "neap/train/diagnose.h"
#include "neap/train/stop_signal.h"

namespace neap {
namespace {

constexpr std::size_t steps_between_backups = 50;

using Json = nlohmann::json;

Module& initialized(Module& module, std::uint64_t seed) {
  module.initialize(seed);
  return module;
}

Json to_json(const Evaluation& evaluation) {
  return {{"loss", evaluation.loss}, {"metrics", evaluation.metrics}, {"examples", evaluation.examples}};
}
Evaluation to_evaluation(const Json& json) {
  return {json.at("loss").get<double>(), json.at("metrics").get<std::map<std::string, double>>(), json.at("examples").get<std::int64_t>()};
}

Json to_json(const EpochRecord& record) {
  Json json{{"epoch", record.epoch},
            {"training", to_json(record.training)},
            {"seconds", record.seconds},
            {"examples_per_second", record.examples_per_second}};
  if (record.test) json["test"] = to_json(*record.test);
  return json;
}
EpochRecord to_record(const Json& json) {
  EpochRecord record{json.at("epoch").get<std::int64_t>(),
                     to_evaluation(json.at("training")),
                     {},
                     json.at("seconds").get<double>(),
                     json.at("examples_per_second").get<double>()};
  if (json.contains("test")) record.test = to_evaluation(json.at("test"));
  return record;
}

const std::string best_prefix = "best/";

std::string identity(const Array& array) {
  return fmt::format("{}{} {}", name(array.dtype()), to_string(array.sizes()), hash_bytes(bytes_of(array)).hex());
}

// What a checkpoint says of inputs that it does not hold.
Json identities(const FixedInputs& fixed) {
  Json all = Json::object();
  for (const auto& [name, array] : fixed) all[name] = identity(array);
  return all;
}

void check_fixed(const FixedInputs& fixed, const Json& state, const std::string& place) {
  const Json there = state.contains("fixed") ? state.at("fixed") : Json::object(), here = identities(fixed);
  for (const auto& [name, value] : here.items()) {
    if (there.contains(name) && there.at(name) == value) continue;
    throw Error(fmt::format("the checkpoint is of a run on other data: '{}' is not what it was", name), place,
                "give the same data, or another folder");
  }
  for (const auto& [name, value] : there.items()) {
    if (!here.contains(name))
      throw Error(fmt::format("the checkpoint is of a run on other data: it had '{}'", name), place,
                  "give the same data, or another folder");
  }
}

void check_identity(const std::map<std::string, std::string>& here, const Json& state, const std::string& place) {
  std::map<std::string, std::string> there;
  if (state.contains("identity")) there = state.at("identity").get<std::map<std::string, std::string>>();
  for (const auto& [name, value] : here) {
    if (there.contains(name) && there.at(name) == value) continue;
    throw Error(fmt::format("the checkpoint is of another run: {} is {} there, {} here", name,
                            there.contains(name) ? there.at(name) : "none", value),
                place, "give the same options, or another folder");
  }
}

}  // namespace

// What the last steps started from, so that they can be run again to find where a number stopped being finite.
struct Trainer::Backup {
  NamedArrays arrays;
  std::int64_t step = 0;  // steps done at that time
  std::vector<std::vector<Array>> batches;
};

Trainer::Trainer(Module& module, Objective objective, const UpdateRule& rule, DatasetPtr training, DatasetPtr test, TrainerOptions options)
    : module_(options.initialize ? initialized(module, options.seed) : module),
      objective_(std::move(objective)),
      options_(std::move(options)),
      training_(std::move(training)),
      test_(std::move(test)),
      loader_(training_, loader_options()),
      graph_(training_step(module_, step_inputs(), objective_, rule, options_.step)),
      state_(graph_, module_, options_.seed, {options_.fixed.begin(), options_.fixed.end()}),
      best_(options_.keep_best, options_.patience) {
  if (loader_.batches() < 1) {
    throw Error(fmt::format("{} examples are less than one batch of {}", training_->count(), options_.batch), training_->place(),
                "use a smaller batch");
  }
  if ((best_.keeps() || options_.patience > 0) && ((test_ == nullptr && !options_.evaluate) || options_.keep_best.empty())) {
    throw Error("the best epoch is found by a measure of data that are not trained on", "training",
                "give such data and keep_best, or leave out keep_best and patience");
  }
  if (!options_.schedule) options_.schedule = constant_rate(1e-3);
  if (!options_.folder.empty() && has_checkpoint(options_.folder)) resume();
}

Trainer::~Trainer() = default;

LoaderOptions Trainer::loader_options() const {
  LoaderOptions made{.batch = options_.batch, .shuffle = options_.shuffle, .seed = options_.seed, .drop_last = true};
  const Augmentation& how = options_.augmentation;
  if (how.shift > 0 || how.flip || how.cutout > 0) {
    made.change = [how, seed = options_.seed](Batch& batch) { augment(batch.arrays[0], how, seed, batch.epoch, batch.indices); };
  }
  if (options_.prepare) made.change = options_.prepare;
  return made;
}

std::vector<StepInput> Trainer::step_inputs() const {
  if (options_.inputs.empty()) return inputs_of(*training_, options_.batch, options_.fixed);
  std::vector<StepInput> inputs = options_.inputs;
  for (StepInput& input : inputs_of(options_.fixed)) inputs.push_back(std::move(input));
  return inputs;
}

void Trainer::use(Executable executable) { executable_.emplace(std::move(executable)); }

Executable& Trainer::executable() {
  if (!executable_) executable_.emplace(make_executable(graph_, options_.level, options_.fallback));
  return *executable_;
}

Outcome Trainer::run() {
  const StopSignal signals;
  if (test_ != nullptr && !options_.evaluate && !evaluator_)
    evaluator_.emplace(module_, objective_, test_, options_.evaluation_batch, options_.level, options_.fixed);
  executable();
  while (epoch_ < options_.epochs && !best_.is_over(epoch_)) {
    if (!run_epoch()) {
      state_.store_into(module_);
      if (!options_.folder.empty()) save();
      return Outcome::stopped;
    }
  }
  settle();
  return Outcome::finished;
}

void Trainer::settle() {
  state_.store_into(module_);
  if (best_.epoch() < 0) return;
  for (const auto& all : {module_.parameters(), module_.buffers()}) {
    for (Parameter* parameter : all) parameter->set(best_.arrays().at(parameter->name()).clone());
  }
}

bool Trainer::run_epoch() {
  const auto start = Clock::now();
  const auto seconds = [&] { return epoch_seconds_ + seconds_since(start); };
  std::optional<Progress> progress;
  const std::int64_t left = (loader_.batches() - batch_) * options_.batch;
  if (options_.progress)
    progress.emplace(fmt::format("epoch {}/{}", epoch_ + 1, options_.epochs), left,
                     training_->fields()[0].sizes.size() == 3 ? "images" : "examples");
  EpochBatches batches = loader_.epoch(epoch_, batch_);
  while (const std::optional<Batch> batch = batches.next()) {
    const std::vector<Array> results = run_step(*batch);
    const double loss = results[0].get(0);
    losses_.push_back(loss);
    running_.loss += loss * static_cast<double>(batch->size());
    for (std::size_t i = 1; i < results.size(); ++i) {
      if (graph_.outputs[i].updates < 0) running_.metrics[graph_.outputs[i].name] += results[i].get(0);
    }
    running_.examples += batch->size();
    ++batch_;
    if (progress) progress->advance(batch->size(), fmt::format("loss {:#.3g}", loss));
    if (StopSignal::asked()) {
      epoch_seconds_ = seconds();
      return false;
    }
  }
  progress.reset();
  finish_epoch(seconds());
  return true;
}

std::vector<Array> Trainer::run_step(const Batch& batch) {
  if (options_.before_step && options_.before_step(step_, batch.arrays, state_)) backup_.reset();
  if (backup_ == nullptr || backup_->batches.size() >= steps_between_backups) {
    backup_ = std::make_unique<Backup>(Backup{state_.copy(), step_, {}});
  }
  backup_->batches.push_back(batch.arrays);
  std::vector<Array> results = executable_->run(state_.inputs(batch.arrays, options_.schedule(step_), step_ + 1));
  state_.take(graph_, results);
  ++step_;
  if (!std::isfinite(results[0].get(0))) report_not_finite();
  return results;
}

void Trainer::finish_epoch(double seconds) {
  EpochRecord record{.epoch = epoch_, .training = running_, .seconds = seconds};
  const double count = static_cast<double>(running_.examples);
  record.training.loss /= count;
  for (auto& [name, value] : record.training.metrics) value /= count;
  record.examples_per_second = count / std::max(1e-9, seconds);
  if (options_.evaluate) {
    record.test = options_.evaluate(state_.arrays());
  } else if (evaluator_) {
    record.test = evaluator_->run(state_.arrays());
  }
  if (record.test) best_.offer(epoch_, *record.test, state_.arrays());
  history_.push_back(record);
  ++epoch_;
  batch_ = 0;
  running_ = {};
  epoch_seconds_ = 0;
  const bool is_last = epoch_ >= options_.epochs || best_.is_over(epoch_);
  if (!options_.folder.empty() && (is_last || epoch_ % options_.save_every == 0)) save();
  if (options_.after_epoch) options_.after_epoch(record);
}

// The steps since the backup run again; the first after which a parameter or state is not finite, or whose loss is not, is looked into.
void Trainer::report_not_finite() {
  const std::vector<Array>& last = backup_->batches.back();
  std::string remedy = std::all_of(last.begin(), last.end(), all_finite) ? "lower the learning rate, or clip the gradients"
                                                                         : "mend the examples: one of this step is not finite";
  if (!options_.folder.empty() && has_checkpoint(options_.folder)) remedy += "; the last good checkpoint is in " + options_.folder.string();
  StepState again = state_;
  again.load(backup_->arrays, "backup");
  std::int64_t step = backup_->step;
  for (const std::vector<Array>& data : backup_->batches) {
    const NamedArrays before = again.copy();
    const std::vector<Array> results = executable_->run(again.inputs(data, options_.schedule(step), step + 1));
    again.take(graph_, results);
    bool finite = std::isfinite(results[0].get(0));
    for (const auto& [name, array] : again.arrays()) finite = finite && all_finite(array);
    if (!finite) {
      again.load(before, "backup");
      const NotFinite found = first_not_finite(graph_, again.inputs(data, options_.schedule(step), step + 1));
      throw Error(fmt::format("step {}: {}", step + 1, found.what.empty() ? "the loss is not finite" : found.what),
                  found.place.empty() ? "graph " + graph_.name : found.place, remedy);
    }
    ++step;
  }
  throw Error(fmt::format("step {}: the loss is not finite", step_), "graph " + graph_.name, remedy);
}

void Trainer::save() const {
  Json epochs = Json::array();
  for (const EpochRecord& record : history_) epochs.push_back(to_json(record));
  NamedArrays arrays = state_.arrays();
  for (const auto& [name, array] : best_.arrays()) arrays[best_prefix + name] = array;
  save_checkpoint(options_.folder, arrays,
                  {{"epoch", epoch_},
                   {"batch", batch_},
                   {"step", step_},
                   {"seed", options_.seed},
                   {"batch_size", options_.batch},
                   {"examples", training_->count()},
                   {"running", to_json(running_)},
                   {"epoch_seconds", epoch_seconds_},
                   {"history", epochs},
                   {"losses", losses_},
                   {"fixed", identities(options_.fixed)},
                   {"identity", options_.identity},
                   {"best", {{"measure", best_.measure()}, {"epoch", best_.epoch()}, {"value", best_.value()}}}});
}

NamedArrays kept_arrays(const Checkpoint& checkpoint) {
  NamedArrays last, best;
  for (const auto& [name, array] : checkpoint.arrays) {
    const bool is_best = name.starts_with(best_prefix);
    (is_best ? best : last)[is_best ? name.substr(best_prefix.size()) : name] = array;
  }
  return best.empty() ? last : best;
}

void Trainer::resume() {
  const std::string place = options_.folder.string();
  const Checkpoint saved = load_checkpoint(options_.folder);
  const auto same = [&](const char* what, auto mine) {
    const auto theirs = saved.state.at(what).template get<decltype(mine)>();
    if (theirs == mine) return;
    throw Error(fmt::format("the checkpoint is of another run: {} is {} there, {} here", what, theirs, mine), place,
                "give the same options, or another folder");
  };
  try {
    NamedArrays arrays, best;
    for (const auto& [name, array] : saved.arrays) {
      const bool is_best = name.starts_with(best_prefix);
      (is_best ? best : arrays)[is_best ? name.substr(best_prefix.size()) : name] = array;
    }
    check_fixed(options_.fixed, saved.state, place);
    state_.load(arrays, place);
    state_.store_into(module_);
    for (const Parameter* parameter : module_.declared(Role::parameter)) parameter->check();
    same("seed", options_.seed);
    same("batch_size", options_.batch);
    same("examples", training_->count());
    check_identity(options_.identity, saved.state, place);
    epoch_ = saved.state.at("epoch").get<std::int64_t>();
    batch_ = saved.state.at("batch").get<std::int64_t>();
    step_ = saved.state.at("step").get<std::int64_t>();
    running_ = to_evaluation(saved.state.at("running"));
    epoch_seconds_ = saved.state.at("epoch_seconds").get<double>();
    for (const Json& record : saved.state.at("history")) history_.push_back(to_record(record));
    if (saved.state.contains("best")) {
      const Json& state = saved.state.at("best");
      best_.load(state.at("measure").get<std::string>(), state.at("epoch").get<std::int64_t>(), state.at("value").get<double>(),
                 std::move(best));
    }
    losses_ = saved.state.at("losses").get<std::vector<double>>();
  } catch (const Json::exception& error) {
    throw Error(fmt::format("the checkpoint is not one of a training run: {}", error.what()), place, "give another folder");
  }
  resumed_ = true;
}

}  // namespace neap

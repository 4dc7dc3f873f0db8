#include "neap/demo/sparse_demo.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/progress.h"
#include "neap/demo/images.h"
#include "neap/demo/predictions.h"
#include "neap/demo/report_parts.h"
#include "neap/files/json.h"
#include "neap/nn/conv.h"
#include "neap/nn/flatten.h"
#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/optim/adam.h"
#include "neap/optim/sgd.h"
#include "neap/sparse/plan.h"
#include "neap/train/mask_revision.h"
#include "neap/viewer/report.h"

namespace neap {
namespace {

using Json = nlohmann::json;

constexpr double training_rate = 3e-3, tuning_rate = 5e-4, sgd_rate = 0.1;
constexpr const char* sparse_names = "*.weight";  // all matrices and filters but for the last layer's, which has ten rows
constexpr const char *dense_names = "classify.weight", *first_names = "conv1.weight";
constexpr double most_lost = 0.01;  // of the accuracy, at 50 % zeros after going on

std::unique_ptr<Sequential> small_net(std::int64_t classes) {
  auto net = std::make_unique<Sequential>();
  net->then<Conv2d>("conv1", 1, 24, 5, ConvOptions{.stride = 2}).then<Activation>("relu1", "relu");   // 14 x 14
  net->then<Conv2d>("conv2", 24, 48, 3, ConvOptions{.stride = 2}).then<Activation>("relu2", "relu");  // 7 x 7
  net->then<Flatten>("flatten").then<Linear>("hidden", 48 * 7 * 7, 96).then<Activation>("relu3", "relu");
  net->then<Linear>("classify", 96, classes);
  return net;
}

class SparseDemo : Narration {
 public:
  explicit SparseDemo(const SparseDemoOptions& options)
      : Narration(options.text), options_(options), sets_(open_grey_images(options.data)) {
    training_ = part_of(sets_.train);
    test_ = part_of(sets_.test);
    labels_ = labels_of(*test_);
    classes_ = static_cast<std::int64_t>(sets_.train->class_names().size());
  }

  SparseDemoResult run() {
    SparseDemoResult result;
    result.stopped = !train_all();
    if (result.stopped) return result;
    write(result);
    result.passed = say_checks();
    return result;
  }

 private:
  using Revise = decltype(TrainerOptions::before_step);

  DatasetPtr part_of(DatasetPtr whole) const { return options_.quick ? first_part(std::move(whole), 10) : whole; }

  std::int64_t steps_in_epoch() const { return training_->count() / options_.batch; }

  // Trains what the module is; false where it was stopped.
  bool train(Layer& net, std::int64_t epochs, double rate, bool initialize, Revise revise = nullptr) {
    return train_by(adam_, net, epochs, rate, initialize, std::move(revise));
  }
  bool train_by(const UpdateRule& rule, Layer& net, std::int64_t epochs, double rate, bool initialize, Revise revise) {
    const RateSchedule schedule = one_cycle_rate(rate, std::max<std::int64_t>(1, epochs * steps_in_epoch()));
    trainer_.emplace(net, classification(net), rule, training_, nullptr,
                     TrainerOptions{.epochs = epochs,
                                    .batch = options_.batch,
                                    .seed = options_.seed,
                                    .initialize = initialize,
                                    .schedule = schedule,
                                    .fallback = DenseFallback::silent,
                                    .before_step = std::move(revise)});
    return trainer_->run() == Outcome::finished;
  }

  // Small layers are quicker dense: here layouts decide what is left of the accuracy, not the time.
  double accuracy_of(Layer& net) { return accuracy(predict(net, *test_, 250, highest_level, DenseFallback::silent), labels_); }

  // A network that is the dense one, made sparse.
  std::unique_ptr<Sequential> pruned(const std::string& sparsifier, const std::string& layout) {
    auto net = small_net(classes_);
    for (Parameter* parameter : net->parameters()) parameter->set(dense_.at(parameter->name()).clone());
    sparse::sparsify(*net, plan(sparsifier, layout));
    return net;
  }

  // One that was never trained, made sparse.
  std::unique_ptr<Sequential> fresh(const std::string& sparsifier, bool first_dense = false) {
    auto net = small_net(classes_);
    net->initialize(options_.seed);
    sparse::sparsify(*net, plan(sparsifier, "masked", first_dense));
    return net;
  }

  sparse::SparsityPlan plan(const std::string& sparsifier, const std::string& layout, bool first_dense = false) const {
    sparse::SparsityPlan made;
    made.seed = options_.seed;
    if (first_dense) made.add(first_names, "keep_all", "masked");
    return made.add(dense_names, "keep_all", "masked").add(sparse_names, sparsifier, layout);
  }

  void note(const std::string& line, double sparsity, double accuracy, const std::string& what = "") {
    lines_[line].push_back({sparsity, accuracy, what});
    say("   {:<22} {:>5.1f} % zeros   {:.2f} %   {}\n", line, 100 * sparsity, 100 * accuracy, what);
  }

  bool train_all() {
    auto net = small_net(classes_);
    const std::int64_t epochs = options_.quick ? 2 : options_.epochs;
    parameters_ = net->parameter_count();
    say("1. {} training and {} test images from {}; a network of {} parameters, {} epochs\n", training_->count(), test_->count(),
        training_->place(), parameters_, epochs);
    if (!train(*net, epochs, training_rate, true)) return false;
    for (const Parameter* parameter : net->parameters()) dense_[parameter->name()] = parameter->value().array();
    dense_accuracy_ = accuracy_of(*net);
    say("2. what each method leaves of it, on the test images:\n");
    note("dense", 0, dense_accuracy_);
    lines_["dense"].push_back({0.95, dense_accuracy_, ""});  // to be seen beside the others
    return prune_at_once() && prune_gradually(epochs) && train_sparse(epochs);
  }

  bool prune_at_once() {
    for (const double sparsity : {0.5, 0.75, 0.9, 0.95}) {
      if (!prune(fmt::format("magnitude sparsity={}", sparsity), "masked", "magnitude", sparsity)) return false;
    }
    const std::pair<const char*, double> grouped[] = {{"nmg n=2 m=4 g=16", 0.5}, {"nmg n=2 m=8 g=4", 0.75}, {"nmg n=1 m=10 g=8", 0.9}};
    for (const auto& [text, sparsity] : grouped) {
      if (!prune(text, "", "grouped n:m", sparsity)) return false;
    }
    return true;
  }

  // One shot, and then going on with what is kept.
  bool prune(const std::string& sparsifier, const std::string& layout, const std::string& name, double sparsity) {
    auto net = pruned(sparsifier, layout);
    note(name + ", at once", sparsity, accuracy_of(*net), sparsifier);
    if (!train(*net, options_.tuning, tuning_rate, false)) return false;
    const double after = accuracy_of(*net);
    note(name + ", tuned", sparsity, after, fmt::format("{} epoch more", options_.tuning));
    if (sparsity == 0.5)
      check(fmt::format("{}, tuned at 50 % zeros: at most {} % lost", name, 100 * most_lost), after >= dense_accuracy_ - most_lost,
            fmt::format("{:.4f}, dense {:.4f}", after, dense_accuracy_));
    return true;
  }

  bool prune_gradually(std::int64_t epochs) {
    const std::int64_t steps = epochs * steps_in_epoch(), end = steps * 3 / 4, every = std::max<std::int64_t>(1, steps / 60);
    for (const double sparsity : {0.9, 0.95}) {
      auto net = fresh("keep_all");
      if (!train(*net, epochs, training_rate, false,
                 GradualPruning(*net, growing_magnitude(sparse::cubic_sparsity(0, sparsity, 0, end)),
                                {.every = every, .until = end + every + 1})))
        return false;
      note("gradual magnitude", sparsity, accuracy_of(*net), "from the start, cubic");
    }
    auto net = fresh("keep_all");
    const SparsifierSchedule grouped = [end](std::int64_t step) {
      const int third = static_cast<int>(std::min<std::int64_t>(2, 3 * step / std::max<std::int64_t>(1, end)));
      static constexpr const char* stages[] = {"nmg n=3 m=4 g=16", "nmg n=2 m=4 g=16", "nmg n=1 m=4 g=16"};
      return sparse::SparsifierChoice::parse(stages[third]);
    };
    if (!train(*net, epochs, training_rate, false, GradualPruning(*net, grouped, {.every = every, .until = end + every + 1}))) return false;
    note("gradual grouped n:m", 0.75, accuracy_of(*net), "3:4, 2:4, then 1:4");
    return true;
  }

  // By SGD, and the first layer stays dense: not like for like with the methods above, which AdamW trains. (By AdamW RigL came out half a
  // percent below SET; why is not known.)
  bool train_sparse(std::int64_t epochs) {
    const std::int64_t steps = epochs * steps_in_epoch();
    for (const char* method : {"rigl", "set"}) {
      for (const double sparsity : {0.9, 0.95}) {
        auto net = fresh(fmt::format("random sparsity={}", sparsity), true);
        const Regrowth revise(*net, inputs_of(*training_, options_.batch), classification(*net), method,
                              sparse::cosine_share(0.3, steps * 3 / 4),
                              {.every = std::max<std::int64_t>(1, steps / 40), .until = steps * 3 / 4, .seed = options_.seed});
        if (!train_by(sgd_, *net, epochs, sgd_rate, false, revise)) return false;
        note(method == std::string_view("rigl") ? "RigL" : "SET", sparsity, accuracy_of(*net),
             "sparse from the start, by SGD, first layer dense");
      }
    }
    return true;
  }

  void write(SparseDemoResult& result) {
    make_folder(options_.out, "give another with --out DIR");
    Json lines = Json::array();
    for (auto& [name, points] : lines_) {
      std::sort(points.begin(), points.end());
      lines.push_back({{"name", name}, {"points", points}});
    }
    Json report{{"title", "Neap: a network made sparse"},
                {"summary", {{"test_accuracy", dense_accuracy_}, {"parameters", parameters_}}},
                {"checks", checks_json(checks())},
                {"series",
                 {{{"title", "Accuracy over the share of zeros"},
                   {"x", "zeros"},
                   {"y", "test accuracy"},
                   {"x_percent", true},
                   {"y_percent", true},
                   {"lines", lines}}}}};
    add_run(report, options_.command);
    write_file(options_.out / "report.html", render_report(report));
    result.figures =
        json_page({{"command", options_.command}, {"machine", report["machine"]}, {"accuracy", lines}, {"checks", report["checks"]}});
    write_file(options_.out / "demo.json", result.figures + "\n");
    say("3. in {}: report.html, demo.json\n", options_.out.string());
  }

  const SparseDemoOptions& options_;
  ImageSets sets_;
  DatasetPtr training_, test_;
  std::vector<std::int64_t> labels_;
  std::int64_t classes_ = 0, parameters_ = 0;
  AdamW adam_;
  Sgd sgd_{{.momentum = 0.9}};
  std::optional<Trainer> trainer_;
  NamedArrays dense_;
  double dense_accuracy_ = 0;
  std::map<std::string, std::vector<std::tuple<double, double, std::string>>> lines_;
};

}  // namespace

SparseDemoResult run_sparse_demo(const SparseDemoOptions& options) { return SparseDemo(options).run(); }

}  // namespace neap

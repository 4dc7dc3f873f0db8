// Sparse training in a few lines a method: a fixed mask that is fine-tuned, gradual pruning, RigL, movement pruning, 2:4 chosen anew in
// each step, a lottery ticket.
#include <fmt/core.h>

#include <cmath>

#include "neap/data/array_dataset.h"
#include "neap/nn/linear.h"
#include "neap/optim/adam.h"
#include "neap/sparse/plan.h"
#include "neap/train/gradient_rules.h"
#include "neap/train/mask_revision.h"
#include "neap/train/trainer.h"

namespace {

using namespace neap;
using sparse::SparsityPlan;

class Net : public Layer {
 protected:
  Tensor forward(const Tensor& x) override { return classify_(relu(hidden_(x))); }

 private:
  Linear &hidden_ = add<Linear>("hidden", 16, 64), &classify_ = add<Linear>("classify", 64, 4);
};

// Sixteen numbers, of which two say the class: the quadrant.
DatasetPtr points() {
  Array x(DType::f32, {2048, 16}), y(DType::i64, {2048});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(12.9898 * static_cast<double>(i + 1)));
  for (std::int64_t i = 0; i < y.count(); ++i) y.set_int(i, (x.get(16 * i) > 0 ? 1 : 0) + (x.get(16 * i + 5) > 0 ? 2 : 0));
  return array_dataset({"x", "y"}, {x, y});
}

const std::vector<StepInput> inputs = {{"x", {DType::f32, {64, 16}, {}}}, {"y", {DType::i64, {64}, {}}}};
constexpr std::int64_t epochs = 12, steps = epochs * 2048 / 64, until = steps * 3 / 4;

struct Run {
  double correct = 0;
  NamedArrays last;
};

using Revision = decltype(TrainerOptions::before_step);

Run train(Net& net, const Revision& revise = nullptr, const UpdateRule& rule = AdamW()) {
  Trainer trainer(net, classification(net), rule, points(), nullptr,
                  {.epochs = epochs,
                   .batch = 64,
                   .initialize = false,
                   .schedule = constant_rate(3e-3),
                   .progress = false,
                   .level = 0,
                   .before_step = revise});
  trainer.run();
  return {trainer.history().back().training.metrics.at("correct"), trainer.state().arrays()};
}

int failures = 0;
void say(const char* method, double correct) {
  fmt::print("{:<36} {:.1f} % right\n", method, 100 * correct);
  failures += correct > 0.85 ? 0 : 1;
}

}  // namespace

int main() {
  Net dense;
  dense.initialize(1);
  say("dense", train(dense).correct);

  // One shot, then the places stay: values are trained, whatever the layout.
  sparse::sparsify(dense, SparsityPlan().add("hidden.weight", "nmg n=2 m=4 g=2"));
  say("2:4:2, a fixed mask fine-tuned", train(dense).correct);

  const auto fresh = [](const SparsityPlan& plan) {
    auto net = std::make_unique<Net>();
    net->initialize(1);
    sparse::sparsify(*net, plan);
    return net;
  };
  auto net = fresh(SparsityPlan().add("hidden.weight", "keep_all", "masked"));
  say("gradual pruning to 80 %",
      train(*net, GradualPruning(*net, growing_magnitude(sparse::cubic_sparsity(0, 0.8, 0, until)), {.every = 10, .until = until + 11}))
          .correct);

  net = fresh(SparsityPlan().add("hidden.weight", "random sparsity=0.8", "masked"));
  say("RigL at 80 %",
      train(*net, Regrowth(*net, inputs, classification(*net), "rigl", sparse::cosine_share(0.3, until), {.every = 10, .until = until}))
          .correct);

  // Scores move with w dL/dw, also of what is left out: gradients go straight through the mask.
  net = fresh(SparsityPlan().add("hidden.weight", "keep_all", "masked").gradient("hidden.weight", "keep_all"));
  const AdamW rule;
  say("movement pruning to 80 %", train(*net,
                                        GradualPruning(*net, growing_magnitude(sparse::cubic_sparsity(0, 0.8, 10, until)),
                                                       {.every = 10, .until = until + 11, .scores = "movement", .revive = true}),
                                        MovementScores(rule))
                                      .correct);

  // 2:4 of the present values in each step.
  net = fresh(SparsityPlan().add("hidden.weight", "nm n=2 m=4", "masked").gradient("hidden.weight", "keep_all"));
  const auto two_of_four = [](std::int64_t) { return sparse::SparsifierChoice::parse("nm n=2 m=4"); };
  say("2:4 in each step", train(*net, GradualPruning(*net, two_of_four, {.every = 1, .until = steps, .revive = true})).correct);

  // The mask of a trained network, on the values that it began with.
  net = fresh(SparsityPlan().add("hidden.weight", "keep_all", "masked"));
  const Run first =
      train(*net, GradualPruning(*net, growing_magnitude(sparse::cubic_sparsity(0, 0.8, 0, until)), {.every = 10, .until = until + 11}));
  SparsityPlan ticket;
  ticket.masks["hidden.weight"] = first.last.at("hidden.weight.mask");
  net = fresh(ticket.add("hidden.weight", "same_format", "csr"));
  say("lottery ticket at 80 %, in CSR", train(*net).correct);

  // A hundredth of the gradient in each step, the rest later.
  net = fresh(SparsityPlan().output("hidden", "threshold least=0.05"));
  say("top-k gradients, thin activations", train(*net, nullptr, ErrorFeedback(rule, "keep_all | dense | magnitude sparsity=0.9")).correct);
  return failures;
}

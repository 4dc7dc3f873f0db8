// Sparse parameters in training: frozen places, masks that change, a stop and a start again.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/file.h"
#include "neap/data/array_dataset.h"
#include "neap/files/checkpoint.h"
#include "neap/nn/conv.h"
#include "neap/nn/linear.h"
#include "neap/optim/adam.h"
#include "neap/optim/sgd.h"
#include "neap/sparse/plan.h"
#include "neap/train/gradient_rules.h"
#include "neap/train/mask_revision.h"
#include "neap/train/trainer.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::sparse_training_test {
namespace {

class Net : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return out_(tanh(hidden_(x))); }

 private:
  Linear& hidden_ = add<Linear>("hidden", 6, 24);
  Linear& out_ = add<Linear>("out", 24, 4);
};

// Takes the six numbers as a picture.
class PictureNet : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return out_(flatten(tanh(conv_(x.reshape({x.type().shape[0], 1, 2, 3}))), 1)); }

 private:
  Conv2d& conv_ = add<Conv2d>("conv", 1, 6, 3);
  Linear& out_ = add<Linear>("out", 36, 4);
};

// The class is the quadrant of the first two numbers; the others say nothing.
DatasetPtr points(std::int64_t count) {
  Array x(DType::f32, {count, 6}), y(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < 6; ++k) x.set(6 * i + k, std::sin(12.9898 * static_cast<double>(6 * i + k + 1)));
    y.set_int(i, (x.get(6 * i) > 0 ? 1 : 0) + (x.get(6 * i + 1) > 0 ? 2 : 0));
  }
  return array_dataset({"x", "y"}, {x, y});
}

const std::vector<StepInput> step_inputs = {{"x", {DType::f32, {16, 6}, {}}}, {"y", {DType::i64, {16}, {}}}};

TrainerOptions options(std::int64_t epochs, const std::filesystem::path& folder = {}) {
  return {.epochs = epochs, .batch = 16, .seed = 5, .schedule = constant_rate(0.05), .folder = folder, .progress = false, .level = 0};
}

Array effective(const Net& net, std::size_t which) { return net.declared(Role::parameter)[which]->value().array(); }

double share_of_zeros(const Array& array) {
  double zeros = 0;
  for (std::int64_t i = 0; i < array.count(); ++i) zeros += array.get(i) == 0 ? 1 : 0;
  return zeros / static_cast<double>(array.count());
}

TEST(SparseTraining, WhatIsNotStoredStaysZero) {
  for (const char* layout : {"csr", "masked", "nmg n=2 m=4 g=1", "blocks r=4 c=1"}) {
    SCOPED_TRACE(layout);
    Net net;
    net.initialize(3);
    const bool grouped = std::string_view(layout).starts_with("nmg");
    const char* sparsifier = grouped                                          ? layout
                             : std::string_view(layout).starts_with("blocks") ? "blocks sparsity=0.5"
                                                                              : "magnitude sparsity=0.5";
    sparse::sparsify(net, sparse::SparsityPlan().add("hidden.weight", sparsifier, layout));
    const Array before = effective(net, 0);
    const Sgd rule({.momentum = 0.9, .weight_decay = 1e-3});
    TrainerOptions how = options(20);
    how.initialize = false;
    Trainer trainer(net, classification(net), rule, points(100), nullptr, how);
    trainer.run();
    const Array after = effective(net, 0);
    EXPECT_GT(trainer.history().back().training.metrics.at("correct"), 0.8);
    int changed = 0;
    for (std::int64_t i = 0; i < after.count(); ++i) {
      if (before.get(i) == 0) {
        ASSERT_EQ(after.get(i), 0) << i;
      }
      changed += after.get(i) != before.get(i) ? 1 : 0;
    }
    EXPECT_GT(changed, 60);
  }
}

struct Revised {
  Net net;
  std::unique_ptr<Trainer> trainer;
  Revised(const std::string& method, const TrainerOptions& given) {
    net.initialize(3);
    const bool gradual = method == "gradual";
    sparse::sparsify(net, sparse::SparsityPlan().add("*.weight", gradual ? "keep_all" : "random sparsity=0.75", "masked"));
    TrainerOptions how = given;
    const Objective objective = classification(net);
    if (gradual) {
      how.before_step = GradualPruning(net, growing_magnitude(sparse::cubic_sparsity(0, 0.8, 6, 60)), {.every = 6, .until = 61});
    } else {
      how.before_step = Regrowth(net, step_inputs, objective, method, sparse::cosine_share(0.3, 60), {.every = 6, .until = 60, .seed = 2});
    }
    trainer = std::make_unique<Trainer>(net, objective, AdamW(), points(100), nullptr, how);
  }
};

TEST(SparseTraining, MasksFollowTheirMethod) {
  for (const char* method : {"gradual", "rigl", "set"}) {
    SCOPED_TRACE(method);
    Revised run(method, options(12));
    const Array mask = run.trainer->state().arrays().at("hidden.weight.mask").clone();
    run.trainer->run();
    const Array& now = run.trainer->state().arrays().at("hidden.weight.mask");
    EXPECT_NEAR(share_of_zeros(now), std::string_view(method) == "gradual" ? 0.8 : share_of_zeros(mask), 1e-2);
    EXPECT_GE(share_of_zeros(effective(run.net, 0)), share_of_zeros(now));
    EXPECT_FALSE(same_bits(now, mask));
    EXPECT_GT(run.trainer->history().back().training.metrics.at("correct"), 0.75);
  }
}

// As a plan judges the matrices of a rule: one sparsity of all, so that small weights go first.
TEST(SparseTraining, MatricesAreJudgedTogether) {
  Net net;
  net.initialize(3);
  sparse::sparsify(net, sparse::SparsityPlan().add("*.weight", "keep_all", "masked"));
  Parameter& large = net.find("out.weight.values");
  large.set(large.value() * 100.0);
  TrainerOptions how = options(1);
  how.initialize = false;
  how.before_step = GradualPruning(net, [](std::int64_t) { return sparse::SparsifierChoice::parse("global_magnitude sparsity=0.5"); },
                                   {.every = 1, .until = 2});
  Trainer(net, classification(net), Sgd(), points(100), nullptr, how).run();
  const auto zeros = [&](const char* name) { return share_of_zeros(net.find(name).value().array()); };
  EXPECT_NEAR(zeros("hidden.weight.mask") * 144 + zeros("out.weight.mask") * 96, 120, 1e-9);  // of [24, 6] and [4, 24]
  EXPECT_GT(zeros("hidden.weight.mask"), 0.7);
  EXPECT_LT(zeros("out.weight.mask"), 0.2);
}

// An object takes what its pattern names: two of them prune parts of a network each in its own way.
TEST(SparseTraining, PartsArePrunedByTheirNames) {
  Net net;
  net.initialize(3);
  sparse::sparsify(net, sparse::SparsityPlan().add("*.weight", "keep_all", "masked"));
  const auto pruned = [&](const std::string& names, const char* sparsifier) {
    return GradualPruning(net, [=](std::int64_t) { return sparse::SparsifierChoice::parse(sparsifier); },
                          {.every = 1, .until = 2, .names = names});
  };
  TrainerOptions how = options(1);
  how.initialize = false;
  how.before_step = [hidden = pruned("hid*", "magnitude sparsity=0.75"), out = pruned("out.weight", "nm n=1 m=2")](
                        std::int64_t step, const std::vector<Array>& batch, StepState& state) {
    const bool first = hidden(step, batch, state), second = out(step, batch, state);
    return first || second;
  };
  Trainer(net, classification(net), Sgd(), points(100), nullptr, how).run();
  EXPECT_DOUBLE_EQ(share_of_zeros(net.find("hidden.weight.mask").value().array()), 0.75);
  EXPECT_DOUBLE_EQ(share_of_zeros(net.find("out.weight.mask").value().array()), 0.5);
  EXPECT_EQ(problem_of([&] { pruned("weight", "magnitude"); }), "no masked parameter is named 'weight'");
}

// The mask after a revision is what the sparsifier says of the gradient of the same network with dense weights.
TEST(SparseTraining, RigLGrowsByTheDenseGradient) {
  Net net, dense;
  net.initialize(3);
  dense.initialize(3);
  sparse::sparsify(net, sparse::SparsityPlan().add("hidden.weight", "random sparsity=0.75", "masked"));
  const Array weights = effective(net, 0), before = net.find("hidden.weight.mask").value().array().clone();
  dense.find("hidden.weight").set(weights);
  const std::vector<Array> batch = points(100)->range(20, 36);
  const Objective mine = classification(net), whole = classification(dense);
  StepState state(training_step(net, step_inputs, mine, AdamW()), net);
  const auto gradients = value_and_gradients(dense, [&] { return whole({batch[0], batch[1]}).loss; });
  const auto parameters = dense.parameters();
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [](const Parameter* one) { return one->name() == "hidden.weight"; });
  const Array gradient = gradients.gradients[static_cast<std::size_t>(found - parameters.begin())].array();
  const Array wanted = sparse::SparsifierChoice::parse("rigl moved=0.4").keep({.weights = weights, .scores = gradient, .before = before});
  const Regrowth revise(net, step_inputs, mine, "rigl", [](std::int64_t) { return 0.4; }, {.every = 7, .until = 100});
  Array &values = state.array("hidden.weight.values"), &means = state.array("optimizer/mean/hidden.weight.values"),
        &squares = state.array("optimizer/square/hidden.weight.values");
  for (std::int64_t i = 0; i < squares.count(); ++i) {
    means.set(i, 0.5);
    squares.set(i, before.get(i) != 0 ? static_cast<double>(i % 5) : 100.0);
    if (before.get(i) == 0) values.set(i, 7);  // what was dropped earlier leaves its value behind
  }
  EXPECT_FALSE(revise(0, batch, state));
  EXPECT_FALSE(revise(6, batch, state));
  EXPECT_FALSE(revise(105, batch, state));
  EXPECT_TRUE(same_bits(state.arrays().at("hidden.weight.mask"), before));
  EXPECT_TRUE(revise(7, batch, state));
  EXPECT_TRUE(same_bits(state.arrays().at("hidden.weight.mask"), wanted));
  EXPECT_FALSE(same_bits(wanted, before));
  int grown = 0;
  for (std::int64_t i = 0; i < values.count(); ++i) {
    if (wanted.get(i) == 0 || before.get(i) != 0) {
      EXPECT_EQ(means.get(i), 0.5);
      continue;
    }
    ++grown;
    EXPECT_EQ(values.get(i), 0);
    EXPECT_EQ(means.get(i), 0);
    EXPECT_EQ(squares.get(i), 0);
  }
  EXPECT_GT(grown, 3);
}

TEST(SparseTraining, AResumedRunGivesTheSameBits) {
  for (const char* method : {"gradual", "rigl", "set"}) {
    SCOPED_TRACE(method);
    TemporaryFolder folder;
    Revised whole(method, options(8));
    whole.trainer->run();
    Revised(method, options(3, folder.path())).trainer->run();
    Revised rest(method, options(8, folder.path()));
    EXPECT_TRUE(rest.trainer->resumed());
    rest.trainer->run();
    for (const auto& [name, array] : whole.trainer->state().arrays())
      EXPECT_TRUE(same_bits(array, rest.trainer->state().arrays().at(name))) << name;
  }
}

// What stores exactly what a sparsifier makes is given that one, any other a share of the largest.
std::string sparsifier_for(const SparseLayout& layout) {
  for (const sparse::Sparsifier* sparsifier : sparse::all_sparsifiers()) {
    if (sparsifier->layout == layout.name) return sparsifier->name;
  }
  return "magnitude";
}

// Components of every layout that there is: saved, loaded, and trained on to the same bits.
TEST(SparseTraining, EveryLayoutGoesOnFromACheckpoint) {
  for (const SparseLayout* layout : all_layouts()) {
    SCOPED_TRACE(layout->name);
    struct Stored {
      Net net;
      Sgd rule{{.momentum = 0.9}};
      std::unique_ptr<Trainer> trainer;
      Stored(const SparseLayout& layout, const TrainerOptions& given) {
        net.initialize(3);
        sparse::sparsify(net, sparse::SparsityPlan().add("*.weight", sparsifier_for(layout), layout.name));
        TrainerOptions how = given;
        how.initialize = false;
        trainer = std::make_unique<Trainer>(net, classification(net), rule, points(64), nullptr, how);
      }
    };
    TemporaryFolder folder;
    Stored whole(*layout, options(3));
    EXPECT_NO_THROW(whole.net.find("hidden.weight." + layout->components[1].name));
    whole.trainer->run();
    Stored(*layout, options(1, folder.path())).trainer->run();
    Stored rest(*layout, options(3, folder.path()));
    EXPECT_TRUE(rest.trainer->resumed());
    rest.trainer->run();
    for (const auto& [name, array] : whole.trainer->state().arrays())
      EXPECT_TRUE(same_bits(array, rest.trainer->state().arrays().at(name))) << name;
  }
}

// Formats of values and gradients, and what rules keep of gradients, go on too.
TEST(SparseTraining, FormatsAndScoresGoOn) {
  struct Formatted {
    Net net;
    AdamW inner;
    ErrorFeedback feedback{inner, "keep_all | dense | magnitude sparsity=0.8"};
    MovementScores rule{feedback};
    std::unique_ptr<Trainer> trainer;
    explicit Formatted(const TrainerOptions& given) {
      net.initialize(3);
      sparse::sparsify(net, sparse::SparsityPlan()
                                .add("hidden.weight", "keep_all", "masked")
                                .add("out.weight", "magnitude sparsity=0.5", "csr")
                                .output("hidden", "random sparsity=0.3")
                                .gradient("hidden.weight", "keep_all")
                                .gradient("hidden: matmul", "threshold least=0.0001"));
      TrainerOptions how = given;
      how.initialize = false;
      how.before_step = GradualPruning(net, growing_magnitude(sparse::cubic_sparsity(0, 0.6, 6, 40)),
                                       {.every = 6, .until = 41, .scores = "movement", .revive = true});
      trainer = std::make_unique<Trainer>(net, classification(net), rule, points(100), nullptr, how);
    }
  };
  TemporaryFolder folder;
  Formatted whole(options(8));
  whole.trainer->run();
  EXPECT_NEAR(share_of_zeros(whole.trainer->state().arrays().at("hidden.weight.mask")), 0.6, 1e-2);
  EXPECT_EQ(whole.trainer->state().arrays().count("optimizer/residual/out.weight.values"), 1u);
  Formatted(options(3, folder.path())).trainer->run();
  Formatted rest(options(8, folder.path()));
  EXPECT_TRUE(rest.trainer->resumed());
  rest.trainer->run();
  for (const auto& [name, array] : whole.trainer->state().arrays())
    EXPECT_TRUE(same_bits(array, rest.trainer->state().arrays().at(name))) << name;
}

// Filters under a mask are stored as they are, and revised as matrices.
TEST(SparseTraining, MasksOfFiltersHaveTheirSizes) {
  for (const char* method : {"gradual", "rigl"}) {
    SCOPED_TRACE(method);
    PictureNet net;
    net.initialize(3);
    const bool gradual = std::string_view(method) == "gradual";
    sparse::sparsify(net, sparse::SparsityPlan().add("conv.weight", gradual ? "keep_all" : "random sparsity=0.5", "masked"));
    TrainerOptions how = options(10);
    how.initialize = false;
    const Objective objective = classification(net);
    if (gradual) {
      how.before_step = GradualPruning(net, growing_magnitude(sparse::cubic_sparsity(0, 0.5, 6, 40)), {.every = 6, .until = 41});
    } else {
      how.before_step = Regrowth(net, step_inputs, objective, method, sparse::cosine_share(0.3, 40), {.every = 6, .until = 40});
    }
    const Array before = net.find("conv.weight.mask").value().array().clone();
    EXPECT_EQ(before.sizes(), (Sizes{6, 1, 3, 3}));
    Trainer(net, objective, AdamW(), points(100), nullptr, how).run();
    const Array after = net.find("conv.weight.mask").value().array();
    EXPECT_NEAR(share_of_zeros(after), gradual ? 0.5 : share_of_zeros(before), 1e-2);
    EXPECT_FALSE(same_bits(after, before));
    EXPECT_GE(share_of_zeros(net.declared(Role::parameter)[0]->value().array()), 0.5);
  }
}

// A step's graph has nothing of the operators that only say what becomes of gradients.
TEST(SparseTraining, FormatsOfGradientsAreInTheStep) {
  Net net;
  net.initialize(1);
  sparse::sparsify(net,
                   sparse::SparsityPlan().gradient("hidden", "threshold least=0.5").gradient("out.weight", "keep_all | dense | magnitude"));
  const std::string text = to_string(training_step(net, step_inputs, classification(net), AdamW()));
  EXPECT_EQ(text.find("format_cotangent"), std::string::npos);
  EXPECT_NE(text.find("threshold least=0.5"), std::string::npos);
  EXPECT_NE(text.find("magnitude sparsity=0.5"), std::string::npos);
}

// What is stored of a matrix decays as the matrix would, whatever the rank of its values; biases do not.
TEST(SparseTraining, StoredValuesDecay) {
  for (const char* layout : {"csr", "coo", "masked", "blocks r=4 c=1"}) {
    SCOPED_TRACE(layout);
    Net net;
    net.initialize(3);
    sparse::sparsify(net, sparse::SparsityPlan().add("hidden.weight", "keep_all", layout));
    const Graph step = training_step(net, step_inputs, classification(net), Sgd({.weight_decay = 1}));
    StepState with(step, net), without(training_step(net, step_inputs, classification(net), Sgd()), net);
    const std::vector<Array> batch = points(16)->range(0, 16);
    const auto run = [&](const Graph& graph, StepState& state) {
      const std::vector<Array> results = make_executable(graph, 0).run(state.inputs(batch, 0.25, 1));
      state.take(graph, results);
    };
    const Array before = with.array("hidden.weight.values").clone();
    run(step, with);
    run(training_step(net, step_inputs, classification(net), Sgd()), without);
    for (std::int64_t i = 0; i < before.count(); ++i) {
      ASSERT_NEAR(with.array("hidden.weight.values").get(i), without.array("hidden.weight.values").get(i) - 0.25 * before.get(i), 1e-6);
    }
    EXPECT_TRUE(same_bits(with.array("hidden.bias"), without.array("hidden.bias")));
  }
}

// Whatever the layout, a checkpoint holds it: the same bits as in one run.
TEST(SparseTraining, EveryLayoutGoesOn) {
  for (const SparseLayout* layout : all_layouts()) {
    const bool grouped = layout->name == "nm" || layout->name == "nmg";
    const std::string text = layout->name == "nmg" ? "nmg n=2 m=4 g=1" : layout->name;
    for (const std::string& stored : {text, text + " values=bf16"}) {
      SCOPED_TRACE(stored);
      const auto trained = [&](std::int64_t epochs, const std::filesystem::path& folder) {
        Net net;
        net.initialize(3);
        sparse::sparsify(net, sparse::SparsityPlan().add("hidden.weight", grouped ? text : "magnitude sparsity=0.6", stored));
        TrainerOptions how = options(epochs, folder);
        how.initialize = false;
        Trainer trainer(net, classification(net), AdamW(), points(48), nullptr, how);
        trainer.run();
        return trainer.state().copy();
      };
      TemporaryFolder folder;
      const NamedArrays whole = trained(3, {});
      trained(1, folder.path());
      for (const auto& [name, array] : trained(3, folder.path())) EXPECT_TRUE(same_bits(array, whole.at(name))) << name;
    }
  }
}

// Places from a file are looked at before a kernel follows them.
TEST(SparseTraining, ACheckpointWithPlacesOutOfRangeIsRefused) {
  TemporaryFolder folder;
  const auto trained = [&](std::int64_t epochs) {
    auto net = std::make_unique<Net>();
    net->initialize(3);
    sparse::sparsify(*net, sparse::SparsityPlan().add("hidden.weight", "magnitude sparsity=0.5", "csr"));
    TrainerOptions how = options(epochs, folder.path());
    how.initialize = false;
    Trainer(*net, classification(*net), AdamW(), points(100), nullptr, how).run();
  };
  trained(1);
  Checkpoint saved = load_checkpoint(folder.path());
  saved.arrays.at("hidden.weight.columns").set_int(3, 1 << 20);
  save_checkpoint(folder.path(), saved.arrays, saved.state);
  EXPECT_EQ(problem_of([&] { trained(2); }), "columns: element 3 is 1048576, outside of 0 to 5");
  EXPECT_NE(error_of([&] { trained(2); }).find("parameter 'hidden.weight'"), std::string::npos);
}

TEST(SparseTraining, Refusals) {
  Net net;
  net.initialize(1);
  EXPECT_EQ(problem_of([&] { GradualPruning(net, growing_magnitude(sparse::cubic_sparsity(0, 1, 0, 1)), {}); }), "no parameter is masked");
  sparse::sparsify(net, sparse::SparsityPlan().add("*.weight", "keep_all", "masked"));
  EXPECT_EQ(problem_of([&] { GradualPruning(net, growing_magnitude(sparse::cubic_sparsity(0, 1, 0, 1)), {.every = 0}); }), "every 0 steps");
  EXPECT_EQ(problem_of([&] { Regrowth(net, step_inputs, classification(net), "magnitude", sparse::cosine_share(0.3, 1), {}); }),
            "'magnitude' does not regrow");
}

}  // namespace
}  // namespace neap::sparse_training_test

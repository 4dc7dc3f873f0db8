// Plans on modules and graphs: what they store, that training goes on through it, and what they refuse.
#include "neap/sparse/plan.h"

#include <gtest/gtest.h>

#include "neap/layouts/packing.h"
#include "neap/nn/linear.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/tensor/compile.h"
#include "neap/transform/optimizer.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::sparse::plan_test {
namespace {

class Net : public Layer {
 public:
  Net() : first_(add<Linear>("first", 24, 16)), second_(add<Linear>("second", 16, 5)) {}

 protected:
  Tensor forward(const Tensor& x) override { return second_(call("relu", {first_(x)})); }

 private:
  Linear &first_, &second_;
};

const std::vector<std::string> rules = {"magnitude sparsity=0.7", "nm n=2 m=4",          "nmg n=2 m=4 g=2",
                                        "nmg n=1 m=4 g=3",        "blocks sparsity=0.5", "random sparsity=0.5"};

Tensor input() {
  Array x(DType::f32, {6, 24});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(static_cast<double>(i)));
  return x;
}

TEST(Plan, ANetworkComputesWithTheMaskedWeights) {
  for (const std::string& rule : rules) {
    for (const char* layout : {"", "masked", "csr", "coo"}) {
      SCOPED_TRACE(rule + " as " + layout);
      Net net, dense;
      net.initialize(1);
      dense.initialize(1);
      const auto reports = sparsify(net, SparsityPlan().add("*.weight", rule, layout));
      ASSERT_EQ(reports.size(), 2u);
      EXPECT_EQ(reports[0].name, "first.weight");
      EXPECT_GT(reports[0].sparsity, 0.3);
      EXPECT_GT(reports[0].energy, 1 - reports[0].sparsity - 0.1);
      for (const char* name : {"first.weight", "second.weight"}) {
        const auto declared = net.declared(Role::parameter);
        const auto sparse = std::find_if(declared.begin(), declared.end(), [&](const Parameter* one) { return one->name() == name; });
        dense.find(name).set((*sparse)->value().array());
      }
      expect_close(net(input()).array(), dense(input()).array(), 1e-5, rule);
    }
  }
}

// Stored in half the bytes, the network computes with the rounded values.
TEST(Plan, ValuesInFewerBits) {
  Net net, dense;
  net.initialize(1);
  dense.initialize(1);
  const auto reports = sparsify(net, SparsityPlan().add("first.weight", "nmg n=2 m=4 g=2", "nmg n=2 m=4 g=2 values=bf16"));
  EXPECT_EQ(net.find("first.weight.values").type().dtype, DType::bf16);
  EXPECT_LT(reports[0].stored_bytes, reports[0].dense_bytes / 2);
  dense.find("first.weight")
      .set(Tensor(with_zeros(dense.find("first.weight").value().array(), reports[0].mask)).cast(DType::bf16).cast(DType::f32));
  expect_close(net(input()).array(), dense(input()).array(), 1e-5, "bf16");
}

TEST(Plan, GradientsReachTheStoredValuesAlone) {
  for (const std::string& rule : rules) {
    SCOPED_TRACE(rule);
    Net net, dense;
    net.initialize(2);
    dense.initialize(2);
    sparsify(net, SparsityPlan().add("first.weight", rule, "csr"));
    const Parameter* first = net.declared(Role::parameter)[0];
    const Array weights = first->value().array();
    dense.find("first.weight").set(weights);
    const auto loss = [](Layer& of) { return sum(of(input()) * of(input())); };
    const auto mine = value_and_gradients(net, [&] { return loss(net); }), wanted = value_and_gradients(dense, [&] { return loss(dense); });
    const Array values = mine.gradients[0].array(), full = wanted.gradients[0].array();
    ASSERT_EQ(net.parameters()[0]->name(), "first.weight.values");
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < weights.count(); ++i) {
      if (weights.get(i) == 0) continue;
      ASSERT_NEAR(values.get(next++), full.get(i), 1e-4);
    }
    EXPECT_EQ(next, values.count());
  }
}

TEST(Plan, AGraphsParametersBecomeComponents) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {Dim::symbol("N"), 24}, {}}),
            w = build.input("w", {DType::f32, {16, 24}, {}}, Role::parameter);
  const Var b = build.input("b", {DType::f32, {16}, {}}, Role::parameter);
  graph.add_output((build.call("matmul", {x, w}, {{"transpose_b", true}}) + b).id(), "y");
  Array weights(DType::f32, {16, 24}), bias = Array::full(DType::f32, {16}, 0.5);
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.set(i, std::cos(static_cast<double>(i * i)));
  std::map<std::string, Array> parameters{{"w", weights}, {"b", bias}};
  const auto reports = sparsify(graph, parameters, SparsityPlan().add("w", "nmg n=2 m=4 g=4"));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_DOUBLE_EQ(reports[0].sparsity, 0.5);
  EXPECT_LT(reports[0].stored_bytes, reports[0].dense_bytes);
  verify(graph);
  std::vector<Array> arrays;
  for (const Input& one : graph.inputs) arrays.push_back(one.name == "x" ? input().array() : parameters.at(one.name));
  Optimizer optimizer(graph);
  optimizer.optimize(4);
  expect_close(Executable(optimizer.graph()).run(arrays)[0], interpret(graph, arrays)[0], 1e-5, "nmg");
  EXPECT_EQ(graph.inputs[1].name, "w.values");
  EXPECT_EQ(graph.inputs[2].role, Role::state);
}

TEST(Plan, FiltersAreMatricesOfTheirOutputs) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {1, 3, 5, 5}, {}}), w = build.input("w", {DType::f32, {8, 3, 3, 3}, {}}, Role::parameter);
  graph.add_output(build.call("conv", {x, w}).id(), "y");
  Array filters(DType::f32, {8, 3, 3, 3});
  for (std::int64_t i = 0; i < filters.count(); ++i) filters.set(i, std::cos(static_cast<double>(i)));
  std::map<std::string, Array> parameters{{"w", filters}};
  sparsify(graph, parameters, SparsityPlan().add("*", "blocks sparsity=0.5 r=4 c=1"));
  EXPECT_EQ(parameters.at("w.values").sizes(), (Sizes{27, 4, 1}));
  verify(graph);
}

// What would be reported of them is no number.
TEST(Plan, WhatIsNotFiniteIsRefusedByName) {
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const std::string& rule : rules) {
      Graph graph;
      Builder build(graph);
      graph.add_output(build.input("w", {DType::f32, {16, 24}, {}}, Role::parameter).id(), "y");
      Array weights = Array::full(DType::f32, {16, 24}, 1);
      weights.set(100, bad);
      std::map<std::string, Array> parameters{{"w", weights}};
      expect_error([&] { sparsify(graph, parameters, SparsityPlan().add("w", rule, "csr")); }, "element 100 is ", "parameter 'w'");
    }
  }
}

TEST(Plan, ChunksWiderThanAnyMatrixAreRefusedByName) {
  Graph graph;
  Builder build(graph);
  graph.add_output(build.input("w", {DType::f32, {4, 4}, {}}, Role::parameter).id(), "y");
  std::map<std::string, Array> parameters{{"w", Array::full(DType::f32, {4, 4}, 1)}};
  for (const char* sparsifier : {"keep_all", "nmg n=6 m=12 g=65536", "nmg_greedy n=6 m=12 g=65536"})
    expect_error([&] { sparsify(graph, parameters, SparsityPlan().add("w", sparsifier, "nmg n=6 m=12 g=65536")); },
                 "a chunk of 6:12:65536 is 60555264 columns", "parameter 'w'");
}

TEST(Plan, NamesWithStars) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*c", "abbbc"));
  EXPECT_TRUE(matches("*.weight", "block1.fc.weight"));
  EXPECT_TRUE(matches("a**b*", "axxb"));
  EXPECT_FALSE(matches("*.weight", "block1.fc.bias"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_FALSE(matches("", "a"));
}

TEST(Plan, AsJson) {
  const SparsityPlan plan = SparsityPlan{.seed = 9}.add("*.weight", "nmg n=1 m=4 g=8").add("x", "magnitude sparsity=0.9", "coo");
  const SparsityPlan again = SparsityPlan::parse_json(plan.to_json(), "here");
  EXPECT_EQ(again.to_json(), plan.to_json());
  EXPECT_EQ(again.weights[0].layout.to_string(), "nmg n=1 m=4 g=8");
  EXPECT_EQ(again.seed, 9u);
  const auto problem = [](const char* text) { return problem_of([&] { SparsityPlan::parse_json(text, "plan.json"); }); };
  EXPECT_EQ(problem("{"), "this is no JSON");
  EXPECT_EQ(problem("[]"), "an object is wanted");
  EXPECT_EQ(problem("{}"), "a list 'weights' is wanted");
  EXPECT_EQ(problem(R"({"weight": []})"), "'weight' is not known");
  EXPECT_EQ(problem(R"({"weights": [], "seed": -1})"), "the seed is a number from 0 on");
  EXPECT_EQ(problem(R"({"weights": [3]})"), "an object is wanted");
  EXPECT_EQ(problem(R"({"weights": [{"names": "*"}]})"), "a text 'sparsifier' is wanted");
  EXPECT_EQ(problem(R"({"weights": [{"names": "*", "sparsifier": "nmg n=0"}]})"), "n = 0 is outside 1 to 64");
  EXPECT_NE(error_of([] {
              SparsityPlan::parse_json(R"({"weights": [{"names": "*", "sparsifier": "what"}]})", "plan.json");
            }).find("plan.json, weights, rule 1"),
            std::string::npos);
}

// Nothing kept, everything kept, nothing but zeros: forward and backward.
TEST(Plan, FromNothingToEverything) {
  for (const char* layout : {"csr", "csc", "coo", "ell", "blocks r=4 c=1", "masked"}) {
    for (const char* sparsity : {"magnitude sparsity=1", "magnitude sparsity=0"}) {
      for (const bool zeros : {false, true}) {
        SCOPED_TRACE(std::string(sparsity) + " as " + layout);
        Net net, dense;
        net.initialize(1);
        dense.initialize(1);
        if (zeros) net.find("first.weight").set(Tensor::zeros(DType::f32, {16, 24}));
        const auto reports = sparsify(net, SparsityPlan().add("first.weight", sparsity, layout));
        EXPECT_EQ(reports[0].sparsity, std::string_view(sparsity).ends_with("1") ? 1 : 0);
        dense.find("first.weight").set(net.declared(Role::parameter)[0]->value().array());
        const Tensor x = input();
        const auto loss = [&](Layer& of) { return sum(of(x) * 3.0); };
        const auto mine = value_and_gradients(net, [&] { return loss(net); }),
                   wanted = value_and_gradients(dense, [&] { return loss(dense); });
        EXPECT_NEAR(mine.value.item(), wanted.value.item(), 1e-3);
        const Array got = compile([&](const Tensor& given) { return net(given); })(x).array();
        expect_close(got, dense(x).array(), 1e-5, layout);
      }
    }
  }
}

// SNIP, Wanda, OBS and others say what each element is worth; a mask may come from anywhere.
TEST(Plan, ScoresAndMasksOfWeights) {
  Net net, masked;
  net.initialize(1);
  masked.initialize(1);
  Array scores = Array::zeros(DType::f32, {16, 24}), mask = Array::zeros(DType::boolean, {16, 24});
  for (std::int64_t i = 0; i < 48; ++i) scores.set(7 * i, static_cast<double>(i + 1));
  for (std::int64_t i = 0; i < 48; ++i) mask.set(7 * i, 1);
  SparsityPlan plan = SparsityPlan().add("first.weight", "magnitude sparsity=0.875");
  plan.scores["first.weight"] = scores;
  EXPECT_TRUE(same_bits(sparsify(net, plan)[0].mask, mask));
  SparsityPlan given = SparsityPlan().add("first.weight", "same_format");
  given.masks["first.weight"] = mask;
  EXPECT_TRUE(same_bits(sparsify(masked, given)[0].mask, mask));
  Net other;
  other.initialize(1);
  plan.scores["first.weight"] = Array::zeros(DType::f32, {24, 16});
  EXPECT_EQ(problem_of([&] { sparsify(other, plan); }), "the scores are [24,16], the parameter [16,24]");
  given.masks["first.weight"] = Array::zeros(DType::f32, {16, 24});
  EXPECT_EQ(problem_of([&] { sparsify(other, given); }), "the mask is f32[16,24], weights are [16,24]");
  given.masks = {{"third.weight", mask}};
  EXPECT_EQ(problem_of([&] { sparsify(other, given); }), "there are scores or a mask for 'third.weight', which is no parameter");
  EXPECT_EQ(problem_of([&] { plan.to_json(); }), "scores and masks of weights cannot be written");
}

// One sparsity over all that a rule names; what is kept is larger than what goes, whichever matrix it is of. A rule ahead takes its names.
TEST(Plan, OneSparsityOverSeveralMatrices) {
  Net net;
  net.initialize(1);
  net.find("second.weight").set(net.find("second.weight").value() * 4.0);
  const Array first = net.find("first.weight").value().array(), second = net.find("second.weight").value().array();
  const auto reports = sparsify(net, SparsityPlan().add("*.weight", "global_magnitude sparsity=0.75"));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_GT(reports[0].sparsity, reports[1].sparsity + 0.3);
  const auto elements = static_cast<double>(first.count() + second.count());
  EXPECT_NEAR(reports[0].sparsity * static_cast<double>(first.count()) + reports[1].sparsity * static_cast<double>(second.count()),
              0.75 * elements, 0.51);
  double least = HUGE_VAL, dropped = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    const Array& weights = k == 0 ? first : second;
    for (std::int64_t i = 0; i < weights.count(); ++i) {
      const double magnitude = std::abs(weights.get(i));
      if (reports[k].mask.get(i) != 0)
        least = std::min(least, magnitude);
      else
        dropped = std::max(dropped, magnitude);
    }
  }
  EXPECT_GE(least, dropped);

  Net other;
  other.initialize(1);
  const auto alone = sparsify(other, SparsityPlan().add("second*", "magnitude sparsity=0.5").add("*", "global_magnitude sparsity=0.75"));
  EXPECT_DOUBLE_EQ(alone[0].sparsity, 0.75);
  EXPECT_DOUBLE_EQ(alone[1].sparsity, 0.5);
}

// A rule that keeps all leaves a weight to itself, whatever comes behind it.
TEST(Plan, AWeightStaysDenseByRule) {
  const SparsityPlan plan =
      SparsityPlan::parse_json(SparsityPlan().add("second.weight", "keep_all").add("*.weight", "magnitude sparsity=0.9").to_json(), "here");
  EXPECT_EQ(plan.weights[0].layout.layout, nullptr);
  Net net;
  net.initialize(1);
  const Array second = net.find("second.weight").value().array().clone();
  const auto reports = sparsify(net, plan);
  EXPECT_EQ(reports[1].layout, "dense");
  EXPECT_EQ(reports[1].stored_bytes, reports[1].dense_bytes);
  EXPECT_TRUE(same_bits(net.find("second.weight").value().array(), second));
  EXPECT_EQ(net.find("first.weight.values").value().array().count(), 38);

  Net thin;  // zeros in a dense parameter
  thin.initialize(1);
  sparsify(thin, SparsityPlan().add("second.weight", "magnitude sparsity=0.5", "dense"));
  const Array zeros = thin.find("second.weight").value().array();
  EXPECT_DOUBLE_EQ(sparsity_of(nonzero(zeros)), 0.5);
}

TEST(Plan, GoesOnWithOneFromBefore) {
  const SparsityPlan before = SparsityPlan{.seed = 7}.add("a", "random").add("*", "nm").output("x", "random").output("y", "threshold");
  SparsityPlan plan = SparsityPlan().add("a", "magnitude").output("y", "threshold least=0.5").go_on(before);
  ASSERT_EQ(plan.weights.size(), 3u);
  EXPECT_EQ(plan.weights[0].keep, Keep::chosen);
  EXPECT_EQ(plan.weights[2].names, "*");
  EXPECT_EQ(plan.weights[2].keep, Keep::nonzero);
  ASSERT_EQ(plan.outputs.size(), 2u);  // the rule of the same names is gone
  EXPECT_EQ(plan.outputs[0].format.inline_sparsifier.to_string(), "threshold least=0.5");
  EXPECT_EQ(plan.seed, 7u);  // by which `x` goes on drawing
  EXPECT_EQ(problem_of([&] { SparsityPlan{.seed = 8}.output("z", "random").go_on(before); }),
            "the seed is 8; what was made sparse before draws by 7");
  EXPECT_EQ((SparsityPlan{.seed = 8}.output("z", "threshold").go_on(before).seed), 7u);
}

// A random sparsifier of an earlier plan does not choose again.
TEST(Plan, WhatAnEarlierPlanMadeStaysAsItIs) {
  Graph graph;
  Builder build(graph);
  graph.add_output(build.input("w", {DType::f32, {4, 4}, {}}, Role::parameter).id(), "y");
  Array weights = Array::full(DType::f32, {4, 4}, 1);
  for (const int i : {0, 3, 9}) weights.set(i, 0);
  std::map<std::string, Array> parameters{{"w", weights}};
  const auto reports = sparsify(graph, parameters, SparsityPlan().go_on(SparsityPlan().add("*", "random sparsity=0.9")));
  EXPECT_TRUE(same_bits(with_zeros(weights, reports[0].mask), weights));
  EXPECT_EQ(parameters.at("w.values").count(), 13);
}

TEST(Plan, NaNIsNamedWithItsTensor) {
  Net net;
  net.initialize(1);
  Array weights = net.find("first.weight").value().array().clone();
  weights.set(5, std::nan(""));
  net.find("first.weight").set(weights);
  EXPECT_NE(error_of([&] { sparsify(net, SparsityPlan().add("*.weight", "magnitude")); }).find("parameter 'first.weight'"),
            std::string::npos);
  EXPECT_EQ(problem_of([&] { sparsify(net, SparsityPlan().add("*.weight", "magnitude")); }), "element 5 is NaN");
}

TEST(Plan, Refusals) {
  Net net;
  net.initialize(1);
  EXPECT_EQ(problem_of([&] { sparsify(net, SparsityPlan().add("third.weight", "magnitude")); }), "'third.weight' names no parameter");
  EXPECT_EQ(problem_of([&] { sparsify(net, SparsityPlan().add("*.bias", "magnitude")); }), "'*.bias' names only vectors");
  EXPECT_EQ(problem_of([&] { sparsify(net, SparsityPlan().add("first.weight", "magnitude sparsity=0.1", "nm n=1 m=4")); }),
            "the mask is not 1:4: rows 0 to 3 of column 0 keep more");
  EXPECT_NE(error_of([&] {
              sparsify(net, SparsityPlan().add("first.weight", "magnitude sparsity=0.1", "nm n=1 m=4"));
            }).find("parameter 'first.weight'"),
            std::string::npos);
  EXPECT_EQ(net.parameters().size(), 4u);  // nothing was changed
  sparsify(net, SparsityPlan().add("first.weight", "magnitude"));
  EXPECT_EQ(problem_of([&] { sparsify(net, SparsityPlan().add("*.weight", "magnitude")); }),
            "first.weight is sparse already, or composed otherwise");
  EXPECT_EQ(problem_of([&] {
              net.declared(Role::parameter)[0]->set(Array::zeros(DType::f32, {16, 24}));
            }),
            "first.weight is composed of parts");
}

}  // namespace
}  // namespace neap::sparse::plan_test

// Output formats: of what modules and graphs make, of gradients; what they fuse into, and what they refuse.
#include "neap/sparse/format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "neap/autodiff/gradient.h"
#include "neap/nn/dropout.h"
#include "neap/nn/linear.h"
#include "neap/ops/interpreter.h"
#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/trace.h"
#include "tests/sparse/formatted_graph.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::sparse::format_test {
namespace {

// In a graph a sparsifier keeps what it keeps of weights.
TEST(Format, AGraphKeepsWhatTheHostKeeps) {
  for (const Sizes& sizes : {Sizes{7, 13}, Sizes{1, 1}, Sizes{8, 5}, Sizes{3, 4, 5}}) {
    for (const char* text : {"keep_all", "threshold least=0.4", "magnitude sparsity=0.7", "magnitude sparsity=0", "magnitude sparsity=1",
                             "magnitude sparsity=0.5 per_row=1", "nm n=1 m=4", "nm n=2 m=3", "nmg_greedy n=2 m=4 g=1",
                             "nmg_greedy n=1 m=3 g=2", "nmg_greedy n=3 m=3", "blocks sparsity=0.6 r=2 c=3", "blocks sparsity=1 r=4 c=1"}) {
      SCOPED_TRACE(std::string(text) + " of " + to_string(sizes));
      const Array x = waves(sizes), matrix = x.reshape({x.count() / sizes.back(), sizes.back()});
      const Array wanted = with_zeros(x, SparsifierChoice::parse(text).keep({.weights = matrix}));
      const Graph graph = formatted_graph(std::string("keep_all | dense | ") + text, Shape(sizes.begin(), sizes.end()));
      verify(graph);
      EXPECT_TRUE(same_bits(interpret(graph, {x})[0], wanted));
      EXPECT_TRUE(same_bits(run_optimized(graph, {x}), wanted));
    }
  }
}

TEST(Format, OfEqualElementsTheFirstAreKept) {
  const Array x = Array::full(DType::f32, {4, 5}, -2);
  const Graph graph = formatted_graph("keep_all | dense | magnitude sparsity=0.5", {4, 5});
  EXPECT_TRUE(same_bits(interpret(graph, {x})[0], with_zeros(x, SparsifierChoice::parse("magnitude sparsity=0.5").keep({.weights = x}))));
}

TEST(Format, OpenSizesAreCountedInTheRun) {
  const Graph graph = formatted_graph("keep_all | dense | magnitude sparsity=0.7", {Dim::symbol("N"), 13});
  for (const std::int64_t rows : {1, 2, 7}) {
    const Array x = waves({rows, 13});
    EXPECT_TRUE(
        same_bits(run_optimized(graph, {x}), with_zeros(x, SparsifierChoice::parse("magnitude sparsity=0.7").keep({.weights = x}))));
  }
}

// Streaming sparsifiers run in the kernel that makes the elements: no kernel more, no value more between kernels.
TEST(Format, InlineSparsifiersFuseIntoTheProducer) {
  const auto kernels = [](const char* format, const Array& mask) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {64, 96}, {}}), b = build.input("b", {DType::f32, {96}, {}});
    FormatInputs inputs{.stream = 5};
    if (OutputFormat::parse(format).draws()) inputs.seed = build.input("seed", {DType::i64, {}, {}});
    if (!mask.empty()) inputs.mask = build.constant(mask);
    const Var made = in_format(build, unary("swish", x * x + b), OutputFormat::parse(format), inputs);
    graph.add_output((made * 3.0).id(), "y");
    Optimizer optimizer(graph);
    optimizer.optimize(4);
    return optimizer.graph().nodes().size();
  };
  Array mask(DType::boolean, {96});
  for (std::int64_t i = 0; i < 96; ++i) mask.set(i, i % 3 == 0 ? 1 : 0);
  EXPECT_EQ(kernels("keep_all", {}), 1u);
  EXPECT_EQ(kernels("threshold least=0.1", {}), 1u);
  EXPECT_EQ(kernels("random sparsity=0.5", {}), 1u);
  EXPECT_EQ(kernels("same_format", mask), 1u);
  EXPECT_EQ(kernels("threshold least=0.1 | masked", {}), 1u);
  EXPECT_GT(kernels("keep_all | dense | magnitude sparsity=0.5", {}), 1u);
}

// What says that it looks at each element alone does so, or it could not be fused.
// One that looks at a short block ranks its elements where they are made: between kernels there is a mask, but neither magnitudes nor
// places, of eight bytes an element.
TEST(Format, SparsifiersOfShortBlocksFuseIntoTheProducer) {
  for (const char* sparsifier : {"nm n=2 m=4", "nm n=2 m=8"}) {
    SCOPED_TRACE(sparsifier);
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {256, 768}, {}}), bias = build.input("bias", {DType::f32, {768}, {}});
    const OutputFormat format = OutputFormat::parse(std::string("keep_all | dense | ") + sparsifier);
    graph.add_output(in_format(build, build.call("relu", {x + bias}), format, {}).id(), "y");
    Optimizer optimizer(graph, CostModel({}, {.copy_bytes_per_second = 18e9, .cache_bytes_per_second = 96e9, .flops_per_second = 120e9}));
    optimizer.optimize();
    const Graph& made = optimizer.graph();
    ASSERT_EQ(made.nodes().size(), 2u) << to_string(made);
    EXPECT_EQ(made.type(made.nodes()[0]->outputs[0]).dtype, DType::boolean) << to_string(made);
    for (const NodePtr& node : made.nodes()) EXPECT_TRUE(node->is_map()) << to_string(made);
    const std::vector<Array> inputs{waves({256, 768}), waves({768})};
    EXPECT_TRUE(same_bits(Executable(made).run(inputs)[0], interpret(graph, inputs)[0]));
  }
}

TEST(Format, ReachIsWhatASparsifierSays) {
  for (const Sparsifier* one : all_sparsifiers()) {
    if (one->keep_running == nullptr) continue;
    SCOPED_TRACE(one->name);
    const std::string text = one->name;
    if (one->reach == Reach::element) {
      EXPECT_EQ(OutputFormat::parse(text).inline_sparsifier.sparsifier, one);
    } else {
      EXPECT_EQ(problem_of([&] { OutputFormat::parse(text); }),
                "'" + text + "' looks at more than one element, so it cannot run where each is made");
    }
  }
}

TEST(Format, AsText) {
  const OutputFormat format = OutputFormat::parse(" threshold least=0.5 |masked|magnitude sparsity=0.9| csr");
  EXPECT_EQ(format.to_string(), "threshold least=0.5 | masked | magnitude sparsity=0.9 per_row=0 | csr");
  EXPECT_EQ(OutputFormat::parse(format.to_string()).to_string(), format.to_string());
  EXPECT_TRUE(OutputFormat::parse("").keeps_all());
  EXPECT_FALSE(format.keeps_all());
}

const RegisterLayout of_weights{{.name = "of_weights", .about = "a layout that no graph packs", .components = {{"values"}}}};

TEST(Format, Refusals) {
  const auto problem = [](const char* text) { return problem_of([&] { OutputFormat::parse(text); }); };
  EXPECT_EQ(problem("keep_all | dense | nmg"), "'nmg' needs scores or a search, which a graph does not have while it runs");
  EXPECT_EQ(problem("keep_all | of_weights"), "'of_weights' cannot be packed while a graph runs");
  EXPECT_EQ(problem("a|b|c|d|e"), "a format has 4 parts, not 5");
  EXPECT_EQ(problem("threshold least=-1"), "least = -1 is outside 0 to 1e+300");
  EXPECT_EQ(problem_of([] {
              formatted_graph("threshold | csr", {4, 4});
            }),
            "how many elements 'threshold' keeps is known only when the graph runs");
  EXPECT_EQ(problem_of([] {
              formatted_graph("keep_all | dense | magnitude | csr", {Dim::symbol("N"), 4});
            }),
            "the value is f32[N,4], whose sizes are open");
  EXPECT_EQ(problem_of([] { formatted_graph("same_format", {4, 4}); }), "there is no mask from before");
}

// ---- modules ----------------------------------------------------------------------------------------------------------------------

class Net : public Layer {
 public:
  Net() : first_(add<Linear>("first", 24, 16)), second_(add<Linear>("second", 16, 5)) { add<Activation>("unused", "relu"); }

 protected:
  Tensor forward(const Tensor& x) override { return second_(relu(first_(x))); }

 private:
  Linear &first_, &second_;
};

Graph traced(Net& net) {
  const Tensor x = Tensor::placeholder({DType::f32, {6, 24}, {}}, "x");
  return to_graph({{x, "x"}}, {{net(x), "y"}}).graph;
}

int calls_of(const Graph& graph, std::string_view op) {
  return static_cast<int>(std::count_if(graph.nodes().begin(), graph.nodes().end(), [&](const NodePtr& node) { return node->op == op; }));
}

double share_of_zeros(const Array& array) {
  double zeros = 0;
  for (std::int64_t i = 0; i < array.count(); ++i) zeros += array.get(i) == 0 ? 1 : 0;
  return zeros / static_cast<double>(array.count());
}

TEST(ModuleFormats, AnOutputIsFormattedAtOnceAndCompiled) {
  Net net, plain;
  net.initialize(1);
  plain.initialize(1);
  sparsify(net, SparsityPlan().output("first", "threshold least=0.3"));
  const Tensor x = waves({6, 24});
  const Tensor h = matmul(x, plain.find("first.weight").value().transpose()) + plain.find("first.bias");
  const Tensor sparse = where(abs(h) < 0.3, 0.0, h);
  const Tensor wanted = matmul(relu(sparse), plain.find("second.weight").value().transpose()) + plain.find("second.bias");
  EXPECT_GT(share_of_zeros(sparse.array()), 0.1);
  expect_close(net(x).array(), wanted.array(), 1e-5, "at once");
  expect_close(compile([&](const Tensor& input) { return net(input); })(x).array(), wanted.array(), 1e-5, "compiled");
}

// By the name of an operator's result; products with what is stored sparsely leave the rest out.
TEST(ModuleFormats, AnOperatorsResultInCsr) {
  Net net, plain;
  net.initialize(1);
  plain.initialize(1);
  sparsify(net, SparsityPlan().output("relu", "keep_all | dense | magnitude sparsity=0.75 | csr"));
  const Tensor x = waves({6, 24});
  const Tensor h = relu(matmul(x, plain.find("first.weight").value().transpose()) + plain.find("first.bias"));
  const Tensor sparse = with_zeros(h.array(), SparsifierChoice::parse("magnitude sparsity=0.75").keep({.weights = h.array()}));
  const Tensor wanted = matmul(sparse, plain.find("second.weight").value().transpose()) + plain.find("second.bias");
  expect_close(net(x).array(), wanted.array(), 1e-5, "csr");
  EXPECT_EQ(calls_of(traced(net), "csr_places"), 1);
}

TEST(ModuleFormats, ALayerCalledByOneRuleIsFormattedOnce) {
  Net net;
  net.initialize(1);
  sparsify(net, SparsityPlan{.seed = 4}.output("first*", "random sparsity=0.5"));
  EXPECT_EQ(calls_of(traced(net), "sparsify"), 2);  // of the product and of the sum with the bias; not again of what the layer gives
}

TEST(ModuleFormats, GradientsOfValuesAndParameters) {
  Net net, plain;
  net.initialize(2);
  plain.initialize(2);
  sparsify(net,
           SparsityPlan().gradient("first", "threshold least=0.05").gradient("second.weight", "keep_all | dense | magnitude sparsity=0.9"));
  const Tensor x = waves({6, 24});
  const auto loss = [&](Layer& of) {
    const Tensor y = of(x);
    return sum(y * y);
  };
  const auto mine = value_and_gradients(net, [&] { return loss(net); }), wanted = value_and_gradients(plain, [&] { return loss(plain); });
  EXPECT_EQ(mine.value.item(), wanted.value.item());
  const Array full = wanted.gradients[2].array(), kept = mine.gradients[2].array();
  EXPECT_TRUE(same_bits(kept, with_zeros(full, SparsifierChoice::parse("magnitude sparsity=0.9").keep({.weights = full}))));
  // By hand: what arrives at the first layer's result, without the small ones.
  const Tensor h = matmul(x, plain.find("first.weight").value().transpose()) + plain.find("first.bias");
  const Tensor y = matmul(relu(h), plain.find("second.weight").value().transpose()) + plain.find("second.bias");
  const Tensor arriving = where(h > 0, matmul(2.0 * y, plain.find("second.weight")), 0.0);
  const Tensor left = where(abs(arriving) < 0.05, 0.0, arriving);
  EXPECT_GT(share_of_zeros(left.array()), share_of_zeros(arriving.array()));
  expect_close(mine.gradients[0].array(), matmul(left.transpose(), x).array(), 1e-5, "first.weight");
  expect_close(mine.gradients[1].array(), sum(left, {0}).array(), 1e-5, "first.bias");
}

TEST(ModuleFormats, StraightThroughAMask) {
  Net net, dense;
  net.initialize(3);
  dense.initialize(3);
  sparsify(net, SparsityPlan().add("first.weight", "nm n=2 m=4", "masked").gradient("first.weight", "keep_all"));
  dense.find("first.weight").set(net.declared(Role::parameter)[0]->value().array());
  const Tensor x = waves({6, 24});
  const auto mine = value_and_gradients(net, [&] { return sum(net(x) * 2.0); });
  const auto wanted = value_and_gradients(dense, [&] { return sum(dense(x) * 2.0); });
  expect_close(mine.gradients[0].array(), wanted.gradients[0].array(), 1e-5, "also where nothing is kept");
  EXPECT_LT(share_of_zeros(mine.gradients[0].array()), 0.4);
}

TEST(ModuleFormats, Refusals) {
  const Tensor x = waves({6, 24});
  const auto with = [](const SparsityPlan& plan) {
    auto net = std::make_unique<Net>();
    net->initialize(1);
    sparsify(*net, plan);
    return net;
  };
  auto net = with(SparsityPlan().output("third", "threshold"));
  EXPECT_EQ(problem_of([&] { (*net)(x); }), "'third' names no floating-point value");
  EXPECT_NE(error_of([&] { (*net)(x); }).find("'first: matmul'"), std::string::npos);
  auto named = with(SparsityPlan().gradient("first.bia", "threshold"));
  EXPECT_EQ(problem_of([&] { (*named)(x); }), "'first.bia' names no floating-point value");
  EXPECT_EQ(problem_of([&] { with(SparsityPlan().gradient("first.weight", "random")); }),
            "a random choice of a parameter's gradient would be the same in each step");
  EXPECT_EQ(problem_of([&] { with(SparsityPlan().add("first.weight", "magnitude", "csr").gradient("first.weight", "keep_all")); }),
            "'csr' has no elements for the gradient of what it does not store");
  // What a value cannot be packed as says which value, and by which rule, and so it does of a gradient before it is asked for.
  const std::string packed = "keep_all | dense | magnitude sparsity=0.5 per_row=0 | csr";
  const SparsityPlan plans[] = {SparsityPlan().output("fir*t", packed), SparsityPlan().gradient("fir*t", packed)};
  for (const SparsityPlan& plan : plans) {
    auto open = with(plan);
    const Tensor rows = Tensor::placeholder({DType::f32, {Dim::symbol("N"), 24}, {}}, "x");
    expect_error([&] { (*open)(rows); }, "the value is f32[N,16], whose sizes are open", "value 'first");
    expect_error([&] { (*open)(rows); }, "sizes are open", "rule 'fir*t' (" + packed + ")");
    EXPECT_NE(error_of([&] { (*open)(rows); }).find("give N a number"), std::string::npos);
  }
  auto twice = with(SparsityPlan().output("first", "threshold"));
  EXPECT_EQ(problem_of([&] { sparsify(*twice, SparsityPlan().output("second", "threshold")); }), "the network has formats already");
}

// ---- graphs -----------------------------------------------------------------------------------------------------------------------

TEST(GraphFormats, ValuesByTheirNodesNames) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {4, 6}, {}}), w = build.input("w", {DType::f32, {6, 8}, {}}, Role::parameter);
  build.set_origin({"fc: Gemm"});
  const Var product = matmul(x, w), shifted = product + 1.0;
  build.set_origin({"act: Relu"});
  graph.add_output(unary("relu", shifted).id(), "y");
  std::map<std::string, Array> parameters{{"w", waves({6, 8})}};
  const Array input = waves({4, 6});
  Graph sparse = graph;
  std::map<std::string, Array> components = parameters;
  sparsify(sparse, components, SparsityPlan().output("fc", "threshold least=0.9").gradient("w", "threshold least=1"));
  verify(sparse);
  const Array h = interpret(graph, {input, parameters.at("w")})[0], y = interpret(sparse, {input, parameters.at("w")})[0];
  int zeroed = 0;
  for (std::int64_t i = 0; i < h.count(); ++i) {
    ASSERT_EQ(y.get(i), h.get(i) < 0.9 ? 0 : h.get(i));  // relu gives no negative ones
    zeroed += h.get(i) != y.get(i) ? 1 : 0;
  }
  EXPECT_GT(zeroed, 0);
  const std::string text = to_string(sparse);
  EXPECT_NE(text.find("format_cotangent(w)"), std::string::npos);
  EXPECT_EQ(text.find("sparsify"), text.rfind("sparsify"));  // once: at the last operator of the node
  Graph again = graph;
  components = parameters;
  EXPECT_EQ(problem_of([&] { sparsify(again, components, SparsityPlan().output("fd", "threshold")); }),
            "'fd' names no floating-point value");
}

TEST(GraphFormats, PlansWithFormatsAsJson) {
  const SparsityPlan plan = SparsityPlan{.seed = 2}
                                .add("w", "magnitude")
                                .output("fc*", "threshold least=0.25")
                                .gradient("fc", "keep_all | dense | magnitude sparsity=0.9 | csr");
  const SparsityPlan again = SparsityPlan::parse_json(plan.to_json(), "here");
  EXPECT_EQ(again.to_json(), plan.to_json());
  EXPECT_EQ(again.gradients[0].format.to_string(), plan.gradients[0].format.to_string());
  const auto problem = [](const char* text) { return problem_of([&] { SparsityPlan::parse_json(text, "plan.json"); }); };
  EXPECT_EQ(problem(R"({"outputs": 3})"), "a list 'outputs' is wanted");
  EXPECT_EQ(problem(R"({"outputs": [{"names": "a", "outline": "threshold"}]})"), "'outline' is not known");
  EXPECT_EQ(problem(R"({"gradients": [{"names": "a", "inline": "magnitude"}]})"),
            "'magnitude' looks at more than one element, so it cannot run where each is made");
  EXPECT_NE(error_of([] {
              SparsityPlan::parse_json(R"({"gradients": [{"names": "a", "layout": "what"}]})", "plan.json");
            }).find("plan.json, gradients, rule 1"),
            std::string::npos);
  EXPECT_EQ(problem_of([] { SparsityPlan().output("a", "same_format", Array::full(DType::boolean, {2}, 1)).to_json(); }),
            "the mask of 'a' cannot be written");
}

}  // namespace
}  // namespace neap::sparse::format_test

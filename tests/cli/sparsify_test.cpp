// neap sparsify, and what other commands make of its files.
#include <fmt/format.h>

#include <cmath>

#include "neap/files/npy.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/builder.h"
#include "tests/cli/program.h"
#include "tests/support/results.h"

namespace neap::sparsify_test {
namespace {

class Sparsify : public ProgramTest {
 protected:
  // Two layers, one as a matrix product and one as Gemm.
  std::string model() const {
    Graph graph;
    Builder build(graph);
    const auto weights = [](Sizes sizes, double step) {
      Array made(DType::f32, std::move(sizes));
      for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(step * static_cast<double>(i * i + 1)));
      return made;
    };
    const Var x = build.input("x", {DType::f32, {Dim::symbol("N"), 48}, {}});
    const Var w1 = build.input("first.weight", {DType::f32, {64, 48}, {}}, Role::parameter);
    const Var w2 = build.input("second.weight", {DType::f32, {16, 64}, {}}, Role::parameter),
              b = build.input("bias", {DType::f32, {16}, {}}, Role::parameter);
    const Var hidden = build.call("relu", {build.call("matmul", {x, w1}, {{"transpose_b", true}})});
    graph.add_output(build.call("gemm", {hidden, w2, b}, {{"transpose_b", true}}).id(), "y");
    write_onnx(graph, path("model.onnx"),
               {.parameters = {
                    {"first.weight", weights({64, 48}, 0.7)}, {"second.weight", weights({16, 64}, 0.3)}, {"bias", weights({16}, 0.1)}}});
    Array input = weights({5, 48}, 0.9);
    write_npy(path("x.npy"), input);
    return path("model.onnx");
  }
  Array run_on_input(const std::string& model, const char* level) const {
    const Ran ran = neap({"run", model, "--input", "x=" + path("x.npy"), "--out", path("out"), "--level", level});
    EXPECT_EQ(ran.code, 0) << ran.text;
    return read_npy(path("out/y.npy"));
  }
};

TEST_F(Sparsify, WritesZerosThatNeapStoresInTheirLayout) {
  const std::string from = model(), to = path("sparse.onnx");
  const Ran ran = neap({"sparsify", from, "--weights", "*.weight=nmg n=2 m=4 g=4", "-o", to, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  const nlohmann::json json = ran.json();
  ASSERT_EQ(json["weights"].size(), 2u);
  EXPECT_DOUBLE_EQ(json["weights"][0]["sparsity"].get<double>(), 0.5);
  EXPECT_LT(json["stored_bytes"].get<int>(), json["dense_bytes"].get<int>());
  const Ran shown = neap({"show", to});
  EXPECT_TRUE(contains(shown.text, "nmg_dense")) << shown.text;
  // Whoever knows nothing of layouts sees zeros: the same numbers.
  const Graph plain = read_onnx(to);
  EXPECT_EQ(to_string(plain).find("nmg"), std::string::npos);
  const Array sparse = run_on_input(to, "4"), dense = run_on_input(to, "0");
  for (std::int64_t i = 0; i < sparse.count(); ++i) EXPECT_NEAR(sparse.get(i), dense.get(i), 1e-4);
  const Array other = run_on_input(from, "4");
  double changed = 0;
  for (std::int64_t i = 0; i < other.count(); ++i) changed += std::abs(other.get(i) - sparse.get(i));
  EXPECT_GT(changed, 0.1);
}

TEST_F(Sparsify, ATrainedNetworkKeepsItsParametersNames) {
  std::string rows = "a,b,c,d,y\n";
  for (int i = 0; i < 64; ++i) rows += fmt::format("{},{},{},{},{}\n", std::sin(i), std::cos(i), i % 3, i % 5, i % 2);
  const Ran trained = neap({"train", "--data", file("table.csv", rows), "--model", "mlp", "--hidden", "8", "--epochs", "1", "--batch", "8",
                            "--level", "0", "--threads", "1", "--out", path("out")});
  ASSERT_EQ(trained.code, 0) << trained.text;
  const Ran ran = neap({"sparsify", path("out/model.onnx"), "--weights", "hidden1.weight=nm n=2 m=4", "-o", path("sparse.onnx"), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.json()["weights"][0]["name"], "hidden1.weight");
}

// What a file says of its weights stays in force while they are trained further, beside the plan of the run.
TEST_F(Sparsify, TrainingGoesOnWithTheFilesPlan) {
  std::string rows = "a,b,c,d,y\n";
  for (int i = 0; i < 64; ++i) rows += fmt::format("{},{},{},{},{}\n", std::sin(i), std::cos(i), i % 3, i % 5, i % 2);
  const std::string table = file("table.csv", rows), sparse = path("sparse.onnx");
  const auto train = [&](std::vector<std::string> options, const char* out) {
    options.insert(options.begin(), {"train", "--out", path(out), "--level", "0", "--threads", "1"});
    const Ran ran = neap(options);
    EXPECT_EQ(ran.code, 0) << ran.text;
  };
  train({"--data", table, "--model", "mlp", "--hidden", "8", "--epochs", "1", "--batch", "8"}, "dense");
  ASSERT_EQ(neap({"sparsify", path("dense/model.onnx"), "--weights", "hidden1.weight=nm n=2 m=4", "-o", sparse}).code, 0);
  const std::string plan = file("plan.json", R"({"weights": [{"names": "output.weight", "sparsifier": "magnitude sparsity=0.5"}]})");
  train({"--data", table, "--model", sparse, "--epochs", "1", "--batch", "8", "--plan", plan}, "further");
  const auto weights = [](const std::string& from) {
    std::map<std::string, Array> parameters;
    read_onnx(from, {.parameters = &parameters});
    return parameters;
  };
  const std::map<std::string, Array> before = weights(sparse);
  const auto keeps_the_mask = [&] {
    const std::map<std::string, Array> after = weights(path("further/model.onnx"));
    const Array &was = before.at("hidden1.weight"), &is = after.at("hidden1.weight");
    int moved = 0, zeros = 0;
    for (std::int64_t i = 0; i < was.count(); ++i) {
      EXPECT_EQ(was.get(i) == 0, is.get(i) == 0) << i;
      moved += was.get(i) != is.get(i) ? 1 : 0;
    }
    for (const float each : after.at("output.weight").values<float>()) zeros += each == 0 ? 1 : 0;
    EXPECT_GT(moved, 0);
    EXPECT_EQ(zeros, 8);  // of [2, 8]
  };
  keeps_the_mask();
  const Ran shown = neap({"show", path("further/model.onnx")});
  for (const char* op : {"nm_dense", "csr_dense"}) EXPECT_TRUE(contains(shown.text, op)) << shown.text;
  const Ran resumed = neap({"train", "--resume", path("further"), "--epochs", "2", "--threads", "1"});
  ASSERT_EQ(resumed.code, 0) << resumed.text;
  keeps_the_mask();
  const Ran judged = neap({"eval", path("further")});
  EXPECT_EQ(judged.code, 0) << judged.text;
}

TEST_F(Sparsify, TakesPlans) {
  const std::string from = model();
  const std::string plan =
      file("plan.json", R"({"weights": [{"names": "first*", "sparsifier": "magnitude sparsity=0.9", "layout": "csr"}]})");
  const Ran ran = neap({"sparsify", from, "--plan", plan, "--weights", "second.weight=blocks sparsity=0.5"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(ran.text, "first.weight")) << ran.text;
  EXPECT_TRUE(contains(ran.text, "90.0 % zeros")) << ran.text;
  EXPECT_TRUE(contains(ran.text, "blocks r=4 c=1")) << ran.text;
}

TEST_F(Sparsify, AWeightStaysDenseAndOthersShareASparsity) {
  const std::string from = model(), to = path("sparse.onnx");
  const Ran dense = neap(
      {"sparsify", from, "--weights", "second*=keep_all", "--weights", "*.weight=global_magnitude sparsity=0.9 | coo", "-o", to, "--json"});
  ASSERT_EQ(dense.code, 0) << dense.text;
  const nlohmann::json weights = dense.json()["weights"];
  EXPECT_EQ(weights[0]["layout"], "coo");
  EXPECT_EQ(weights[1]["layout"], "dense");
  const std::string shown = neap({"show", to}).text;
  EXPECT_TRUE(contains(shown, "coo_dense")) << shown;
  EXPECT_FALSE(contains(shown, "csr_dense")) << shown;
  const Ran both = neap({"sparsify", from, "--weights", "*.weight=global_magnitude sparsity=0.9", "--json"});
  ASSERT_EQ(both.code, 0) << both.text;
  const nlohmann::json shared = both.json()["weights"];
  EXPECT_NEAR(shared[0]["sparsity"].get<double>() * 64 * 48 + shared[1]["sparsity"].get<double>() * 64 * 16, 0.9 * 64 * 64, 0.51);
}

// What was sparsified before stays as it is, in its layout, and what nodes make in their formats; rules that come later go ahead of these.
TEST_F(Sparsify, ASecondPlanKeepsTheFirst) {
  const std::string from = model(), once = path("once.onnx"), twice = path("twice.onnx"), again = path("again.onnx");
  ASSERT_EQ(neap({"sparsify", from, "--weights", "first*=nmg n=2 m=4 g=4", "--outputs", "relu=threshold least=0.5", "-o", once}).code, 0);
  const Ran second = neap({"sparsify", once, "--weights", "second.weight=magnitude sparsity=0.9", "-o", twice, "--json"});
  ASSERT_EQ(second.code, 0) << second.text;
  const nlohmann::json weights = second.json()["weights"];
  ASSERT_EQ(weights.size(), 2u) << second.text;
  EXPECT_EQ(weights[0]["layout"], "nmg n=2 m=4 g=4");
  EXPECT_EQ(weights[0]["as_before"], true);
  EXPECT_EQ(weights[1]["as_before"], false);
  EXPECT_EQ(second.json()["outputs"][0]["names"], "relu");
  const Ran shown = neap({"show", twice});
  for (const char* op : {"nmg_dense", "csr_dense", "threshold least=0.5"}) EXPECT_TRUE(contains(shown.text, op)) << shown.text;
  const auto weight = [](const std::string& file) {
    std::map<std::string, Array> parameters;
    read_onnx(file, {.parameters = &parameters});
    return parameters.at("first.weight");
  };
  EXPECT_TRUE(same_bits(weight(twice), weight(once)));
  // Another layout for the same zeros, by a rule that goes ahead of the one that the file has.
  const std::string plan = file("plan.json", R"({"weights": [{"names": "first*", "sparsifier": "same_format", "layout": "csr"}]})");
  const Ran third = neap({"sparsify", twice, "--plan", plan, "-o", again, "--json"});
  ASSERT_EQ(third.code, 0) << third.text;
  EXPECT_EQ(third.json()["weights"][0]["layout"], "csr");
  EXPECT_DOUBLE_EQ(third.json()["weights"][0]["sparsity"].get<double>(), 0.5);
  EXPECT_TRUE(same_bits(weight(again), weight(once)));
  EXPECT_FALSE(contains(neap({"show", again}).text, "nmg_dense"));
}

// Formats of values are noted in the file by the nodes' names, and hold when it is read.
TEST_F(Sparsify, OutputsAreFormattedWhenTheFileIsRead) {
  const std::string from = model(), to = path("thin.onnx");
  const Ran ran = neap({"sparsify", from, "--outputs", "relu=threshold least=0.5", "-o", to});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.text, "what relu makes: threshold least=0.5 | dense | keep_all | dense\n");
  const Ran shown = neap({"show", to});
  EXPECT_TRUE(contains(shown.text, "threshold least=0.5")) << shown.text;
  const Array thin = run_on_input(to, "4"), again = run_on_input(to, "0"), whole = run_on_input(from, "4");
  double changed = 0;
  for (std::int64_t i = 0; i < thin.count(); ++i) {
    EXPECT_NEAR(thin.get(i), again.get(i), 1e-4);
    changed += std::abs(thin.get(i) - whole.get(i));
  }
  EXPECT_GT(changed, 0.01);
}

// What is chosen is written down: the file names layouts, not how they were found.
TEST_F(Sparsify, LayoutsAreChosenByCost) {
  const std::string from = model(), to = path("chosen.onnx");
  const Ran ran = neap({"sparsify", from, "--weights", "*.weight=blocks sparsity=0.75 | auto open=256", "-o", to, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  const nlohmann::json weights = ran.json()["weights"];
  ASSERT_EQ(weights.size(), 2u);
  for (const nlohmann::json& one : weights) {
    const nlohmann::json& prices = one["prices"];
    for (const char* layout : {"dense", "csr", "blocks r=4 c=1", "blocks r=2 c=1"}) EXPECT_TRUE(prices.contains(layout)) << one;
    const double cheapest = prices[one["layout"].get<std::string>()].get<double>();
    for (const auto& [layout, seconds] : prices.items()) EXPECT_GE(seconds.get<double>(), cheapest) << layout;
  }
  std::map<std::string, std::string> notes;
  read_onnx(to, {.metadata = &notes});
  EXPECT_FALSE(contains(notes.at("neap.sparsity"), "auto")) << notes.at("neap.sparsity");
  EXPECT_TRUE(contains(notes.at("neap.sparsity"), "\"first.weight\"")) << notes.at("neap.sparsity");
  EXPECT_TRUE(contains(neap({"sparsify", from, "--weights", "*.weight=magnitude|auto"}).text, "chosen by cost: "));
}

// What is packed while the model runs needs sizes that are known.
TEST_F(Sparsify, OutputsArePackedWhereSizesAreGiven) {
  const std::string from = model(), to = path("packed.onnx"), rule = "relu=keep_all | dense | magnitude sparsity=0.5 | csr";
  const Ran open = neap({"sparsify", from, "--outputs", rule, "-o", to});
  EXPECT_NE(open.code, 0);
  for (const char* text : {"the value is f32[N,64], whose sizes are open", "value 'relu",
                           "rule 'relu' (keep_all | dense | magnitude sparsity=0.5", "--set N=32"})
    EXPECT_TRUE(contains(open.text, text)) << open.text;
  const std::string plan = file("plan.json", R"({"gradients": [{"names": "relu", "external": "magnitude", "layout": "csr"}]})");
  const Ran gradient = neap({"sparsify", from, "--plan", plan});
  EXPECT_TRUE(contains(gradient.text, "rule 'relu'") && contains(gradient.text, "(gradient)")) << gradient.text;

  const Ran fixed = neap({"sparsify", from, "--outputs", rule, "--set", "N=5", "-o", to});
  ASSERT_EQ(fixed.code, 0) << fixed.text;
  EXPECT_TRUE(contains(neap({"show", to}).text, "csr_places"));
  const Array sparse = run_on_input(to, "4"), plain = run_on_input(to, "0");
  EXPECT_EQ(sparse.sizes(), (Sizes{5, 16}));
  for (std::int64_t i = 0; i < sparse.count(); ++i) EXPECT_NEAR(sparse.get(i), plain.get(i), 1e-4);
  EXPECT_EQ(neap({"bench", to, "--rounds", "1"}).code, 0);
}

TEST_F(Sparsify, DenseFallbacksAreToldOrRefused) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {64, 48}, {}}), w = build.input("w", {DType::f32, {64, 48}, {}}, Role::parameter);
  graph.add_output((x + w).id(), "y");  // no product: nothing is gained by zeros
  const std::string from = path("sum.onnx"), to = path("sparse.onnx");
  write_onnx(graph, from, {.parameters = {{"w", Array::full(DType::f32, {64, 48}, 2)}}});
  ASSERT_EQ(neap({"sparsify", from, "--weights", "w=magnitude", "-o", to}).code, 0);
  const Ran shown = neap({"show", to, "--level", "4"}), optimized = neap({"optimize", to, "--json"});
  EXPECT_TRUE(contains(shown.text, "# sparse: w (csr): made dense, 12.3 kB: add takes dense operands only")) << shown.text;
  EXPECT_EQ(optimized.json()["sparse"][0]["dense"]["operator"], "csr_dense");
  const Ran run = neap({"run", to, "--random-inputs"});
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(contains(run.text, "neap: sparse matrix w (csr): made dense")) << run.text;
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"build", to, "-o", path("alone")}, {"bench", to, "--rounds", "1"}}) {
    const Ran told = neap(command);
    EXPECT_EQ(told.code, 0) << told.text;
    EXPECT_TRUE(contains(told.text, "neap: sparse matrix w (csr): made dense")) << told.text;
  }
  for (const std::vector<std::string>& command : {std::vector<std::string>{"run", to, "--random-inputs", "--strict-sparse"},
                                                  {"show", to, "--level", "4", "--strict-sparse"},
                                                  {"optimize", to, "--strict-sparse"},
                                                  {"build", to, "-o", path("alone"), "--strict-sparse"},
                                                  {"bench", to, "--rounds", "1", "--strict-sparse"},
                                                  {"sparsify", from, "--weights", "w=magnitude", "--strict-sparse"}}) {
    const Ran refused = neap(command);
    EXPECT_NE(refused.code, 0);
    EXPECT_TRUE(contains(refused.text, "csr is made dense")) << refused.text;
  }
}

TEST_F(Sparsify, Refusals) {
  const std::string from = model();
  const auto refused = [&](std::vector<std::string> arguments, const std::string& text) {
    arguments.insert(arguments.begin(), {"sparsify", from});
    const Ran ran = neap(std::move(arguments));
    EXPECT_NE(ran.code, 0);
    EXPECT_TRUE(contains(ran.text, text)) << ran.text;
  };
  refused({}, "nothing is to be made sparse");
  refused({"--weights", "third=magnitude"}, "'third' names no parameter");
  refused({"--weights", "third=magnitude"}, "matrices: first.weight, second.weight");
  refused({"--weights", "bias=magnitude"}, "names only vectors");
  refused({"--weights", "*=nmg n=9 m=4"}, "9 of 4 rows cannot be kept");
  refused({"--weights", "*"}, "--weights takes NAME=VALUE");
  refused({"--plan", file("bad.json", "{]")}, "this is no JSON");
  refused({"--outputs", "nowhere=threshold"}, "'nowhere' names no floating-point value");
  refused({"--outputs", "relu=magnitude"}, "looks at more than one element");
  refused({"--outputs", "relu=same_format"}, "give the rule a mask in C++");
  refused({"--weights", "*.weight=same_format"}, "sparsify it by another sparsifier first");
  refused({"--weights", "*.weight=magnitude", "--set", "M=4"}, "no size of the model is called M");
}

}  // namespace
}  // namespace neap::sparsify_test

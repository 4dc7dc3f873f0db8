// Commands on models: run, show, optimize, verify, build.
#include <cmath>

#include "neap/files/npy.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/builder.h"
#include "tests/cli/program.h"
#include "tests/support/environment.h"

namespace neap::model_test {
namespace {

class ModelCommands : public ProgramTest {
 protected:
  // Rows of softmax(x + 1): the one that was added changes nothing.
  static void expect_softmax(const Array& x, const Array& y) {
    ASSERT_EQ(x.sizes(), y.sizes());
    for (std::int64_t row = 0; row < x.size(0); ++row) {
      double sum = 0;
      for (std::int64_t c = 0; c < 3; ++c) sum += std::exp(x.get(row * 3 + c));
      for (std::int64_t c = 0; c < 3; ++c) EXPECT_NEAR(y.get(row * 3 + c), std::exp(x.get(row * 3 + c)) / sum, 1e-6);
    }
  }
  Array input(std::int64_t rows) const {
    Array x(DType::f32, {rows, 3});
    for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(static_cast<double>(3 * i)));
    write_npy(path("x.npy"), x);
    return x;
  }
};

TEST_F(ModelCommands, RunsOnFilesAtEachLevel) {
  const std::string model = small_model();
  const Array x = input(5);
  for (const char* level : {"0", "4"}) {
    const Ran ran = neap({"run", model, "--input", "x=" + path("x.npy"), "--out", path("out"), "--level", level});
    ASSERT_EQ(ran.code, 0) << ran.text;
    EXPECT_TRUE(contains(ran.text, "y: f32[5,3]")) << ran.text;
    expect_softmax(x, read_npy(path("out/y.npy")));
  }
}

TEST_F(ModelCommands, RunsOnRandomInputsOfAGivenSize) {
  const std::string model = small_model();
  const Ran ran = neap({"run", model, "--random-inputs", "--set", "N=7", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.json()["outputs"][0]["type"], "f32[7,3]");
}

TEST_F(ModelCommands, ReadsOnnx) {
  write_onnx(parse_graph(read_file(small_model())), path("small.onnx"));
  const Array x = input(2);
  const Ran ran = neap({"run", path("small.onnx"), "--input", "x=" + path("x.npy"), "--out", path("out")});
  ASSERT_EQ(ran.code, 0) << ran.text;
  expect_softmax(x, read_npy(path("out/y.npy")));
}

TEST_F(ModelCommands, ErrorsNameTheFile) {
  const Ran sizes =
      neap({"run", small_model(), "--input", "x=" + (write_npy(path("x.npy"), Array::zeros(DType::f32, {2, 4})), path("x.npy"))});
  EXPECT_EQ(sizes.code, 3);
  EXPECT_TRUE(contains(sizes.text, "input 'x' is [2,4], not [N,3]\n  at: " + path("small.neap"))) << sizes.text;
  const Ran name = neap({"show", file("wrong.neap", "graph g {\n  input x : f32[3]\n  %1 = soft_max(x) : f32[3]\n  output y = %1\n}\n")});
  EXPECT_EQ(name.code, 3);
  EXPECT_TRUE(contains(name.text, "there is no operator 'soft_max'\n  at: " + path("wrong.neap"))) << name.text;
  EXPECT_TRUE(contains(name.text, "did you mean 'softmax'?")) << name.text;
  const Ran past =
      neap({"run", file("past.neap", "graph g {\n  input x : f32[3]\n  %1 = relu(x) : f32[700]\n  output y = %1\n}\n"), "--random-inputs"});
  EXPECT_EQ(past.code, 3);  // it would read past the end of x
  EXPECT_TRUE(contains(past.text, "result 0 of relu is f32[3], not f32[700]\n  at: " + path("past.neap"))) << past.text;
  const Ran text = neap({"show", file("cut.neap", "graph g {\n  input x : f32[3]\n  output")});
  EXPECT_TRUE(contains(text.text, "at: " + path("cut.neap") + ", line 3")) << text.text;
}

TEST_F(ModelCommands, RefusesInputsThatDoNotFit) {
  const std::string model = small_model();
  input(2);
  const Ran unknown = neap({"run", model, "--input", "z=" + path("x.npy")});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_TRUE(contains(unknown.text, "neap: the model has no input 'z'")) << unknown.text;
  EXPECT_TRUE(contains(unknown.text, "try: its inputs are x")) << unknown.text;
  EXPECT_EQ(neap({"run", model}).code, 3);
  EXPECT_EQ(neap({"run", model, "--input", "x"}).code, 3);
  const std::string x = "x=" + path("x.npy");
  EXPECT_TRUE(contains(neap({"run", model, "--input", x, "--input", x}).text, "input 'x' is given twice"));
  const Ran set = neap({"run", model, "--input", "x=" + path("x.npy"), "--set", "N=3"});
  EXPECT_EQ(set.code, 3);
  EXPECT_TRUE(contains(set.text, "N is 2 in the inputs, 3 by --set")) << set.text;
  EXPECT_EQ(neap({"run", model, "--random-inputs", "--set", "M=3"}).code, 3);
  EXPECT_EQ(neap({"run", model, "--random-inputs", "--set", "N=many"}).code, 3);
  write_npy(path("wide.npy"), Array::zeros(DType::f64, {2, 3}));
  const Ran wide = neap({"run", model, "--input", "x=" + path("wide.npy")});
  EXPECT_EQ(wide.code, 3);
  EXPECT_TRUE(contains(wide.text, "input 'x' is f32, the file holds f64")) << wide.text;
}

TEST_F(ModelCommands, RefusesFilesThatAreNoModels) {
  EXPECT_EQ(neap({"show", path("missing.onnx")}).code, 3);
  EXPECT_EQ(neap({"show", file("text.neap", "hello")}).code, 3);
  EXPECT_EQ(neap({"show", file("broken.onnx", "\x08\x08\x12")}).code, 3);
}

TEST_F(ModelCommands, OutputsStayInTheirFolder) {
  std::string text = read_file(small_model());
  text.replace(text.find("output y"), 8, "output \"../../y\"");
  const Ran ran = neap({"run", file("hostile.neap", text), "--random-inputs", "--out", path("out")});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(std::filesystem::exists(path("out/_.._.._y.npy"))) << ran.text;
}

TEST_F(ModelCommands, ShowsTheGraphWithItsBytes) {
  const std::string model = small_model();
  const Ran written = neap({"show", model});
  EXPECT_EQ(written.code, 0);
  EXPECT_TRUE(contains(written.text, "softmax(%1)")) << written.text;
  EXPECT_TRUE(contains(written.text, "reads")) << written.text;
  const Ran lowered = neap({"show", model, "--level", "4"});
  EXPECT_EQ(lowered.code, 0);
  EXPECT_FALSE(contains(lowered.text, "softmax(%1)")) << lowered.text;
  ASSERT_EQ(neap({"show", model, "--level", "4", "--html", path("page.html")}).code, 0);
  EXPECT_TRUE(contains(read_file(path("page.html")), "softmax"));
  EXPECT_EQ(neap({"show", model, "--json"}).json()["nodes"].size(), 2U);
}

TEST_F(ModelCommands, OptimizesAndReplaysItsRecipe) {
  const std::string model = small_model();
  const Ran first = neap({"optimize", model, "--recipe", path("recipe.txt"), "-o", path("first.neap"), "--explain"});
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_TRUE(contains(first.text, "edits, in order")) << first.text;
  ASSERT_EQ(neap({"optimize", model, "--replay", path("recipe.txt"), "-o", path("second.neap")}).code, 0);
  EXPECT_EQ(read_file(path("first.neap")), read_file(path("second.neap")));
  const auto json = neap({"optimize", model, "--json"}).json();
  EXPECT_LT(json["bytes"]["after"], json["bytes"]["before"]);
}

TEST_F(ModelCommands, LargeConstantsAreBesideTheText) {
  Graph graph;
  Builder build(graph);
  Array table(DType::f32, {9, 3});
  for (std::int64_t i = 0; i < table.count(); ++i) table.set(i, std::cos(static_cast<double>(i)));
  graph.add_output(build.call("matmul", {build.input("x", Type::parse("f32[N,9]")), build.constant(table)}).id(), "y");
  write_onnx(graph, path("table.onnx"));
  write_npy(path("x.npy"), Array::full(DType::f32, {4, 9}, 0.5));
  for (const char* level : {"0", "4"}) {
    const std::string text = path(std::string("table") + level + ".neap");
    const Ran written = neap({"optimize", path("table.onnx"), "--level", level, "-o", text});
    ASSERT_EQ(written.code, 0) << written.text;
    const Ran ran = neap({"run", text, "--input", "x=" + path("x.npy"), "--out", path("out")});
    ASSERT_EQ(ran.code, 0) << ran.text;
    const Array y = read_npy(path("out/y.npy"));
    for (std::int64_t i = 0; i < y.count(); ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < 9; ++k) sum += 0.5 * table.get(3 * k + i % 3);
      EXPECT_NEAR(y.get(i), sum, 1e-5);
    }
    std::filesystem::remove(text + ".safetensors");
    EXPECT_TRUE(contains(neap({"verify", text}).text, "the elements of constant ")) << text;
  }
}

using OptimizeCommand = ProgramTest;

TEST_F(OptimizeCommand, PassesArePrintedAndTaken) {
  const std::string model = small_model();
  const Ran usual = neap({"optimize", "--print-passes"});
  ASSERT_EQ(usual.code, 0) << usual.text;
  EXPECT_TRUE(contains(usual.text, "fuse_epilogue from 2\n"));
  ASSERT_EQ(neap({"optimize", model, "-o", path("usual.neap")}).code, 0);
  ASSERT_EQ(neap({"optimize", model, "--passes", file("passes.txt", usual.text), "-o", path("same.neap")}).code, 0);
  EXPECT_EQ(read_file(path("usual.neap")), read_file(path("same.neap")));
  const Ran few = neap({"optimize", model, "--passes", file("few.txt", "# only this\nlower from 0\n"), "--json"});
  ASSERT_EQ(few.code, 0) << few.text;
  const nlohmann::json said = few.json();
  for (const auto& edit : said["edits"]) EXPECT_EQ(edit["name"], "lower");
  const std::pair<const char*, const char*> wrong[] = {{"tile_all from 0\n", "there is no transformation 'tile_all'"},
                                                       {"lower deep=1\n", "lower has no parameter 'deep'"},
                                                       {"lower from 9\n", "a level is wanted behind 'from'"}};
  for (const auto& [passes, problem] : wrong) {
    const Ran ran = neap({"optimize", model, "--passes", file("wrong.txt", passes)});
    EXPECT_EQ(ran.code, 3);
    EXPECT_TRUE(contains(ran.text, problem)) << ran.text;
  }
}

// The product of two values that do not fit a small budget.
constexpr const char* wide_model = R"(graph wide {
  input x : f32[64,1000]
  %0 = softmax(x) axis=0 : f32[64,1000]
  %1 = softmax(x) axis=1 : f32[64,1000]
  %2 = matmul(%0, %1) transpose_b=true : f32[64,64]
  output y = %2
}
)";

TEST_F(OptimizeCommand, MemoryIsABudgetThatIsKeptOrRefused) {
  const std::string model = file("wide.neap", wide_model);
  EXPECT_EQ(neap({"optimize", model, "--memory", "100000000"}).code, 0);
  const Ran small = neap({"optimize", model, "--memory", "64"});
  EXPECT_EQ(small.code, 3);
  EXPECT_TRUE(contains(small.text, "over the budget of 64")) << small.text;
  EXPECT_EQ(neap({"optimize", model, "--memory", "-1"}).code, 2);
}

TEST_F(OptimizeCommand, WhatTuningFindsIsKeptAndReplays) {
  const Environment cache("NEAP_CACHE", path("cache"));
  const std::string model = file("product.neap",
                                 "graph product {\n  input x : f32[64,48]\n  input w : f32[48,80]\n"
                                 "  %0 = matmul(x, w) : f32[64,80]\n  %1 = exp(%0) : f32[64,80]\n  output y = %1\n}\n");
  const Ran first = neap({"optimize", model, "--tune", "60", "--json", "--recipe", path("recipe.txt"), "-o", path("first.neap")});
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_GE(first.json()["tuning"]["measured"], 1);
  EXPECT_EQ(first.json()["tuning"]["left"], 0);
  const Ran second = neap({"optimize", model, "--tune", "--json", "-o", path("second.neap")});
  ASSERT_EQ(second.code, 0) << second.text;
  EXPECT_EQ(second.json()["tuning"]["measured"], 0);
  EXPECT_EQ(second.json()["tuning"]["kernels"], first.json()["tuning"]["kernels"]);
  EXPECT_EQ(read_file(path("first.neap")), read_file(path("second.neap")));
  ASSERT_EQ(neap({"optimize", model, "--replay", path("recipe.txt"), "-o", path("replayed.neap")}).code, 0);
  EXPECT_EQ(read_file(path("first.neap")), read_file(path("replayed.neap")));
  EXPECT_EQ(neap({"optimize", model, "--tune", "0"}).code, 2);
}

TEST_F(ModelCommands, VerifiesEachLevel) {
  const std::string model = small_model();
  const Ran ran = neap({"verify", model, "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.json()["levels"].size(), 5U);
  // A tolerance that no float meets: the result is wrong by that measure.
  EXPECT_EQ(neap({"verify", model, "--level", "4", "--tolerance", "-1"}).code, 1);
}

TEST_F(ModelCommands, BuildsWhatACompilerTakes) {
  const std::string model = small_model();
  const Ran open = neap({"build", model, "-o", path("alone")});
  EXPECT_EQ(open.code, 3);
  EXPECT_TRUE(contains(open.text, "the size N is open")) << open.text;
  EXPECT_EQ(neap({"build", model, "-o", path("alone"), "--set", "N=2", "--name", "a b"}).code, 3);
  ASSERT_EQ(neap({"build", model, "-o", path("alone"), "--set", "N=2", "--name", "small"}).code, 0);
  std::vector<std::string> command{system_compiler().path, "-std=c++20", "-O1", "-ffp-contract=off", "-w", "-o", path("program")};
  for (const auto& file : std::filesystem::directory_iterator(path("alone"))) {
    if (file.path().extension() == ".cpp") command.push_back(file.path());
  }
  std::string output;
  ASSERT_EQ(run_program(command, output, 300), 0) << output;
  const Array x = input(6);  // three batches
  ASSERT_EQ(run_program({path("program"), path("alone/weights.bin"), path("x.npy"), path("y.npy")}, output, 60), 0) << output;
  expect_softmax(x, read_npy(path("y.npy")));
  EXPECT_EQ(run_program({path("program"), path("x.npy"), path("x.npy"), path("y.npy")}, output, 60), 3);
  EXPECT_TRUE(contains(output, "not the weights of this network")) << output;
  EXPECT_EQ(run_program({path("program")}, output, 60), 2);
}

}  // namespace
}  // namespace neap::model_test

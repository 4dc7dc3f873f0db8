// Stand-alone networks, compiled for each instruction set that this machine runs, against the interpreter.
#include "neap/standalone/standalone.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/codegen/compiler.h"
#include "neap/files/npy.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::standalone_test {
namespace {

std::string problem_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.problem();
  }
  return "nothing was thrown";
}

class Standalone : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  // Writes, compiles and runs; outputs in the graph's order.
  std::vector<Array> run(const Graph& graph, const StandaloneOptions& options, const std::vector<Array>& inputs, Isa isa) {
    const StandaloneSummary made = write_standalone(graph, path("made"), options);
    std::vector<std::string> command{system_compiler().path, "-o", path("program")};
    for (const std::string& flag : kernel_flags(isa)) {
      if (flag != "-fno-exceptions" && flag != "-fno-rtti") command.push_back(flag);
    }
    for (const auto* files : {&made.sources, &made.kernel_sources}) {
      for (const std::string& file : *files) command.push_back(path("made/" + file));
    }
    std::string output;
    EXPECT_EQ(run_program(command, output, 300), 0) << output;
    std::vector<std::string> call{path("program"), path("made/weights.bin")};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      write_npy(path("in" + std::to_string(i) + ".npy"), inputs[i]);
      call.push_back(path("in" + std::to_string(i) + ".npy"));
    }
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) call.push_back(path("out" + std::to_string(i) + ".npy"));
    EXPECT_EQ(run_program(call, output, 60), 0) << output;
    std::vector<Array> results;
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) results.push_back(read_npy(path("out" + std::to_string(i) + ".npy")));
    return results;
  }

 private:
  TemporaryFolder folder_;
};

void expect_near(const std::vector<Array>& right, const std::vector<Array>& mine) {
  ASSERT_EQ(right.size(), mine.size());
  for (std::size_t i = 0; i < right.size(); ++i) {
    ASSERT_EQ(right[i].sizes(), mine[i].sizes());
    ASSERT_EQ(right[i].dtype(), mine[i].dtype());
    for (std::int64_t k = 0; k < right[i].count(); ++k) {
      if (std::isnan(right[i].get(k))) {
        EXPECT_TRUE(std::isnan(mine[i].get(k)));
      } else {
        EXPECT_NEAR(right[i].get(k), mine[i].get(k), 1e-5 * (1 + std::abs(right[i].get(k)))) << "output " << i << ", element " << k;
      }
    }
  }
}

// A convolution, a softmax, an integer output, outputs that are an input and a constant, and one given twice.
Graph several(const std::string& name = "x") {
  Graph graph;
  Builder build(graph);
  const Dim n = Dim::symbol("N");
  const Var x = build.input(name, {DType::f32, {n, 2, 5, 7}, {}}), k = build.input("k", {DType::i64, {n}, {}});
  Array weights(DType::f32, {3, 2, 3, 3});
  for (std::int64_t i = 0; i < weights.count(); ++i) weights.set(i, std::sin(static_cast<double>(i)));
  const Var w = build.constant(weights);
  const Var y = build.call("softmax", {build.call("conv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}})});
  graph.add_output(y.id(), "y");
  graph.add_output((k + k).id(), "doubled");
  graph.add_output(k.id(), "same");
  graph.add_output(w.id(), "weights");
  graph.add_output(y.id(), "again");
  return graph;
}

std::vector<Array> several_inputs() {
  Array x(DType::f32, {3, 2, 5, 7});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::cos(static_cast<double>(7 * i)));
  x.set(0, std::nan(""));
  return {x, Array::of(std::vector<std::int64_t>{5, -7, 1})};
}

TEST_F(Standalone, GivesWhatTheDefinitionsGiveOnEachInstructionSet) {
  const Graph graph = several();
  const std::vector<Array> inputs = several_inputs(), right = interpret(graph, inputs);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    SCOPED_TRACE(std::string(name(isa)));
    expect_near(right, run(graph, {.name = "several", .sizes = {{"N", 3}}, .level = isa == Isa::avx2 ? 0 : 4}, inputs, isa));
  }
}

// As a part of somebody's project: configured, built and linked by CMake.
TEST_F(Standalone, IsBuiltByCMakeAndLinked) {
  const std::string cmake = find_program("cmake");
  if (cmake.empty()) GTEST_SKIP() << "there is no cmake";
  const Graph graph = several();
  const std::vector<Array> inputs = several_inputs();
  Optimizer optimizer(graph);
  optimizer.optimize(4, false);
  Executable executable(optimizer.graph());
  const std::vector<Array> right = executable.run(inputs);
  write_standalone(graph, path("made"), {.name = "several", .sizes = {{"N", 3}}});
  write_file(path("CMakeLists.txt"), R"(cmake_minimum_required(VERSION 3.16)
project(mine LANGUAGES CXX)
add_subdirectory(made)
add_executable(mine mine.cpp)
target_link_libraries(mine several)
)");
  write_file(path("mine.cpp"), R"(#include <fstream>
#include <iterator>
#include "several.h"
std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
int main(int, char** arguments) {
  neap_several::Network network(arguments[1]);
  const std::string x = read(arguments[2]), k = read(arguments[3]);
  std::vector<std::string> results;
  for (const neap_several::Tensor& output : neap_several::outputs()) results.emplace_back(output.bytes, ' ');
  std::vector<void*> places;
  for (std::string& result : results) places.push_back(result.data());
  network.run({x.data(), k.data()}, places, 2);
  for (std::size_t i = 0; i < results.size(); ++i) std::ofstream(arguments[4 + i], std::ios::binary) << results[i];
}
)");
  std::string output;
  ASSERT_EQ(run_program({cmake, "-S", path(""), "-B", path("build")}, output, 120), 0) << output;
  ASSERT_EQ(run_program({cmake, "--build", path("build"), "-j2"}, output, 300), 0) << output;
  std::vector<std::string> call{path("build/mine"), path("made/weights.bin")};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    call.push_back(path("in" + std::to_string(i)));
    write_file(call.back(), {reinterpret_cast<const char*>(inputs[i].raw()), static_cast<std::size_t>(inputs[i].bytes())});
  }
  std::vector<Array> mine;
  for (std::size_t i = 0; i < right.size(); ++i) call.push_back(path("out" + std::to_string(i)));
  ASSERT_EQ(run_program(call, output, 60), 0) << output;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const std::string bytes = read_file(path("out" + std::to_string(i)));
    mine.emplace_back(right[i].dtype(), right[i].sizes());
    ASSERT_EQ(bytes.size(), static_cast<std::size_t>(right[i].bytes()));
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(mine[i].raw()));
  }
  expect_near(right, mine);
  EXPECT_TRUE(std::filesystem::exists(path("build/made/several_example")));
}

// What Neap itself would compute once and keep: the library takes the fixed input in each run, however far the graph was optimised before.
TEST_F(Standalone, KeepsNothingOfFixedInputs) {
  Graph graph;
  Builder build(graph);
  const Var a = build.input("a", {DType::f32, {24, 32}, {}}, Role::fixed), b = build.input("b", {DType::f32, {32, 24}, {}}, Role::fixed);
  const Var x = build.input("x", {DType::f32, {24, 3}, {}});
  graph.add_output(build.call("matmul", {build.call("exp", {build.call("matmul", {a, b})}), x}).id(), "y");
  Optimizer optimizer(graph);
  optimizer.optimize(4, false);
  const auto& nodes = optimizer.graph().nodes();
  ASSERT_TRUE(std::any_of(nodes.begin(), nodes.end(), [](const NodePtr& node) { return node->kept; })) << to_string(optimizer.graph());
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) {
    Array& array = inputs.emplace_back(DType::f32, evaluate(graph.type(input.value).shape, {}));
    for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, 0.1 * std::sin(static_cast<double>(i)));
  }
  const std::vector<Array> right = interpret(graph, inputs);
  expect_near(right, run(graph, {}, inputs, Isa::portable));
  expect_near(right, run(optimizer.graph(), {.level = 0}, inputs, Isa::portable));
}

// Where Neap itself would call its own kernels: here loops of the definitions, or the dense matrix.
TEST_F(Standalone, SparseMatricesNeedNoLibrary) {
  const Sizes sizes{256, 320};
  Array weights(DType::f32, sizes), mask(DType::boolean, sizes);
  for (std::int64_t i = 0; i < weights.count(); ++i) {
    const std::int64_t row = i / sizes[1], column = i % sizes[1];
    weights.set(i, std::sin(static_cast<double>(i)));
    mask.set(i, (row - column) % 10 == 0 ? 1 : 0);  // 1 of 10, of each pattern as many columns
  }
  for (const std::string text : {"csr", "nmg n=1 m=10 g=16", "blocks r=2 c=1"}) {
    SCOPED_TRACE(text);
    const LayoutChoice choice = LayoutChoice::parse(text);
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {64, sizes[1]}, {}});
    std::vector<Var> components;
    for (const Array& component : choice.pack(weights, mask)) components.push_back(build.constant(component));
    const Var w = build.call(choice.layout->op("dense"), components, attributes_of(choice, {sizes[0], sizes[1]}));
    graph.add_output(build.call("matmul", {x, w}, {{"transpose_b", true}}).id(), "y");
    Optimizer optimizer(graph);
    optimizer.optimize(4);
    const std::string text_of_all = to_string(optimizer.graph());
    EXPECT_NE(text_of_all.find(choice.layout->op("matmul")), std::string::npos) << text_of_all;
    EXPECT_NE(text_of_all.find("library native"), std::string::npos) << text_of_all;
    Array input(DType::f32, {64, sizes[1]});
    for (std::int64_t i = 0; i < input.count(); ++i) input.set(i, std::cos(static_cast<double>(i)));
    expect_near(interpret(graph, {input}), run(graph, {}, {input}, Isa::portable));
  }
}

TEST_F(Standalone, RunsFilesOfSeveralBatches) {
  const Graph graph = several();
  const std::vector<Array> inputs = several_inputs();
  std::vector<Array> right = interpret(graph, inputs), mine = run(graph, {.sizes = {{"N", 1}}}, inputs, Isa::portable);
  const std::size_t weights = 3;  // no batch: the same each time, one after the other
  EXPECT_EQ(mine[weights].size(0), 9);
  right.erase(right.begin() + weights);
  mine.erase(mine.begin() + weights);
  expect_near(right, mine);
}

TEST_F(Standalone, NamesOfAModelStayOutOfTheSources) {
  const std::string hostile = "x\"; abort(); //\n*/";
  write_standalone(several(hostile), path("made"), {.sizes = {{"N", 1}}});
  for (const auto& entry : std::filesystem::directory_iterator(path("made"))) {
    EXPECT_EQ(read_file(entry.path()).find("abort();"), std::string::npos) << entry.path();
  }
  EXPECT_NE(read_file(path("made/network.cpp")).find("\"input0\""), std::string::npos);
}

TEST_F(Standalone, RefusesWhatItCannotWrite) {
  EXPECT_EQ(problem_of([&] { write_standalone(several(), path("made")); }), "the size N is open");
  for (const char* name : {"", "Upper", "1st", "a b", "kernels", "main", "../up"}) {
    const std::string problem = problem_of([&, name] { write_standalone(several(), path("made"), {.name = name, .sizes = {{"N", 1}}}); });
    EXPECT_NE(problem.find("cannot be the name of a library"), std::string::npos) << name;
  }
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {4}, {}});
  graph.add_output((x * 2.0).id(), "next/x", 0);
  EXPECT_EQ(problem_of([&] { write_standalone(graph, path("made")); }), "output 0 updates an input: the graph is a training step");
}

}  // namespace
}  // namespace neap::standalone_test

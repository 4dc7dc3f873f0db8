// Generated kernels mean what definitions mean: every call of tests/shapes, compiled for each instruction set that the machine has.
#include <gtest/gtest.h>

#include <span>

#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "tests/support/cases.h"

namespace neap::compiled_test {
namespace {

using testing::Case;

// The case with its symbols renamed, so that many cases can stand in one graph.
Case renamed(Case one, std::size_t number) {
  std::map<std::string, Dim, std::less<>> names;
  Symbols symbols;
  for (const auto& [name, value] : one.symbols) {
    const std::string unique = name + "_" + std::to_string(number);
    names.emplace(name, Dim::symbol(unique));
    symbols[unique] = value;
  }
  for (testing::CaseInput& input : one.inputs) {
    for (Dim& size : input.type.shape) size = size.substitute(names);
  }
  for (auto& [name, value] : one.attributes) {
    if (auto* dims = std::get_if<std::vector<Dim>>(&value)) {
      for (Dim& dim : *dims) dim = dim.substitute(names);
    }
  }
  one.symbols = std::move(symbols);
  return one;
}

// Some cases compiled together (a compiler's start costs more than a kernel), each compared with the interpreter.
void check_together(std::span<const Case> lines, DType dtype, Isa isa, double least_tolerance) {
  Graph all;
  Builder build(all);
  std::vector<Array> inputs;
  struct Part {
    Case one;
    std::vector<Array> wanted;
  };
  std::vector<Part> parts;
  for (const Case& line : lines) {
    const Case one = renamed(testing::with_dtype(line, dtype), parts.size());
    const Graph graph = testing::graph_of(one);
    const std::vector<Array> given = testing::inputs_of(one);
    std::vector<Var> arguments;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      arguments.push_back(build.input("x" + std::to_string(all.inputs.size()), graph.type(graph.inputs[i].value)));
      inputs.push_back(given[i]);
    }
    for (const Var& output : build.inline_graph(graph, arguments)) all.add_output(output.id(), "y" + std::to_string(all.outputs.size()));
    parts.push_back({one, interpret(graph, given)});
  }
  ExecutableOptions options;
  options.isa = isa;
  Executable executable(lower_to_maps(all), options);
  for (const NodeProfile& node : executable.profile()) ASSERT_EQ(node.how, "generated") << node.name << " from " << node.origin;
  const std::vector<Array> got = executable.run(inputs);
  std::size_t next = 0;
  for (const Part& part : parts) {
    for (const Array& wanted : part.wanted) {
      EXPECT_TRUE(testing::close(got[next++], wanted, std::max(part.one.tolerance, least_tolerance)))
          << name(dtype) << ", " << name(isa) << ": " << part.one.place << ": " << part.one.text;
    }
  }
}

void check_compiled(DType dtype, Isa isa, double least_tolerance) {
  constexpr std::size_t together = 150;
  const std::vector<Case> cases = testing::read_cases();
  for (std::size_t from = 0; from < cases.size(); from += together) {
    check_together(std::span(cases).subspan(from, std::min(together, cases.size() - from)), dtype, isa, least_tolerance);
  }
}

TEST(Compiled, F32OnEveryInstructionSet) {
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (supports(isa)) check_compiled(DType::f32, isa, 1e-5);
  }
}
TEST(Compiled, F64) { check_compiled(DType::f64, best_isa(), 1e-9); }
TEST(Compiled, Bf16) { check_compiled(DType::bf16, best_isa(), 0.05); }
TEST(Compiled, F16) { check_compiled(DType::f16, best_isa(), 0.02); }

}  // namespace
}  // namespace neap::compiled_test

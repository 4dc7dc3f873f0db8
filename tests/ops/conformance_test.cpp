// Every operator on the calls of tests/shapes: what its shape rule says is what its definition gives, in every floating-point dtype.
#include <gtest/gtest.h>

#include <set>

#include "neap/ops/interpreter.h"
#include "tests/support/cases.h"

namespace neap {
namespace {

using testing::Case;

class Conformance : public ::testing::TestWithParam<Case> {};

std::vector<Case> cases_or_none() {
  try {
    return testing::read_cases();
  } catch (const Error&) {
    return {};  // the test below says what is wrong
  }
}

TEST(Shapes, AllFilesCanBeRead) { EXPECT_NO_THROW(testing::read_cases()); }

TEST(Shapes, EveryOperatorHasALine) {
  std::set<std::string> covered;
  for (const Case& one : testing::read_cases()) covered.insert(one.op);
  for (const Operator* op : all_operators())
    EXPECT_TRUE(covered.count(op->name) != 0) << op->name << " is on no line of tests/shapes/*.txt";
}

TEST_P(Conformance, ShapesAreAsInferred) {
  const Case& one = GetParam();
  const Graph graph = testing::graph_of(one);
  const std::vector<Array> results = interpret(graph, testing::inputs_of(one));
  const std::vector<Type> inferred = infer(make_call(graph, *graph.nodes().back()));
  ASSERT_EQ(results.size(), inferred.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].dtype(), inferred[i].dtype) << one.text;
    EXPECT_EQ(results[i].sizes(), evaluate(inferred[i].shape, one.symbols)) << one.text;
  }
}

// Maps and written-out composites mean what the calls mean.
TEST_P(Conformance, LoweredMeansTheSame) {
  const Case& one = GetParam();
  const Graph graph = testing::graph_of(one);
  const std::vector<Array> inputs = testing::inputs_of(one);
  const std::vector<Array> wanted = interpret(graph, inputs), got = interpret(lower_to_maps(graph), inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(testing::close(got[i], wanted[i], 0)) << one.text;
}

TEST_P(Conformance, PrintsAndParsesBack) {
  const Graph calls = testing::graph_of(GetParam());
  for (const Graph& graph : {calls, lower_to_maps(calls)}) {
    const Graph back = parse_graph(to_string(graph), large_constants(graph));
    EXPECT_EQ(structural_hash(back), structural_hash(graph)) << to_string(graph);
    EXPECT_EQ(to_string(back), to_string(graph));
  }
}

TEST_P(Conformance, IsLegal) {
  const Graph graph = testing::graph_of(GetParam());
  EXPECT_NO_THROW(verify(graph, Level::operators)) << to_string(graph);
  const Graph lowered = lower_to_maps(graph);
  EXPECT_NO_THROW(verify(lowered, Level::lowered)) << to_string(lowered);
}

TEST_P(Conformance, EveryFloatDtypeAgreesWithF64) {
  const Case& one = GetParam();
  if (one.one_dtype) return;
  const auto results = [&](DType dtype, const std::vector<Array>& from) {
    const Case typed = testing::with_dtype(one, dtype);
    std::vector<Array> inputs;
    for (const Array& array : from) inputs.push_back(is_float(array.dtype()) ? array.cast(dtype) : array);
    return interpret(testing::graph_of(typed), inputs);
  };
  // Inputs that every dtype holds, so that only the arithmetic differs.
  std::vector<Array> inputs = testing::inputs_of(one);
  for (Array& array : inputs) {
    if (is_float(array.dtype())) array = array.cast(DType::f16).cast(DType::bf16).cast(DType::f64);
  }
  const std::vector<Array> exact = results(DType::f64, inputs);
  for (const auto& [dtype, tolerance] : {std::pair{DType::f32, one.tolerance}, {DType::f16, 0.03}, {DType::bf16, 0.15}}) {
    const std::vector<Array> rounded = results(dtype, inputs);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (!is_float(exact[i].dtype())) continue;
      EXPECT_TRUE(testing::close(rounded[i].cast(DType::f64), exact[i], tolerance)) << name(dtype) << ": " << one.text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lines, Conformance, ::testing::ValuesIn(cases_or_none()), [](const ::testing::TestParamInfo<Case>& info) {
  std::string place = info.param.op + "_" + info.param.place.substr(7);
  for (char& c : place) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return place;
});

}  // namespace

namespace testing {
void PrintTo(const Case& one, std::ostream* out) { *out << one.place << ": " << one.text; }
}  // namespace testing
}  // namespace neap

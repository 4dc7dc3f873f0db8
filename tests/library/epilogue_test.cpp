// Epilogues of convolutions and matrix products: what oneDNN does behind one is what the interpreter does.
#include <gtest/gtest.h>

#include "neap/runtime/executable.h"
#include "tests/library/library_check.h"

namespace neap::epilogue_test {
namespace {

// A convolution with an epilogue as the right side of %0[n,c,h,w] = ..., in which @0 stands for the result so far.
Graph convolution(const std::string& value, const std::string& layout = "", const std::string& batch = "2") {
  const std::string result = "f32[" + batch + ",16,5,6]" + layout;
  return parse_graph("graph main {\n  input x : f32[" + batch + ",8,5,6]" + layout + R"(
  input w : f32[16,8,3,3]
  input b : f32[16]
  input r : )" + result +
                     R"(
  input s : f32[1,16,1,1]
  %0 = conv(x, w, b, r, s) pads=[1,1,1,1] : )" +
                     result + "  library onednn  epilogue 3 n:" + batch + " c:16 h:5 w:6 { %0[n, c, h, w] = " + value +
                     " }\n  output y = %0\n}");
}

std::vector<Array> inputs_of(const Graph& graph, const Symbols& symbols) {
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) {
    inputs.push_back(test_elements(DType::f32, evaluate(graph.type(input.value).shape, symbols), static_cast<int>(inputs.size())));
  }
  return inputs;
}

std::string refusal(const Graph& graph) {
  const Node& node = *graph.nodes()[0];
  std::vector<Type> operands;
  for (auto i = static_cast<std::size_t>(node.epilogue_first); i < node.inputs.size(); ++i) operands.push_back(graph.type(node.inputs[i]));
  return find_implementation(node.op, "onednn")
      .refuses_epilogue(make_call(graph, node), *node.epilogue, operands, graph.type(node.outputs[0]));
}

void expect_as_interpreted(const Graph& graph, const Symbols& symbols = {}) {
  verify(graph);
  ASSERT_EQ(refusal(graph), "") << to_string(graph);
  const std::vector<Array> inputs = inputs_of(graph, symbols);
  std::vector<Array> stored;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    stored.emplace_back(DType::f32, inputs[i].sizes());
    from_row_major(inputs[i], stored.back().raw(), graph.type(graph.inputs[i].value), symbols);
  }
  const Array wanted = interpret(graph, inputs)[0], made = Executable(graph).run(stored)[0];
  const Array got = to_row_major(made.raw(), graph.type(graph.outputs[0].value), symbols);
  for (std::int64_t i = 0; i < wanted.count(); ++i) ASSERT_NEAR(got.get(i), wanted.get(i), 2e-5) << to_string(graph);
}

const char* const taken[] = {
    "max(@0[n, c, h, w], 0.0)",
    "min(max(@0[n, c, h, w], 0.0), 6.0)",
    "max(-0.5, min(0.25, @0[n, c, h, w]))",
    "@0[n, c, h, w] * sigmoid(@0[n, c, h, w])",
    "@0[n, c, h, w] * max(0.0, min(1.0, @0[n, c, h, w] * 0.16666667 + 0.5))",
    "tanh(@0[n, c, h, w] * 2.0 - 1.0)",
    "select(@0[n, c, h, w] > 0.0, @0[n, c, h, w], @0[n, c, h, w] * 0.125)",
    "max(@0[n, c, h, w] + r[n, c, h, w], 0.0)",
    "sigmoid(@0[n, c, h, w]) * r[n, c, h, w]",
    "@0[n, c, h, w] * s[0, c, 0, 0] + r[n, c, h, w]",
    "3.0 - @0[n, c, h, w]",
};

TEST(Epilogue, ActivationsResidualsAndScales) {
  for (const char* value : taken) {
    expect_as_interpreted(convolution(value));
    expect_as_interpreted(convolution(value, " acdb"));
  }
}

TEST(Epilogue, SizesThatAreSymbolsAndNone) {
  const Graph graph = convolution("max(@0[n, c, h, w] + r[n, c, h, w], 0.0)", "", "N");
  for (const std::int64_t size : {0, 1, 3}) expect_as_interpreted(graph, {{"N", size}});
}

TEST(Epilogue, WhatOneDnnHasNoFunctionForIsRefused) {
  EXPECT_EQ(refusal(convolution("sin(@0[n, c, h, w])")), "it computes what oneDNN has no post-operation for");
  EXPECT_EQ(refusal(convolution("tanh(@0[n, c, h, w] * 2.0) * 0.5")), "it takes one function twice, with other numbers");
  EXPECT_EQ(refusal(convolution("@0[n, c, h, w] + exp(r[n, c, h, w])")), "an operand is computed, not read");
  EXPECT_EQ(refusal(convolution("@0[n, c, h, w] + r[n, c, h, 0]")),
            "oneDNN takes operands like the result, along its axis 1, or of one element");
}

// A product with an epilogue, in which @0 stands for the result, b for a bias of its columns, r for what is shaped like the result.
Graph product(const std::string& value, const std::string& rows = "7", const std::string& inner = "5", const std::string& columns = "13",
              const std::string& layout = "") {
  const std::string result = "f32[" + rows + "," + columns + "]" + layout;
  return parse_graph("graph main {\n  input x : f32[" + rows + "," + inner + "]\n  input w : f32[" + columns + "," + inner +
                     "]\n  input b : f32[" + columns + "]\n  input r : " + result + "\n  input g : f32[1,1]\n  input c : f32[" + rows +
                     ",1]\n  %0 = matmul(x, w, b, r, g, c) transpose_b=true : " + result + "  library onednn  epilogue 2 i:" + rows +
                     " j:" + columns + " { %0[i, j] = " + value + " }\n  output y = %0\n}");
}

const char* const behind_products[] = {
    "@0[i, j] + b[j]",
    "max(@0[i, j] + b[j], 0.0)",
    "(@0[i, j] + b[j]) * sigmoid(@0[i, j] + b[j])",
    "tanh(@0[i, j] + b[j]) + r[i, j]",
    "@0[i, j] * g[0, 0] + r[i, j]",
    "min(max(@0[i, j] * b[j] - r[i, j], -0.5), 0.5)",
    "(@0[i, j] + b[j]) * 0.5 * (1.0 + erf((@0[i, j] + b[j]) * 0.70710678118654752))",
};

TEST(Epilogue, BehindProducts) {
  for (const char* value : behind_products) {
    expect_as_interpreted(product(value));
    expect_as_interpreted(product(value, "1", "1", "1"));
    expect_as_interpreted(product(value, "1", "67", "53"));
    expect_as_interpreted(product(value, "67", "3", "1"));
    expect_as_interpreted(product(value, "0", "3", "4"));
    expect_as_interpreted(product(value, "3", "0", "4"));  // a sum of nothing, and then the epilogue
  }
}

TEST(Epilogue, BehindPartsOfRowsOfColumnsAndOfTheSum) {
  const std::string value = "max(@0[i, j] * b[j] - r[i, j], -0.5)";
  expect_as_interpreted(product(value, "301", "97", "103"));
  expect_as_interpreted(product(value, "20", "97", "1501"));
  expect_as_interpreted(product(value, "19", "5003", "31"));
}

TEST(Epilogue, BehindProductsOfSizesThatAreSymbols) {
  for (const std::int64_t size : {0, 1, 17}) expect_as_interpreted(product("max(@0[i, j] + b[j], 0.0) + r[i, j]", "N"), {{"N", size}});
}

TEST(Epilogue, BehindBatchesOfProducts) {
  for (const char* const weights : {"[5,3]", "[2,5,3]", "[1,5,3]"}) {
    expect_as_interpreted(parse_graph(std::string(R"(graph main {
  input x : f32[2,7,5]
  input w : f32)") + weights + R"(
  input b : f32[3]
  input r : f32[2,7,3]
  %0 = matmul(x, w, b, r) : f32[2,7,3]  library onednn  epilogue 2 n:2 i:7 j:3 { %0[n, i, j] = max(@0[n, i, j] + b[j], 0.0) * r[n, i, j] }
  output y = %0
})"));
  }
}

TEST(Epilogue, WhatAProductsEpilogueCannotRead) {
  EXPECT_EQ(refusal(product("@0[i, j] + c[i, 0]")), "oneDNN takes operands like the result, along its axis 1, or of one element");
  expect_as_interpreted(product("max(@0[i, j] + r[i, j], 0.0) * g[0, 0]", "7", "5", "13", " ba"));
  EXPECT_EQ(refusal(product("@0[i, j] + b[j]", "7", "5", "13", " ba")), "oneDNN takes operands like the result, or of one element");
}

TEST(Epilogue, AnImplementationThatTakesNoneSaysSo) {
  const Graph graph = parse_graph(R"(graph main {
  input a : f32[4,4]
  %0 = layer_norm(a) : f32[4,4]  library onednn  epilogue 1 i:4 j:4 { %0[i, j] = max(@0[i, j], 0.0) }
  output y = %0
})");
  try {
    Executable(graph).run({Array::zeros(DType::f32, {4, 4})});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "onednn takes no epilogue");
  }
}

}  // namespace
}  // namespace neap::epilogue_test

// One test a rule: the smallest graph that breaks it, and the message.
#include <gtest/gtest.h>

#include <ctime>

#include "neap/base/error.h"
#include "neap/ir/graph.h"

namespace neap::verify_test {
namespace {

std::string complaint(const Graph& graph, Level level = Level::mixed) {
  try {
    verify(graph, level);
  } catch (const Error& error) {
    return error.problem() + " @ " + error.place();
  }
  return "legal";
}

// Of a graph with inputs x: f32[4], y: f32[4,5], i: i64[4], n: f32[N] and these lines.
std::string complaint(const std::string& lines, Level level = Level::mixed) {
  Graph graph;
  try {
    graph = parse_graph("graph g {\n input x : f32[4]\n input y : f32[4,5]\n input i : i64[4]\n input n : f32[N]\n" + lines + "\n}");
  } catch (const Error& error) {
    return fmt::format("does not parse: {}", error.what());
  }
  return complaint(graph, level);
}

// Of a map of x, y, i, n.
std::string map_complaint(const std::string& body, const std::string& type = "f32[4]") {
  const std::string place = " @ %0 = map, in graph g";
  std::string text = complaint("%0 = map(x, y, i, n) " + body + " : " + type);
  if (text.size() > place.size() && text.compare(text.size() - place.size(), place.size(), place) == 0)
    text.resize(text.size() - place.size());
  return text;
}

// Graphs that the text cannot write.
struct Raw {
  Graph graph;
  ValueId x = graph.add_input("x", {DType::f32, {4}, {}});
  Node node;
  Map map;
  Raw() {
    graph.name = "g";
    node.inputs = {x};
    node.outputs = {graph.add_value({DType::f32, {4}, {}})};
    map.axes = {{0, "k", 4, nullptr}};
    map.stages = {{{}, 0, {axis_position(map.axes[0])}, read(0, DType::f32, {axis_position(map.axes[0])}), Accumulate::none}};
  }
  std::string map_complaint() {
    node.map = std::make_shared<const Map>(map);
    graph.append(node);
    return complaint(graph);
  }
  std::string call_complaint(Level level = Level::mixed) {
    node.op = "relu";
    graph.append(node);
    return complaint(graph, level);
  }
};

constexpr const char* copy = "%0 = map(x) k:4 { %0[k] = x[k] } : f32[4]";

TEST(Verify, LegalGraphs) {
  EXPECT_EQ(complaint(copy), "legal");
  EXPECT_EQ(complaint(copy, Level::lowered), "legal");
  EXPECT_EQ(complaint("%0 = relu(x, _) : f32[4]", Level::operators), "legal");
  EXPECT_EQ(complaint("%0 = relu(x) : f32[4] library onednn", Level::lowered), "legal");
  EXPECT_EQ(complaint("%0 = map(_, x) k:4 { %0[k] = x[k] } : f32[4]"), "legal");
  EXPECT_EQ(Raw().map_complaint(), "legal");
}

TEST(Verify, Levels) {
  EXPECT_EQ(complaint(copy, Level::operators), "a map stands among the operators @ %0 = map, in graph g");
  EXPECT_EQ(complaint("%0 = relu(x) : f32[4] library onednn", Level::operators),
            "a call is bound to 'onednn' among the operators @ %0 = relu, in graph g");
  EXPECT_EQ(complaint("%0 = relu(x) : f32[4]", Level::lowered), "a call has no implementation, so it cannot run @ %0 = relu, in graph g");
}

TEST(Verify, Inputs) {
  Graph none;
  none.inputs.push_back({7, "x"});
  EXPECT_EQ(complaint(none), "input 'x' is value 7, which does not exist @ graph main");
  Graph unnamed;
  unnamed.add_input("", {});
  EXPECT_EQ(complaint(unnamed), "an input has no name @ graph main");
  Graph twice;
  twice.add_input("x", {});
  twice.add_input("x", {});
  EXPECT_EQ(complaint(twice), "two inputs are called 'x' @ graph main");
  Graph constant;
  constant.inputs.push_back({constant.add_constant(Array::scalar(1.0F)), "x"});
  EXPECT_EQ(complaint(constant), "input 'x' is a constant @ graph main");
  Graph same_value;
  const ValueId x = same_value.add_input("x", {});
  same_value.inputs.push_back({x, "y"});
  EXPECT_EQ(complaint(same_value), "input 'y' is a value that is an input already @ graph main");
}

TEST(Verify, Outputs) {
  EXPECT_EQ(complaint("output a = x\noutput a = y"), "two outputs are called 'a' @ graph g");
  EXPECT_EQ(complaint("output a = y updates x"), "output 'a' is f32[4,5], but updates input 'x', which is f32[4] @ graph g");
  EXPECT_EQ(complaint("output a = x updates x\noutput b = x updates x"),
            "output 'b' updates an input that another output updates @ graph g");
  Raw unnamed;
  unnamed.graph.add_output(unnamed.x, "");
  EXPECT_EQ(complaint(unnamed.graph), "an output has no name @ graph g");
  Raw none;
  none.graph.add_output(99, "a");
  EXPECT_EQ(complaint(none.graph), "output 'a' is value 99, which does not exist @ graph g");
  Raw unmade;
  unmade.graph.add_output(unmade.node.outputs[0], "a");
  EXPECT_EQ(complaint(unmade.graph), "%0 is used before it is made @ graph g");
  Raw updates;
  updates.graph.add_output(updates.x, "a", 5);
  EXPECT_EQ(complaint(updates.graph), "output 'a' updates input 5 of 1 @ graph g");
}

TEST(Verify, ValuesAreMadeOnceAndBeforeTheyAreUsed) {
  Raw early;
  early.node.inputs = early.node.outputs;
  EXPECT_EQ(early.call_complaint(), "%0 is used before it is made @ %0 = relu, in graph g");
  Raw twice;
  twice.node.op = "relu";
  twice.graph.append(twice.node);
  EXPECT_EQ(twice.call_complaint(), "%0 is made twice @ %0 = relu, in graph g");
  Raw unknown;
  unknown.node.inputs = {42};
  EXPECT_EQ(unknown.call_complaint(), "value 42 is used but does not exist @ %0 = relu, in graph g");
  Raw made;
  made.node.outputs = {42};
  EXPECT_EQ(made.call_complaint(), "value 42 is made but does not exist @ value 42 = relu, in graph g");
  Raw constant;
  constant.node.outputs = {constant.graph.add_constant(Array::scalar(1.0F))};
  EXPECT_EQ(constant.call_complaint(), "the constant %0 is made by a node @ %0 = relu, in graph g");
  Raw nothing;
  nothing.node.outputs = {};
  EXPECT_EQ(nothing.call_complaint(), "a node makes nothing @ relu, in graph g");
}

TEST(Verify, Constants) {
  Raw raw;
  raw.node.inputs = {raw.graph.add_constant(Array::zeros(DType::f32, {3}))};
  raw.graph.set_type(raw.node.inputs[0], {DType::f32, {4}, {}});
  EXPECT_EQ(raw.call_complaint(), "the constant %0 is f32[4], but holds f32[3] @ %1 = relu, in graph g");
}

TEST(Verify, Nodes) {
  Raw both;
  both.node.op = "relu";
  EXPECT_EQ(both.map_complaint(), "a node is either a map or a call, not both or neither @ %0 = map, in graph g");
  Raw neither;
  neither.graph.append(neither.node);
  EXPECT_EQ(complaint(neither.graph), "a node is either a map or a call, not both or neither @ %0 = \"\", in graph g");
  Raw absent;
  absent.node.inputs = {no_value};
  EXPECT_EQ(absent.map_complaint(), "operand 0 is absent, but read @ %0 = map, in graph g");
  Raw bound;
  bound.node.implementation = "onednn";
  EXPECT_EQ(bound.map_complaint(), "a map has an implementation, 'onednn' @ %0 = map, in graph g");
  Raw attributes;
  attributes.node.attributes["a"] = true;
  EXPECT_EQ(attributes.map_complaint(), "a map has attributes @ %0 = map, in graph g");
  Raw epilogue;
  epilogue.node.epilogue = std::make_shared<const Map>(epilogue.map);
  EXPECT_EQ(epilogue.map_complaint(), "a map has an epilogue @ %0 = map, in graph g");
  Raw schedule;
  schedule.node.schedule.unroll = 2;
  EXPECT_EQ(schedule.call_complaint(), "a call has a schedule @ %0 = relu, in graph g");
  Raw name;
  name.node.attributes[""] = true;
  EXPECT_EQ(name.call_complaint(), "an attribute has no name @ %0 = relu, in graph g");
}

TEST(Verify, Types) {
  EXPECT_EQ(complaint("%0 = relu(x) : f32[-2]"), "the result has a negative size, -2 @ %0 = relu, in graph g");
  EXPECT_EQ(complaint("%0 = relu(x) : f32[M + 1]"), "the result has the size M + 1, but no input has a size M @ %0 = relu, in graph g");
  EXPECT_EQ(complaint("%0 = relu(x) to=sizes[M] : f32[4]"),
            "attribute to has the size M, but no input has a size M @ %0 = relu, in graph g");
  const auto layout = [](std::vector<Layout::Level> levels) {
    Raw raw;
    raw.graph.set_type(raw.node.outputs[0], {DType::f32, {4, 8}, {std::move(levels)}});
    return raw.call_complaint();
  };
  EXPECT_EQ(layout({{1, 0}, {0, 0}}), "legal");
  EXPECT_EQ(layout({{1, 0}, {2, 0}}), "the result has a layout with an axis 2 of rank 2 @ %0 = relu, in graph g");
  EXPECT_EQ(layout({{1, 0}}), "the result has a layout without axis 0 @ %0 = relu, in graph g");
  EXPECT_EQ(layout({{1, 0}, {0, 0}, {1, 0}}), "the result has a layout in which axis 1 stands twice @ %0 = relu, in graph g");
  EXPECT_EQ(layout({{1, 0}, {0, 0}, {1, 1}}), "the result has a layout with a block of 1 @ %0 = relu, in graph g");
}

TEST(Verify, TargetsOfStages) {
  EXPECT_EQ(map_complaint("k:4 { %0[k,k] = x[k] }"), "a stage writes at 2 indices, but its target has rank 1");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = i[k] }"), "a stage's value is i64, but its target is f32");
  EXPECT_EQ(map_complaint("k:4 { %0[x[k]] = x[k] }"), "an index is f32, not i64");
  EXPECT_EQ(map_complaint("k:4 { %0[k + 1] = x[k] }"), "a stage writes at 4, but the size there is 4");
  EXPECT_EQ(map_complaint("k:4 { %0[k - 1] = x[k] }"), "a stage writes at -1, before the first element");
  EXPECT_EQ(map_complaint("k:4 { %0[0] += x[k]; %0[0] max= x[k] }"), "a result is accumulated in two ways");
  EXPECT_EQ(complaint("%0, %1 = map(x) k:4 { %0[k] = x[k] } : f32[4], f32[4]"),
            "result 1 of the map is never written @ %0, %1 = map, in graph g");
  Raw result, local, nothing, empty;
  result.map.stages[0].target = 3;
  EXPECT_EQ(result.map_complaint(), "a stage writes result 3, which the map does not have @ %0 = map, in graph g");
  local.map.stages[0].target = -2;
  EXPECT_EQ(local.map_complaint(), "a stage writes local 1, which the map does not have @ %0 = map, in graph g");
  nothing.map.stages.clear();
  EXPECT_EQ(nothing.map_complaint(), "a map does nothing @ %0 = map, in graph g");
  empty.map.stages[0].value = Expr();
  EXPECT_EQ(empty.map_complaint(), "a stage has no value @ %0 = map, in graph g");
}

TEST(Verify, Reads) {
  EXPECT_EQ(map_complaint("k:4 { %0[k] = y[k] }"), "a read has 1 indices, but its operand is f32[4,5]");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[x[k]] }"), "an index is f32, not i64");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[k + 1] }"), "a stage reads at 4, but the size there is 4");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[k * 2 - 1] }"), "a stage reads at -1, before the first element");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[sum(j:2, j)] }"), "legal");  // not affine: checked when it runs
  EXPECT_EQ(map_complaint("k:N { %0[k] = n[k + 1] }", "f32[N]"), "a stage reads at N, but the size there is N");
  EXPECT_EQ(map_complaint("k:N { %0[k] = n[k] }", "f32[N]"), "legal");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[i[k]] }"), "legal");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[k + 1 else 0.0] }"), "legal");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = select(k < 3, x[k + 1], 0.0) }"), "legal");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = select(k < 3, #0=(exp(x[k + 1] * x[k + 1])), 0.0) + #0 }"),
            "a stage reads at 4, but the size there is 4");  // a part first met where it is guarded
  EXPECT_EQ(map_complaint("k:0 { %0[k] = x[k + 7] }", "f32[0]"), "legal");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = x[k else 0] }"), "a read is f32, but i64 outside of its operand");
  Raw dtype, operand, local, arguments;
  const Expr k = axis_position(dtype.map.axes[0]);
  dtype.map.stages[0].value = cast(read(0, DType::i32, {k}), DType::f32);
  EXPECT_EQ(dtype.map_complaint(), "a read is i32, but its operand is f32[4] @ %0 = map, in graph g");
  operand.map.stages[0].value = read(1, DType::f32, {k});
  EXPECT_EQ(operand.map_complaint(), "operand 1 is read, which the map does not have @ %0 = map, in graph g");
  local.map.stages[0].value = read(-1, DType::f32, {k});
  EXPECT_EQ(local.map_complaint(), "local 0 is read, which the map does not have @ %0 = map, in graph g");
  auto node = std::make_shared<Expr::Node>(*read(0, DType::f32, {k}));
  node->rank = 3;
  arguments.map.stages[0].value = Expr(node);
  EXPECT_EQ(arguments.map_complaint(), "a read has 1 arguments for rank 3 @ %0 = map, in graph g");
}

TEST(Verify, Axes) {
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(j:5, y[k,j]) + x[j else 0.0] }"), "j is used outside of its loop");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(k:4, x[k]) }"), "k stands inside itself");
  EXPECT_EQ(map_complaint("k:4 k:4 { %0[k] = x[k] }"), "axis 0 stands inside itself");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(j:4, x[j] + sum(j:4, x[j])) }"), "j stands inside itself");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(j:4, x[j]) + sum(j:4, x[j]) }"), "legal");
  EXPECT_EQ(map_complaint("k:M { %0[k] = x[k] }"), "an axis has the size M, but no input has a size M");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = f32({M}) }"), "an expression has the size M, but no input has a size M");
  EXPECT_EQ(map_complaint("k:4 { local $0: f32[M]; $0[0] = 1.0; %0[k] = $0[0] }"), "a local has the size M, but no input has a size M");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(j:4 in x[k] to i[k], 1.0) }"), "a bound of a ragged axis is f32, not i64");
  Raw two, unknown, negative, early;
  const Axis again{5, "j", 4, nullptr}, other{5, "j", 3, nullptr};
  const Expr at = read(0, DType::f32, {axis_position(again)});
  two.map.stages[0].value = reduce(Reduction::sum, {again}, at) + reduce(Reduction::sum, {other}, at);
  EXPECT_EQ(two.map_complaint(), "axis 5 stands for two different loops @ %0 = map, in graph g");
  unknown.map.stages[0].value = at;
  EXPECT_EQ(unknown.map_complaint(), "axis 5 is used outside of its loop @ %0 = map, in graph g");
  negative.map.axes[0].id = -1;
  EXPECT_EQ(negative.map_complaint(), "an axis has the id -1 @ %0 = map, in graph g");
  early.map.stages[0].value = reduce(Reduction::sum, {again}, at);
  early.map.axes.push_back({9, "r", 4, std::make_shared<const std::pair<Expr, Expr>>(Expr(0), axis_position(again))});
  EXPECT_EQ(early.map_complaint(), "axis 5 is used outside of its loop @ %0 = map, in graph g");
  Raw many;
  for (int id = 1; id < 300; ++id) many.map.axes.push_back({id, "", 1, nullptr});
  EXPECT_EQ(many.map_complaint(), "a map has more than 256 axes @ %0 = map, in graph g");
}

TEST(Verify, Expressions) {
  const auto with = [](const Expr::Node& node) {
    Raw raw;
    raw.map.stages[0].value = Expr(std::make_shared<const Expr::Node>(node));
    std::string text = raw.map_complaint();
    return text.substr(0, text.find(" @ "));
  };
  const Expr number = constant(DType::f32, 1), whole = constant_int(DType::i64, 1), yes = constant_int(DType::boolean, 1);
  EXPECT_EQ(with({.op = Scalar::add, .dtype = DType::f32, .args = {number}}), "add has 1 arguments, not 2");
  EXPECT_EQ(with({.op = Scalar::add, .dtype = DType::f32, .args = {number, whole}}), "add is not defined on f32 and i64");
  EXPECT_EQ(with({.op = Scalar::less, .dtype = DType::f32, .args = {number, number}}), "a less is f32, but its arguments make it bool");
  EXPECT_EQ(with({.op = Scalar::exp, .dtype = DType::f32, .args = {whole}}), "exp is not defined on i64");
  EXPECT_EQ(with({.op = Scalar::neg, .dtype = DType::f32, .args = {yes}}), "neg is not defined on bool");
  EXPECT_EQ(with({.op = Scalar::neg, .dtype = DType::f32, .args = {Expr()}}), "an expression lacks a part");
  EXPECT_EQ(with({.op = Scalar::constant, .dtype = DType::f32, .args = {number}}), "a constant has arguments");
  EXPECT_EQ(with({.op = Scalar::axis, .dtype = DType::f32}), "a axis is f32, not i64");
  EXPECT_EQ(with({.op = Scalar::reduce, .dtype = DType::f32, .args = {number}}), "a reduction needs one argument and at least one axis");
  const Axis j{5, "j", 4, nullptr}, k{6, "k", 4, nullptr};
  EXPECT_EQ(with({.op = Scalar::reduce, .dtype = DType::f32, .args = {whole}, .axes = {j}}),
            "a reduction is f32, but its argument makes it i64");
  EXPECT_EQ(with({.op = Scalar::reduce, .dtype = DType::f32, .args = {number}, .reduction = Reduction::all, .axes = {j}}),
            "all is taken of f32, not of bool");
  EXPECT_EQ(with({.op = Scalar::reduce, .dtype = DType::f32, .args = {number}, .reduction = Reduction::argmax, .axes = {j, k}}),
            "argmax runs over 2 axes, not one");
  Expr large = axis_position(j);
  for (int i = 0; i < 40; ++i) large = large + large;  // a small graph that is an enormous tree
  Raw raw;
  raw.map.stages[0].value = reduce(Reduction::sum, {j}, read(0, DType::f32, {large}));
  EXPECT_EQ(raw.map_complaint(), "an index is too large an expression @ %0 = map, in graph g");
}

TEST(Verify, WhatIsKept) {
  EXPECT_EQ(complaint("fixed a : f32[4]\n%0 = relu(a) : f32[4] kept\n%1 = add(%0, a) : f32[4] kept\noutput y = %1"), "legal");
  EXPECT_EQ(complaint("fixed a : f32[4]\n%0 = add(a, x) : f32[4] kept"),
            "it is kept, but x is not the same in every run @ %0 = add, in graph g");
  EXPECT_EQ(complaint("fixed a : f32[4]\n%0 = relu(a) : f32[4]\n%1 = relu(%0) : f32[4] kept"),
            "it is kept, but %0 is not the same in every run @ %1 = relu, in graph g");
  EXPECT_EQ(complaint("fixed a : f32[4]\noutput b = x updates a"), "output 'b' updates input 'a', which is fixed @ graph g");
}

TEST(Verify, Epilogues) {
  const auto with = [](const std::string& epilogue, const std::string& library = "library onednn") {
    const std::string text = complaint("%0 = relu(x, y) : f32[4] " + library + " epilogue " + epilogue);
    return text.substr(0, text.find(" @ "));
  };
  EXPECT_EQ(with("2 k:4 { %0[k] = max(@0[k], 0.0) }"), "legal");
  EXPECT_EQ(with("1 k:4 { %0[k] = @0[k] + y[k,0] }"), "legal");
  EXPECT_EQ(with("2 k:4 { %0[k] = @0[k] }", ""), "a call without an implementation has an epilogue");
  EXPECT_EQ(with("2 k:4 { %0[k] = @0[0] }"), "the epilogue reads the call's result at another element than the one that it writes");
  EXPECT_EQ(with("2 k:5 { %0[k] = @0[k] }"), "a stage reads at 4, but the size there is 4");
  Raw operands, first, absent;
  operands.node.epilogue_first = 1;
  EXPECT_EQ(operands.call_complaint(), "a call without an epilogue has operands for one @ %0 = relu, in graph g");
  first.node.implementation = absent.node.implementation = "l";
  first.node.epilogue = absent.node.epilogue = std::make_shared<const Map>(first.map);
  first.node.epilogue_first = 2;
  EXPECT_EQ(first.call_complaint(), "the epilogue's operands begin at 2 of 1 @ %0 = relu, in graph g");
  absent.node.inputs = {no_value};
  absent.map.stages[0].value = read(0, DType::f32, absent.map.stages[0].index) + read(1, DType::f32, absent.map.stages[0].index);
  absent.node.epilogue = std::make_shared<const Map>(absent.map);
  EXPECT_EQ(absent.call_complaint(), "operand 1 is absent, but read @ %0 = relu, in graph g");
}

TEST(Verify, Schedules) {
  const auto with = [](const Schedule& schedule) {
    Raw raw;
    raw.node.schedule = schedule;
    const std::string text = raw.map_complaint();
    return text.substr(0, text.find(" @ "));
  };
  EXPECT_EQ(with({{0}, 0, 8, 0, 2, {{0, 4}}}), "legal");
  EXPECT_EQ(with({{7}}), "the schedule names an axis 7 that the map does not have");
  EXPECT_EQ(with({{}, 7}), "the schedule names an axis 7 that the map does not have");
  EXPECT_EQ(with({{0, 0}}), "the schedule orders an axis twice");
  EXPECT_EQ(with({{}, -1, 0, -1, 0, {{0, 0}}}), "the schedule has a tile of 0");
  EXPECT_EQ(with({{}, -1, -8}), "the schedule has a negative width or unrolling");
  EXPECT_EQ(map_complaint("k:4 { %0[k] = sum(j:5, y[k,j]) }", "f32[4] schedule order=[j]"),
            "the schedule orders an axis that is not the map's own");
}

TEST(Verify, PlacesNameTheNodeAndWhereItCameFrom) {
  Raw raw;
  raw.node.origin = {"block1/conv: relu\n"};
  raw.node.inputs = {42};
  EXPECT_EQ(raw.call_complaint(), "value 42 is used but does not exist @ %0 = relu, from block1/conv: relu\\x0a, in graph g");
}

// Parsing and verifying 10,000 nodes is to take less than 200 ms, hashing less than 10 ms. The limits here leave room for a loaded machine.
TEST(Verify, TenThousandNodesAreQuick) {
  std::string text = "graph g {\n  input x : f32[N,64]\n  parameter w : f32[64]\n";
  std::string last = "x";
  for (int i = 0; i < 10000; ++i) {
    if (i % 2 == 0) {
      text += fmt::format("  %{} = conv2d({}, w) groups=2 pad=[1,1] stride=[1,1] : f32[N,64]\n", i, last);
    } else {
      text += fmt::format("  %{} = map({}, w) n:N c:64 {{ %{}[n,c] = max({}[n,c] * w[c] + 1.0, 0.0) }} : f32[N,64]\n", i, last, i, last);
    }
    last = fmt::format("%{}", i);
  }
  text += "  output y = " + last + "\n}\n";
  const std::clock_t start = std::clock();  // processor time: the machine may be busy with other things
  const auto since = [&] { return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC; };
  const Graph graph = parse_graph(text);
  verify(graph);
  const double parsed = since();
  const Hash hash = structural_hash(graph);
  const double hashed = since() - parsed;
  EXPECT_TRUE(to_string(graph) == text);
  const double printed = since() - parsed - hashed;
  EXPECT_NE(hash, Hash{});
  RecordProperty("parse_and_verify_ms", std::to_string(parsed));
  RecordProperty("hash_ms", std::to_string(hashed));
  RecordProperty("print_ms", std::to_string(printed));
  fmt::print("parse and verify {:.1f} ms, hash {:.1f} ms, print {:.1f} ms\n", parsed, hashed, printed);
  EXPECT_LT(parsed, 2000);
  EXPECT_LT(hashed, 200);
}

TEST(Verify, PointsThatWriteOneElementWriteOneValue) {
  EXPECT_EQ(map_complaint("k:4 { %0[0] = x[k] }", "f32[1]"), "the points of k write one element, each another value");
  EXPECT_EQ(map_complaint("k:4 j:5 { %0[k] = y[k, j] }"), "the points of j write one element, each another value");
  EXPECT_EQ(map_complaint("k:4 j:5 { %0[k] = x[k] }"), "legal");  // the same value
  EXPECT_EQ(map_complaint("k:4 j:1 { %0[k] = y[k, j] }"), "legal");
  EXPECT_EQ(map_complaint("k:4 { local $0 : f32[5]; for j:5 $0[j] = y[k, j]; %0[k] = $0[0] }"), "legal");
}

}  // namespace
}  // namespace neap::verify_test

// The text of graphs: what it looks like, what it refuses, where.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "neap/base/error.h"
#include "neap/ir/graph.h"

namespace neap::text_test {
namespace {

constexpr const char* step = R"(graph step {
  input x : f32[N,1,28,28]
  parameter w : f32[32,1,3,3]
  parameter "conv bias" : f32[32] "b"
  state steps : i64[]
  fixed offsets : i64[N + 1]
  const %0 : f32[2,2] = {1.0, -0.0, inf, 0.1}
  %1 = conv2d(x, w, _, %0) pad=[1,1] : f32[N,32,28,28] acdb  library onednn  epilogue 4 n:N c:32 h:28 i:28 { %1[n,c,h,i] = max(@0[n,c,h,i], 0.0) }
  %2 = map(%1, "conv bias") n:N c:32 h:28 i:28 { %2[n,c,h,i] = #0=(exp(%1[n,c,h,i] + "conv bias"[c])) * sigmoid(#0) + #0 * %1[n,c,h - 1,i else 0.0] } : f32[N,32,28,28] "swish"  schedule order=[n,h,c,i] vector=c width=8 parallel=n unroll=2 tile=[c:16,h:4]
  %3, %4 = map(%2) n:N { local $0: f64[2]; for k:2 $0[k] = f64(k) * 0.5:f64; %3[n] = sum(c:32 h:28, %2[n,c,h,0]) + f32($0[1]); for j:28 %4[j] max= -%2[n,0,0,j] } : f32[N], f32[28]
  %5 = map(%3, offsets) n:N e:7*N in offsets[n] to offsets[n + 1] { %5[n] += %3[select(e < {N}, e, 0)] } : f32[N]
  %6 = pool(%5) about="say \"hi\"\x0a" alpha=0.5 count=2 flag=true kind=bf16 shape=sizes[N,floor((N + 1)/2)] weights=reals[1.0,nan] : f32[N]
  %7 = add(%6, %0) : f32[N]
  %8 = increment(steps) : i64[]
  %9 = degrees(offsets) : f32[N]  kept
  output loss = %7
  output "next steps" = %8 updates steps
}
)";

std::string problem(const std::string& text, const std::map<std::string, Array>& data = {}) {
  try {
    parse_graph(text, data);
  } catch (const Error& error) {
    return error.problem() + " @ " + error.place();
  }
  return "it parses";
}
// Of a line in a graph of x: f32[4], i: i64[4].
std::string line_problem(const std::string& line) { return problem("graph g {\ninput x : f32[4]\ninput i : i64[4]\n" + line + "\n}"); }
std::string body_problem(const std::string& body) { return line_problem("%0 = map(x, i) " + body + " : f32[4]"); }

TEST(Text, EverythingReadsBack) {
  const Graph graph = parse_graph(step);
  EXPECT_EQ(to_string(graph), step);
  EXPECT_EQ(graph.inputs[1].role, Role::parameter);
  EXPECT_EQ(graph.inputs[3].role, Role::state);
  EXPECT_EQ(graph.inputs[4].role, Role::fixed);
  EXPECT_TRUE(graph.nodes().back()->kept);
  EXPECT_FALSE(graph.nodes()[0]->kept);
  EXPECT_EQ(graph.value(graph.inputs[2].value).name, "b");
  EXPECT_EQ(graph.outputs[1].updates, 3);
  const Node& conv = *graph.nodes()[0];
  EXPECT_EQ(conv.implementation, "onednn");
  EXPECT_EQ(conv.inputs[2], no_value);
  EXPECT_EQ(conv.epilogue_first, 4);
  const Node& swish = *graph.nodes()[1];
  EXPECT_EQ(swish.schedule.tile, (std::map<int, std::int64_t>{{1, 16}, {2, 4}}));
  EXPECT_EQ(swish.schedule.order, (std::vector<int>{0, 2, 1, 3}));
  const Node& pool = *graph.nodes()[4];
  EXPECT_EQ(std::get<std::string>(pool.attributes.at("about")), "say \"hi\"\n");
  EXPECT_EQ(std::get<double>(pool.attributes.at("alpha")), 0.5);
  EXPECT_EQ(std::get<std::int64_t>(pool.attributes.at("count")), 2);
  EXPECT_EQ(std::get<DType>(pool.attributes.at("kind")), DType::bf16);
  EXPECT_EQ(std::get<std::vector<Dim>>(pool.attributes.at("shape"))[0], Dim::symbol("N"));
  EXPECT_TRUE(std::isnan(std::get<std::vector<double>>(pool.attributes.at("weights"))[1]));
}

TEST(Text, SpacesCommentsAndOrderOfNumbersDoNotMatter) {
  const Graph a = parse_graph("graph g{input x:f32[4]// a comment\n%9=relu( x ):f32[4]%3=exp(%9):f32[4] output y=%3}");
  EXPECT_EQ(to_string(a), "graph g {\n  input x : f32[4]\n  %0 = relu(x) : f32[4]\n  %1 = exp(%0) : f32[4]\n  output y = %1\n}\n");
  EXPECT_EQ(problem("graph g { }"), "it parses");
  EXPECT_EQ(problem(" // nothing\ngraph \"\" {\r\n}\r\n// nothing"), "it parses");
}

TEST(Text, OriginsReadBackAndBytesAreAComment) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {Dim::symbol("N"), 800}, {}});
  const ValueId y = graph.add_value({DType::f32, {800}, {}});
  graph.append({.op = "sum", .inputs = {x, no_value}, .outputs = {y}, .origin = {"block1/conv: sum", "evil\n%9 = x"}});
  graph.add_output(y, "y");
  EXPECT_EQ(to_string(graph, {.bytes = true, .origin = true}),
            "graph main {\n  input x : f32[N,800]\n  %0 = sum(x, _) : f32[800]  from \"block1/conv: sum\", \"evil\\x0a%9 = x\"  "
            "// reads 3.2 kB*N writes 3.2 kB\n  output y = %0\n}\n");
  const Graph back = parse_graph(to_string(graph, {.bytes = true, .origin = true}));
  EXPECT_EQ(back.nodes()[0]->origin, graph.nodes()[0]->origin);
  EXPECT_NE(problem("graph g { input x : f32[4] %0 = relu(x) : f32[4] from block1 output y = %0 }"), "it parses");
}

TEST(Text, ConstantsKeepTheirBits) {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8}) {
    Array bits(dtype, {7});
    for (std::int64_t i = 0; i < bits.bytes(); ++i) bits.raw()[i] = static_cast<std::byte>(i * 37 + 255 * (i / 9));
    std::memset(bits.raw(), 0xFF, static_cast<std::size_t>(size_of(dtype)));  // a NaN with a payload, or -1
    Graph graph;
    graph.add_output(graph.add_constant(bits), "y");
    const Graph back = parse_graph(to_string(graph));
    const Array& elements = *back.value(back.outputs[0].value).constant;
    EXPECT_EQ(std::memcmp(elements.raw(), bits.raw(), static_cast<std::size_t>(bits.bytes())), 0) << to_string(graph);
    EXPECT_EQ(structural_hash(back).hex(), structural_hash(graph).hex());
  }
}

TEST(Text, LargeConstantsAreKeptBeside) {
  Graph graph;
  Array large = Array::zeros(DType::f32, {17}), same = Array::zeros(DType::f32, {17, 1});
  graph.add_output(graph.add_constant(large), "a");
  graph.add_output(graph.add_constant(same), "b");
  const std::string text = to_string(graph);
  const auto data = large_constants(graph);
  EXPECT_EQ(data.size(), 2u);  // the sizes count
  const Graph back = parse_graph(text, data);
  EXPECT_EQ(to_string(back), text);
  EXPECT_EQ(structural_hash(back).hex(), structural_hash(graph).hex());
  EXPECT_EQ(problem(text).substr(0, 28), "the elements of constant " + data.begin()->first.substr(0, 3));
  const std::string key = data.begin()->first;
  EXPECT_EQ(problem("graph g { const %0 : f32[3] = data " + key + " }", data), "constant " + key + " is not f32[3] @ line 1, column 36");
}

TEST(Text, AConstantKeepsItsLayout) {
  Graph row_major, columns;
  const Array elements = Array::of<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  row_major.add_output(row_major.add_constant(elements), "y");
  columns.add_output(columns.add_constant(elements, "", Layout::parse("bA2a", 2)), "y");
  verify(columns);
  EXPECT_EQ(to_string(columns), "graph main {\n  const %0 : f32[2,3] bA2a = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}\n  output y = %0\n}\n");
  const Graph back = parse_graph(to_string(columns));
  EXPECT_EQ(structural_hash(back).hex(), structural_hash(columns).hex());
  EXPECT_NE(structural_hash(back).hex(), structural_hash(row_major).hex());
  EXPECT_EQ(back.value(back.outputs[0].value).constant->get(1), 2);
}

TEST(Text, MapsAndExpressionsAlone) {
  const Graph graph = parse_graph(step);
  EXPECT_EQ(to_string(*graph.nodes()[3]->map, {"a", "rows"}),
            "n:N e:7*N in rows[n] to rows[n + 1] { out0[n] += a[select(e < {N}, e, 0)] }");
}

TEST(Text, WhatBothEndsOfARowShareIsNamedAtTheFirst) {
  const std::string rows =
      "graph g {\n  fixed offsets : i64[9]\n"
      "  %0 = map(offsets) k:2 r:4 e:7 in offsets[#0=(k * 4 + r)] to offsets[#0 + 1] { %0[k,r] += f32(e) } : f32[2,4]\n  output y = "
      "%0\n}\n";
  EXPECT_EQ(to_string(parse_graph(rows)), rows);
}

TEST(Text, EqualProgramsPrintAndHashEqually) {
  const Graph a = parse_graph("graph g { input x : f32[4] %0 = relu(x) : f32[4] output y = %0 }");
  Graph b;
  b.name = "g";
  b.add_value({DType::f64, {3}, {}});  // not in use
  const ValueId x = b.add_input("x", {DType::f32, {4}, {}}), y = b.add_value({DType::f32, {4}, {}});
  b.append({.op = "relu", .inputs = {x}, .outputs = {y}, .origin = {"somewhere"}});
  b.add_output(y, "y");
  EXPECT_EQ(to_string(a), to_string(b));
  EXPECT_EQ(structural_hash(a).hex(), structural_hash(b).hex());
  b.set_name(y, "hidden");
  EXPECT_EQ(structural_hash(a).hex(), structural_hash(b).hex());
}

TEST(Hash, EveryPartCounts) {
  const std::string text = step;
  const Hash hash = structural_hash(parse_graph(text));
  const std::pair<const char*, const char*> changes[] = {{"parameter w", "input w"},
                                                         {"fixed offsets", "input offsets"},
                                                         {"  kept", ""},
                                                         {"x : f32[N,1", "x : f64[N,1"},
                                                         {"[32,1,3,3]", "[32,1,3,5]"},
                                                         {"acdb", "adcb"},
                                                         {"pad=[1,1]", "pad=[1,2]"},
                                                         {"onednn", "twodnn"},
                                                         {"alpha=0.5", "alpha=0.25"},
                                                         {"count=2", "count=2.0"},
                                                         {"flag=true", "flag=false"},
                                                         {"kind=bf16", "kind=f16"},
                                                         {"sizes[N,", "sizes[2*N,"},
                                                         {"say", "Say"},
                                                         {"@0[n,c,h,i], 0.0", "@0[n,c,h,i], 1.0"},
                                                         {"-0.0, inf", "0.0, inf"},
                                                         {"unroll=2", "unroll=3"},
                                                         {"vector=c", "vector=i"},
                                                         {"[c:16,h:4]", "[c:16,h:8]"},
                                                         {"[n,h,c,i]", "[n,c,h,i]"},
                                                         {"h - 1,i", "h + 1,i"},
                                                         {"else 0.0", "else 1.0"},
                                                         {"* sigmoid", "+ sigmoid"},
                                                         {"max= -", "min= -"},
                                                         {"local $0: f64[2]", "local $0: f64[3]"},
                                                         {"sum(c:32 h:28", "max(c:32 h:28"},
                                                         {"to offsets[n + 1]", "to offsets[n]"},
                                                         {"add(%6, %0)", "add(%0, %6)"},
                                                         {"output loss = %7", "output loss = %6"},
                                                         {" updates steps", ""},
                                                         {"output loss", "output lose"},
                                                         {"increment", "decrement"}};
  for (const auto& [from, to] : changes) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, std::strlen(from), to);
    EXPECT_NE(structural_hash(parse_graph(changed)).hex(), hash.hex()) << from << " -> " << to;
  }
}

TEST(Text, RefusalsOfLines) {
  EXPECT_EQ(problem(""), "'graph' is expected here @ line 1, column 1");
  EXPECT_EQ(problem("graph g {"), "an input, a constant, a node or an output is expected here @ line 1, column 10");
  EXPECT_EQ(problem("graph g { } x"), "something stands behind the graph @ line 1, column 13");
  EXPECT_EQ(line_problem("nonsense"), "an input, a constant, a node or an output is expected here @ line 4, column 1");
  EXPECT_EQ(line_problem("input x : f32[4]"), "there are two values x @ line 4, column 16");
  EXPECT_EQ(line_problem("input y : f33[4]"), "'f33' is not a dtype @ line 4, column 11");
  EXPECT_EQ(line_problem("input y : f32[4"), "',' is expected here @ line 5, column 1");
  EXPECT_EQ(line_problem("input y : f32[4] ab"), "'ab' is not a layout of rank 1: 'b' is no axis @ line 4, column 18");
  EXPECT_EQ(line_problem("input y : f32[99999999999999999999]"), "a size does not fit 63 bits @ line 4, column 15");
  EXPECT_EQ(line_problem("input \"y : f32[4]"), "a quoted text has no end on its line @ line 4, column 7");
  EXPECT_EQ(line_problem("input \"y\\q\" : f32[4]"),
            "a backslash stands before a quote, a backslash, or x and two hexadecimal digits @ line 4, column 7");
  EXPECT_EQ(line_problem("%0 = relu(z) : f32[4]"), "there is no value z so far @ line 4, column 11");
  EXPECT_EQ(line_problem("%0 = relu(%0) : f32[4]"), "there is no value %0 so far @ line 4, column 12");
  EXPECT_EQ(line_problem("%0 = relu(x) : f32[4]\n%0 = relu(x) : f32[4]"), "there are two values %0 @ line 5, column 21");
  EXPECT_EQ(line_problem("%0, %0 = relu(x) : f32[4], f32[4]"), "there are two values %0 @ line 4, column 33");
  EXPECT_EQ(line_problem("%0 = relu(x) a=1 a=2 : f32[4]"), "attribute a stands twice @ line 4, column 20");
  EXPECT_EQ(line_problem("%0 = relu(x) a=[1,] : f32[4]"), "an integer is expected here @ line 4, column 19");
  EXPECT_EQ(line_problem("%0 = relu(x) a=what : f32[4]"), "'what' is not a dtype @ line 4, column 16");
  EXPECT_EQ(line_problem("%0 = relu(x) a=1e999 : f32[4]"), "1e999 is out of range @ line 4, column 16");
  EXPECT_EQ(line_problem("%0 = relu(x) a=1.5x : f32[4]"), "'1.5x' is not a number @ line 4, column 16");
  EXPECT_EQ(line_problem("%0 = relu(x) : f32[4], f32[4]"),
            "an input, a constant, a node or an output is expected here @ line 4, column 22");
  EXPECT_EQ(line_problem("%0 = relu(x) : f32[4] epilogue 2 { %0[0] = 1.0 }"), "the call has 1 operands @ line 4, column 32");
  EXPECT_EQ(line_problem("output y = _"), "an output is a value @ line 4, column 12");
  EXPECT_EQ(line_problem("output y = x updates z"), "there is no such input @ line 4, column 22");
  EXPECT_EQ(line_problem("%99999999 = relu(x) : f32[4]"), "a value's number is between 0 and 1000000 @ line 4, column 2");
  std::string many = "input y : f32[";
  for (int i = 0; i < 26; ++i) many += "1,";
  EXPECT_EQ(line_problem(many + "1]"), "a tensor has at most 26 axes @ line 4, column 66");
}

TEST(Text, RefusalsOfConstants) {
  EXPECT_EQ(line_problem("const %0 : f32[N] = {1.0}"), "a constant's sizes are known, N is not @ line 4, column 19");
  EXPECT_EQ(line_problem("const %0 : f32[2] = {1.0}"), "',' is expected here @ line 4, column 25");
  EXPECT_EQ(line_problem("const %0 : f32[1] = {1.0, 2.0}"), "'}' is expected here @ line 4, column 25");
  EXPECT_EQ(line_problem("const %0 : f32[1000000000000] = {1.0}"),
            "at most 4096 elements are written out, this constant has 1000000000000 @ line 4, column 33");
  EXPECT_EQ(line_problem("const %0 : f32[4000000000,4000000000] = {1.0}"),
            "[4000000000,4000000000] has too many elements @ line 4, column 39");
  EXPECT_EQ(line_problem("const %0 : f32[-1] = {}"), "negative size -1 in [-1] @ line 4, column 20");
  EXPECT_EQ(line_problem("const %0 : i8[1] = {128}"), "128 does not fit i8 @ line 4, column 21");
  EXPECT_EQ(line_problem("const %0 : bool[1] = {1}"), "true or false is expected here @ line 4, column 23");
  EXPECT_EQ(line_problem("const %0 : f16[1] = {0x12345}"), "0x12345 are not the bits of f16 @ line 4, column 22");
  EXPECT_EQ(line_problem("const %0 : f32[1] = {1e99}"), "1e99 is out of range @ line 4, column 22");
  EXPECT_EQ(line_problem("const %0 : f32[99] = data 12ab"), "the elements of constant 12ab are not given @ line 4, column 27");
}

TEST(Text, RefusalsOfBodies) {
  EXPECT_EQ(body_problem("k:4 { %0[k] = z[k] }"), "'z' is not an operand of this map @ line 4, column 30");
  EXPECT_EQ(body_problem("k:4 { %0[k] = @2[k] }"), "there is no operand 2 @ line 4, column 31");
  EXPECT_EQ(body_problem("k:4 { %0[k] = $0[k] }"), "there is no local $0 @ line 4, column 31");
  EXPECT_EQ(body_problem("k:4 { %1[k] = x[k] }"), "%1 is not a result of this map @ line 4, column 23");
  EXPECT_EQ(body_problem("k:4 { $0[k] = x[k] }"), "there is no local $0 @ line 4, column 23");
  EXPECT_EQ(body_problem("k:4 { local $1: f32[2]; %0[k] = x[k] }"), "locals are numbered from 0 on @ line 4, column 29");
  EXPECT_EQ(body_problem("k:4 { %0[k] = x[q] }"), "there is no axis 'q' in this map @ line 4, column 32");
  EXPECT_EQ(body_problem("k:4 { %0[k] = sum(k:5, x[k]) }"), "k is an axis of this map already, with other bounds @ line 4, column 37");
  EXPECT_EQ(body_problem("k:4 { %0[k] = frob(x[k]) }"), "there is no operation 'frob' @ line 4, column 35");
  EXPECT_EQ(body_problem("k:4 { %0[k] = exp(x[k], x[k]) }"), "exp takes 1 arguments, not 2 @ line 4, column 44");
  EXPECT_EQ(body_problem("k:4 { %0[k] = f32(i[k], i[k]) }"), "a cast takes one argument @ line 4, column 44");
  EXPECT_EQ(body_problem("k:4 { %0[k] = sum(j:4, x[j], x[j]) }"), "a reduction takes one argument @ line 4, column 49");
  EXPECT_EQ(body_problem("k:4 { %0[k] = x[k] + i[k] }"), "add is not defined on f32 and i64 @ line 4, column 42");
  EXPECT_EQ(body_problem("k:4 { %0[k] = #0 }"), "#0 is used before it is given @ line 4, column 33");
  EXPECT_EQ(body_problem("k:4 { %0[k] = #0=(x[k]) + #0=(x[k]) }"), "#0 is given twice @ line 4, column 50");
  EXPECT_EQ(body_problem("k:4 { %0[k] = 1.0:i64 }"), "'1.0' is not a number of i64 @ line 4, column 34");
  EXPECT_EQ(body_problem("k:4 { %0[k] = 300:u8 }"), "300 does not fit u8 @ line 4, column 34");
  EXPECT_EQ(body_problem("k:4 { %0[k] = 1e99 }"), "1e99 does not fit f32 @ line 4, column 35");
  EXPECT_EQ(body_problem("k:4 { %0[k] x[k] }"), "'=' is expected here @ line 4, column 28");
  EXPECT_EQ(body_problem("k:4 in 0 { %0[k] = x[k] }"), "'to' is expected here @ line 4, column 25");
  EXPECT_EQ(line_problem("%0 = map(_) { %0[] = @0[] } : f32[]"), "operand 0 is absent @ line 4, column 23");
  EXPECT_EQ(line_problem("%0 = map(x) k:4 { %0[k] = x[k] } : f32[4] schedule order=[q]"),
            "there is no axis 'q' in this map @ line 4, column 59");
  EXPECT_EQ(line_problem("%0 = map(x) k:4 { %0[k] = x[k] } : f32[4] schedule speed=9"),
            "'speed' is not a part of a schedule @ line 4, column 57");
}

TEST(Text, HostileDepthsAreRefused) {
  const std::string many(100000, '('), minus(100000, '-');
  EXPECT_EQ(body_problem("k:4 { %0[k] = " + many), "brackets are nested more than 200 deep @ line 4, column 229");
  EXPECT_EQ(body_problem("k:4 { %0[k] = " + minus).substr(0, 38), "brackets are nested more than 200 deep");
  std::string sum = "x[k]", shared = "#0=(x[k] + x[k])";
  for (int i = 0; i < 5000; ++i) sum += " + x[k]";
  EXPECT_EQ(body_problem("k:4 { %0[k] = " + sum + " }").substr(0, 44), "an expression is more than 1000 operations d");
  std::string bound = "#0=(i[k] + i[k])";
  for (int i = 1; i < 40; ++i) bound = "#" + std::to_string(i) + "=(" + bound + " + #" + std::to_string(i - 1) + ")";
  EXPECT_EQ(body_problem("k:4 e:4 in 0 to " + bound + " { %0[k] = x[e] }").substr(0, 34), "the bounds of axis e are too large");
}

TEST(Text, NumbersAreExact) {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.0}) {
    for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
      const Expr number = constant(dtype, value);
      const std::string text =
          "graph g { %0 = map() { %0[] = " + to_string(number, {}, {}) + " } : " + std::string(name(dtype)) + "[] output y = %0 }";
      EXPECT_TRUE(same(parse_graph(text).nodes()[0]->map->stages[0].value, number)) << text;
    }
  }
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  const Graph graph =
      parse_graph("graph g { %0 = map() { %0[] = " + to_string(constant_int(DType::i64, least), {}, {}) + " } : i64[] output y = %0 }");
  EXPECT_EQ(graph.nodes()[0]->map->stages[0].value->integer, least);
}

}  // namespace
}  // namespace neap::text_test

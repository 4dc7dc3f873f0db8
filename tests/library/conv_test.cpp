#include "tests/library/library_check.h"

namespace neap::conv_test {
namespace {

using Integers = std::vector<std::int64_t>;

struct Shape2 {
  std::string x, w;
  std::int64_t groups = 1;
  Integers strides, pads, dilations;
};

const std::vector<Shape2> table = {
    {"[1,1,1,1]", "[1,1,1,1]"},
    {"[2,3,7,5]", "[4,3,3,3]", 1, {1, 1}, {1, 1, 1, 1}},
    {"[2,3,8,9]", "[5,3,3,2]", 1, {2, 3}, {1, 0, 2, 1}},
    {"[1,16,9,9]", "[16,16,3,3]", 1, {1, 1}, {2, 2, 2, 2}, {2, 2}},
    {"[3,4,6,6]", "[6,2,3,3]", 2, {1, 1}, {1, 1, 1, 1}},
    {"[2,5,7,7]", "[5,1,3,3]", 5, {2, 2}, {1, 1, 1, 1}},
    {"[2,32,14,14]", "[32,1,5,5]", 32, {1, 1}, {2, 2, 2, 2}},
    {"[2,17,7,7]", "[33,17,1,1]", 1},
    {"[4,64,7,7]", "[32,64,1,1]", 1, {2, 2}},
    {"[2,3,11]", "[4,3,3]", 1, {2}, {1, 1}},
    {"[2,6,11]", "[6,1,3]", 6, {1}, {2, 0}},
    {"[1,2,4,5,6]", "[3,2,2,3,2]", 1, {1, 2, 1}, {0, 1, 0, 1, 1, 0}},
    {"[16,8,12,12]", "[8,8,3,3]", 1, {1, 1}, {1, 1, 1, 1}},
};

std::string last(const std::string& shape) {
  const int rank = 1 + static_cast<int>(std::count(shape.begin(), shape.end(), ','));
  return Layout::channels_last(rank).tag(rank);
}

Attributes attributes(const Shape2& c) {
  return {{"groups", c.groups}, {"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}};
}

// The three operators of one convolution, with its activations row-major or channels-last.
void check_all(const Shape2& c, bool channels_last, const std::string& dtype = "f32", double tolerance = 2e-5) {
  const auto active = [&](const std::string& shape) { return dtype + shape + (channels_last ? " " + last(shape) : ""); };
  const std::string layout = channels_last ? last(c.x) : "";
  const LibraryCase forward{
      .op = "conv", .inputs = {active(c.x), dtype + c.w}, .attributes = attributes(c), .output_layout = layout, .tolerance = tolerance};
  check_library(forward);
  Type y = LibraryRun(forward).outputs[0], x = Type::parse(dtype + c.x), w = Type::parse(dtype + c.w);
  const std::string y_text = to_string(y.shape);
  LibraryCase biased = forward;
  biased.inputs.push_back(dtype + "[" + w.shape[0].to_string() + "]");
  check_library(biased);
  Attributes input_gradient = attributes(c), weight_gradient = attributes(c);
  input_gradient["input_size"] = std::vector<Dim>(x.shape.begin() + 2, x.shape.end());
  weight_gradient["kernel_size"] = std::vector<Dim>(w.shape.begin() + 2, w.shape.end());
  check_library({.op = "conv_input_gradient",
                 .inputs = {active(y_text), dtype + c.w},
                 .attributes = input_gradient,
                 .output_layout = layout,
                 .tolerance = tolerance});
  check_library(
      {.op = "conv_weight_gradient", .inputs = {active(c.x), active(y_text)}, .attributes = weight_gradient, .tolerance = tolerance});
}

TEST(Conv, RowMajor) {
  for (const Shape2& c : table) check_all(c, false);
}

TEST(Conv, ChannelsLast) {
  for (const Shape2& c : table) check_all(c, true);
}

TEST(Conv, BlockedLayouts) {
  check_library({.op = "conv",
                 .inputs = {"f32[2,17,6,6] aBcd8b", "f32[9,17,3,3] ABcd8b8a"},
                 .attributes = {{"pads", Integers{1, 1, 1, 1}}},
                 .output_layout = "aBcd8b"});
  check_library({.op = "conv",
                 .inputs = {"f32[2,17,6,6] aBcd8b", "f32[17,1,3,3] Abcd8a"},
                 .attributes = {{"pads", Integers{1, 1, 1, 1}}, {"groups", std::int64_t{17}}},
                 .output_layout = "aBcd8b"});
  check_library({.op = "conv", .inputs = {"f32[2,16,6,6] aBcd16b", "f32[32,16,3,3]"}, .output_layout = "acdb"});
}

TEST(Conv, FiltersThatLieAsThePrimitiveWantsThem) {
  int laid = 0;
  for (const Shape2& c : table) {
    for (const bool channels_last : {false, true}) {
      LibraryCase forward{.op = "conv", .inputs = {"f32" + c.x, "f32" + c.w}, .attributes = attributes(c)};
      if (channels_last) forward.inputs[0] += " " + last(c.x);
      if (channels_last) forward.output_layout = last(c.x);
      const LibraryRun run(forward);
      const Call call = make_call(run.graph, *run.graph.nodes().back());
      EXPECT_FALSE(run.implementation->constant_layout(call, run.types, run.outputs, {}, 0));
      const auto layout = run.implementation->constant_layout(call, run.types, run.outputs, {}, 1);
      if (!layout || layout->row_major()) continue;
      ++laid;
      forward.inputs[1] += " " + layout->tag(run.types[1].rank());
      check_library(forward);
      const LibraryRun again(forward);
      EXPECT_EQ(*again.implementation->constant_layout(call, again.types, again.outputs, {}, 1), *layout);
    }
  }
  EXPECT_GE(laid, 8);
}

TEST(Conv, EmptyBatch) { check_all({"[0,3,5,5]", "[4,3,3,3]"}, false); }

TEST(Conv, NanStaysWhereItIs) {
  Array x = test_elements(DType::f32, {1, 2, 5, 5}, 0);
  x.set(12, NAN);
  x.set(30, INFINITY);
  check_library({.op = "conv", .inputs = {"f32[1,2,5,5]", "f32[3,2,3,3]"}, .attributes = {{"pads", Integers{1, 1, 1, 1}}}, .given = {x}});
}

TEST(Conv, Bf16) {
  if (best_isa() != Isa::avx512) GTEST_SKIP() << "no AVX-512";
  check_all(table[1], false, "bf16", 0.05);
  check_all(table[6], true, "bf16", 0.05);
}

TEST(Conv, Refusals) {
  EXPECT_NE(LibraryRun({.op = "conv", .inputs = {"f64[1,2,5,5]", "f64[3,2,3,3]"}}).why.find("f64"), std::string::npos);
  EXPECT_NE(LibraryRun({.op = "conv", .inputs = {"f32[1,16,5,5]", "f32[16,8,3,3] Abcd8a"}, .attributes = {{"groups", std::int64_t{2}}}})
                .why.find("blocked"),
            std::string::npos);
}

}  // namespace
}  // namespace neap::conv_test

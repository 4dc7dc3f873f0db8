// Pooling, normalisation, sums so far and other layouts by libraries.
#include "neap/base/machine.h"
#include "neap/runtime/at_once.h"
#include "tests/library/library_check.h"

namespace neap::others_test {
namespace {

using Integers = std::vector<std::int64_t>;

TEST(Pool, AverageAndGradient) {
  struct Row {
    std::string x, y, layout;
    Attributes attributes;
  };
  const std::vector<Row> table = {
      {"[2,3,7,5]", "[2,3,6,4]", "", {{"kernel_size", Integers{2, 2}}}},
      {"[2,17,8,9]", "[2,17,4,5]", "acdb", {{"kernel_size", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"pads", Integers{1, 1, 1, 1}}}},
      {"[1,2,7,7]",
       "[1,2,4,4]",
       "",
       {{"kernel_size", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"pads", Integers{1, 1, 1, 1}}, {"count_include_pad", true}}},
      {"[1,2,6,6]", "[1,2,3,3]", "", {{"kernel_size", Integers{3, 3}}, {"strides", Integers{2, 2}}, {"ceil_mode", true}}},
      {"[3,4,9]", "[3,4,4]", "", {{"kernel_size", Integers{3}}, {"strides", Integers{2}}}},
      {"[1,8,4,5,6]", "[1,8,3,4,5]", "acdeb", {{"kernel_size", Integers{2, 2, 2}}}},
      {"[0,3,4,4]", "[0,3,3,3]", "", {{"kernel_size", Integers{2, 2}}}},
  };
  for (const Row& row : table) {
    const std::string layout = row.layout.empty() ? "" : " " + row.layout;
    check_library({.op = "average_pool", .inputs = {"f32" + row.x + layout}, .attributes = row.attributes, .output_layout = row.layout});
    Attributes gradient = row.attributes;
    const Type x = Type::parse("f32" + row.x);
    gradient["input_size"] = std::vector<Dim>(x.shape.begin() + 2, x.shape.end());
    check_library({.op = "average_pool_gradient", .inputs = {"f32" + row.y + layout}, .attributes = gradient, .output_layout = row.layout});
  }
}

TEST(Norm, Batch) {
  for (const char* x : {"f32[4,3,5,5]", "f32[4,17,5,5] acdb", "f32[1,3,1,1]", "f32[64,8,9,9]", "f32[7,5]", "f32[0,2,3,3]"}) {
    const Type type = Type::parse(x);
    const std::string channels = "f32[" + type.shape[1].to_string() + "]";
    check_library({.op = "batch_norm",
                   .inputs = {x, channels, channels},
                   .output_layout = type.layout.row_major() ? "" : type.layout.tag(type.rank()),
                   .tolerance = 1e-4});
  }
}

TEST(Norm, Layer) {
  check_library({.op = "layer_norm", .inputs = {"f32[5,7]", "f32[7]", "f32[7]"}, .tolerance = 1e-4});
  check_library({.op = "layer_norm", .inputs = {"f32[64,384]", "f32[384]"}, .tolerance = 1e-4});
  check_library({.op = "layer_norm", .inputs = {"f32[3,4,5]"}, .attributes = {{"axis", std::int64_t{1}}}, .tolerance = 1e-4});
  check_library({.op = "layer_norm", .inputs = {"f32[0,7]", "f32[7]", "f32[7]"}});
}

TEST(Norm, NanStaysInItsRow) {
  Array x = test_elements(DType::f32, {3, 4}, 2);
  x.set(5, NAN);
  x.set(9, INFINITY);
  check_library({.op = "layer_norm", .inputs = {"f32[3,4]"}, .given = {x}});
  check_library({.op = "batch_norm", .inputs = {"f32[3,4]", "f32[4]", "f32[4]"}, .given = {x}});
}

// oneDNN's softmax and largest of a window lose a NaN: there must be no implementation by it.
TEST(Norm, NothingThatLosesNan) {
  for (const char* op : {"softmax", "log_softmax", "max_pool"}) {
    for (const Implementation* library : implementations_of(op)) EXPECT_NE(library->name, "onednn") << op;
  }
}

TEST(Softmax, RowsOfAnyLength) {
  for (const char* type : {"f32[3,1]", "f32[5,15]", "f32[2,16]", "f32[4,67]", "f32[70,1000]", "f32[0,7]", "f32[7,0]", "f32[33]"})
    check_library({.op = "softmax", .inputs = {type}});
  Array x = test_elements(DType::f32, {6, 37}, 2);
  x.set(5, NAN);
  x.set(40, INFINITY);
  x.set(100, -INFINITY);
  for (std::int64_t i = 0; i < 37; ++i) x.set(5 * 37 + i, -INFINITY);
  check_library({.op = "softmax", .inputs = {"f32[6,37]"}, .given = {x}});
}

TEST(Scan, LinesOfAnyLength) {
  for (const char* shape : {"f32[7]", "f32[1]", "f32[0]", "f32[3,0]", "f64[3,50]", "bf16[2,9]", "f16[9,2]", "i32[40]", "u8[3,11]",
                            "i8[3,200]", "i64[2,5,3]", "f32[70,33]", "f32[40,50]"}) {
    for (const std::int64_t axis : {0, -1}) {
      for (const bool flag : {false, true}) {
        for (const bool other : {false, true})
          check_library(
              {.op = "cumulative_sum", .inputs = {shape}, .attributes = {{"axis", axis}, {"exclusive", flag}, {"reverse", other}}});
      }
      check_library({.op = "cumulative_product", .inputs = {shape}, .attributes = {{"axis", axis}}});
    }
  }
  check_library({.op = "cumulative_sum", .inputs = {"f32[4,29]"}, .given = {with_special({4, 29})}});
  check_library({.op = "cumulative_product", .inputs = {"f32[4,29]"}, .given = {with_special({4, 29})}});
}

// In blocks, by threads: what a loop makes of it.
TEST(Scan, LongLinesAreTheSameOnAnyThreads) {
  const int threads = thread_count();
  const std::int64_t size = 100003;
  Array x(DType::i64, {size});
  for (std::int64_t i = 0; i < size; ++i) x.set_int(i, i * i % 1009 - 500);
  Array noise = test_elements(DType::f32, {size}, 3);
  for (const bool reverse : {false, true}) {
    Graph graph;
    Builder build(graph);
    for (const Array* each : {&x, &noise}) {
      const Var input = build.input(fmt::format("x{}", graph.inputs.size()), type_of(*each));
      graph.add_output(build.call("cumulative_sum", {input}, {{"reverse", reverse}}).id(), fmt::format("y{}", graph.inputs.size()));
    }
    // Lines that stand side by side, too.
    const Var wide = build.input("wide", {DType::i64, {20001, 5}, {}});
    graph.add_output(build.call("cumulative_sum", {wide}, {{"axis", std::int64_t{0}}, {"reverse", reverse}}).id(), "y");
    Array beside(DType::i64, {20001, 5});
    for (std::int64_t i = 0; i < beside.count(); ++i) beside.set_int(i, i * i % 1009 - 500);
    set_thread_count(1);
    const std::vector<Array> wanted = run_at_once(graph, {x, noise, beside});
    for (std::int64_t column = 0; column < 5; ++column) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < 20001; ++i) {
        const std::int64_t at = (reverse ? 20000 - i : i) * 5 + column;
        sum += beside.get_int(at);
        ASSERT_EQ(wanted[2].get_int(at), sum) << at;
      }
    }
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t at = reverse ? size - 1 - i : i;
      sum += x.get_int(at);
      ASSERT_EQ(wanted[0].get_int(at), sum) << at;
    }
    for (const int count : {2, 3}) {
      set_thread_count(count);
      const std::vector<Array> got = run_at_once(graph, {x, noise, beside});
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_TRUE(same_bits(got[i], wanted[i])) << count << " threads";
    }
  }
  set_thread_count(threads);
}

TEST(Reorder, BetweenLayoutsAndTypes) {
  for (const char* type : {"f32[3,20,5,6]", "f32[1,1,1,1]", "f32[0,16,2,2]", "f32[2,17,3]"}) {
    const int rank = Type::parse(type).rank();
    for (const char* const layout : {rank == 4 ? "acdb" : "acb", rank == 4 ? "aBcd8b" : "aBc8b", rank == 4 ? "aBcd16b" : "aBc16b"}) {
      check_library({.op = "cast", .inputs = {type}, .attributes = {{"dtype", DType::f32}}, .output_layout = layout});
      check_library({.op = "cast", .inputs = {std::string(type) + " " + layout}, .attributes = {{"dtype", DType::f32}}});
    }
  }
  EXPECT_NE(LibraryRun({.op = "cast", .inputs = {"f32[2,3]"}, .attributes = {{"dtype", DType::f32}}}).why.find("in one, loops"),
            std::string::npos);
}

}  // namespace
}  // namespace neap::others_test

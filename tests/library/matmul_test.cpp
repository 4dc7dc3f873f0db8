#include "tests/library/library_check.h"

namespace neap::matmul_test {
namespace {

TEST(Matmul, Shapes) {
  const std::vector<std::pair<std::string, std::string>> table = {{"f32[2,3]", "f32[3,4]"},
                                                                  {"f32[1,1]", "f32[1,1]"},
                                                                  {"f32[7]", "f32[7,3]"},
                                                                  {"f32[5,7]", "f32[7]"},
                                                                  {"f32[7]", "f32[7]"},
                                                                  {"f32[3,5,7]", "f32[7,2]"},
                                                                  {"f32[3,5,7]", "f32[3,7,2]"},
                                                                  {"f32[3,1,5,7]", "f32[2,7,2]"},
                                                                  {"f32[2,3,5,7]", "f32[2,3,7,2]"},
                                                                  {"f32[1,3,5,7]", "f32[2,1,7,2]"},
                                                                  {"f32[7]", "f32[3,7,2]"},
                                                                  {"f32[3,5,7]", "f32[7]"},
                                                                  {"f32[128,67]", "f32[67,53]"},
                                                                  {"f32[2,2000]", "f32[2000,3]"},
                                                                  {"f32[64,512]", "f32[512,10]"},
                                                                  {"f32[3,4] ba", "f32[4,5] ba"},
                                                                  {"f32[2,3,4] acb", "f32[2,4,5]"},
                                                                  {"f32[2,3,4] bac", "f32[2,4,5] bca"}};
  for (const auto& [a, b] : table) check_library({.op = "matmul", .inputs = {a, b}});
}

TEST(Matmul, TransposesAndOutputLayouts) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      check_library({.op = "matmul",
                     .inputs = {ta ? "f32[2,7,5]" : "f32[2,5,7]", tb ? "f32[3,7]" : "f32[7,3]"},
                     .attributes = {{"transpose_a", ta}, {"transpose_b", tb}}});
      check_library({.op = "matmul",
                     .inputs = {ta ? "f32[7,5]" : "f32[5,7]", tb ? "f32[3,7]" : "f32[7,3]"},
                     .attributes = {{"transpose_a", ta}, {"transpose_b", tb}},
                     .output_layout = "ba"});
    }
  }
}

// Large enough that one thread does not do all: parts of rows, of columns, of the sum, of the batch, none of which divides evenly.
TEST(Matmul, Parts) {
  const auto check = [](const std::string& a, const std::string& b, Attributes attributes = {}, std::string output_layout = "") {
    check_library({.op = "matmul",
                   .inputs = {a, b},
                   .attributes = std::move(attributes),
                   .output_layout = std::move(output_layout),
                   .tolerance = 1e-4});
  };
  for (const char* const layout : {"", "ba"}) {
    check("f32[301,97]", "f32[97,103]", {}, layout);
    check("f32[20,97]", "f32[97,1501]", {}, layout);
    check("f32[19,5003]", "f32[5003,31]", {}, layout);
    check("f32[5003,19]", "f32[5003,31]", {{"transpose_a", true}}, layout);
    check("f32[301,97]", "f32[103,97]", {{"transpose_b", true}}, layout);
    check("f32[30,64]", "f32[64,64]", {}, layout);
  }
  check("f32[7,64,97]", "f32[7,97,71]");
  check("f32[2,64,97]", "f32[1,97,401]");
  check("f32[13,5,64,29]", "f32[13,1,29,41] abdc");
}

// Attributes of an operand of rank 2 or 3 that is seen in another order or in part.
Attributes views(Shape a_sizes, Shape a_begin, Shape a_steps, Shape b_sizes, Shape b_begin, Shape b_steps) {
  return {{"a_sizes", std::move(a_sizes)}, {"a_begin", std::move(a_begin)}, {"a_steps", std::move(a_steps)},
          {"b_sizes", std::move(b_sizes)}, {"b_begin", std::move(b_begin)}, {"b_steps", std::move(b_steps)}};
}

TEST(Matmul, PartsOfOtherTensorsAreReadInPlace) {
  const auto check = [](std::vector<std::string> inputs, Attributes attributes, std::string output_layout = "") {
    check_library({.op = "matmul_of_views",
                   .inputs = std::move(inputs),
                   .attributes = std::move(attributes),
                   .output_layout = std::move(output_layout)});
  };
  // Columns 3 to 9, as rows and as columns; every third row.
  const Attributes columns = views({5, 7}, {0, 3}, {1, 0, 0, 1}, {7, 4}, {2, 1}, {1, 0, 0, 1});
  check({"f32[5,20]", "f32[11,6]"}, columns);
  check({"f32[5,20] ba", "f32[11,6]"}, columns);
  check({"f32[5,20]", "f32[11,6] ba"}, columns, "ba");
  check({"f32[20,5]", "f32[30,6]"}, views({5, 7}, {3, 0}, {0, 1, 1, 0}, {7, 4}, {1, 2}, {3, 0, 0, 1}));
  check({"f32[1,20]", "f32[1,6]"}, views({1, 1}, {0, 3}, {1, 0, 0, 1}, {1, 4}, {0, 1}, {1, 0, 0, 1}));
  check({"f32[5,20]", "f32[11,6]"}, views({0, 7}, {0, 3}, {1, 0, 0, 1}, {7, 4}, {2, 1}, {1, 0, 0, 1}));
  // Heads, which lie within rows: [2,9,3*4] as [2,3,9,4] and as [2,3,4,9].
  check({"f32[2,9,12]", "f32[2,9,12]"}, views({2, 3, 9, 4}, {0, 0, 0}, {1, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 1}, {2, 3, 4, 9}, {0, 0, 0},
                                              {1, 0, 0, 0, 0, 0, 0, 1, 0, 4, 1, 0}));
}

TEST(Matmul, ViewsThatNoLibraryTakes) {
  const auto why = [](std::vector<std::string> inputs, Attributes attributes) {
    return LibraryRun({.op = "matmul_of_views", .inputs = std::move(inputs), .attributes = std::move(attributes)}).why;
  };
  EXPECT_EQ(why({"f32[5,20]", "f32[7,4]"}, views({5, 7}, {0, 0}, {1, 0, 0, 2}, {7, 4}, {0, 0}, {1, 0, 0, 1})),
            "onednn: neither the rows nor the columns of a view lie side by side");
  EXPECT_EQ(why({"f32[5,7]", "f32[7,4]"}, views({3, 5, 7}, {0, 0}, {0, 1, 0, 0, 0, 1}, {1, 7, 4}, {0, 0}, {0, 1, 0, 0, 0, 1})),
            "onednn: an axis of a view is broadcast");
}

TEST(Matmul, EmptyOperands) {
  check_library({.op = "matmul", .inputs = {"f32[0,3]", "f32[3,4]"}});
  check_library({.op = "matmul", .inputs = {"f32[2,0]", "f32[0,4]"}});
  check_library({.op = "matmul", .inputs = {"f32[2,0,3]", "f32[3,4]"}});
}

TEST(Matmul, NanAndInfinity) {
  Array a = test_elements(DType::f32, {3, 4}, 0);
  a.set(1, NAN);
  a.set(6, INFINITY);
  check_library({.op = "matmul", .inputs = {"f32[3,4]", "f32[4,5]"}, .given = {a}});
}

TEST(Matmul, Bf16) {
  if (best_isa() != Isa::avx512) GTEST_SKIP() << "no AVX-512";
  check_library({.op = "matmul", .inputs = {"bf16[33,17]", "bf16[17,20]"}, .tolerance = 0.03});
}

TEST(Matmul, Refusals) {
  EXPECT_NE(LibraryRun({.op = "matmul", .inputs = {"f64[2,3]", "f64[3,4]"}}).why.find("f64"), std::string::npos);
  EXPECT_NE(LibraryRun({.op = "matmul", .inputs = {"f32[8,3] Ab8a", "f32[3,4]"}}).why.find("blocked"), std::string::npos);
}

}  // namespace
}  // namespace neap::matmul_test

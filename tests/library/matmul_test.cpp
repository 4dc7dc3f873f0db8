#include "tests/library/library_check.h"

namespace neap {
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
}  // namespace neap

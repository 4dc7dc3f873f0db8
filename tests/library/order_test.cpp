// Sorting, and which elements are the largest, by libraries.
#include <algorithm>
#include <numeric>

#include "tests/library/library_check.h"

namespace neap::order_test {
namespace {

TEST(Sort, OrderTiesAndNan) {
  const Array special = with_special({4, 29});
  for (const bool descending : {false, true}) {
    for (const char* op : {"argsort", "sort", "rank"}) {
      for (const char* shape : {"f32[1]", "f32[0]", "f32[3,0]", "f64[13]", "bf16[2,9]", "f16[9,2]", "i32[40]", "u8[3,11]", "i64[2,5,3]"}) {
        check_library({.op = op, .inputs = {shape}, .attributes = {{"descending", descending}}});
        check_library({.op = op, .inputs = {shape}, .attributes = {{"descending", descending}, {"axis", std::int64_t{0}}}});
      }
      check_library({.op = op, .inputs = {"f32[4,29]"}, .attributes = {{"descending", descending}}, .given = {special}});
    }
    for (const std::int64_t k : {0, 1, 5, 29}) {
      check_library({.op = "top_k",
                     .inputs = {"f32[4,29]"},
                     .attributes = {{"k", std::vector<Dim>{Dim(k)}}, {"largest", descending}},
                     .given = {special}});
    }
    check_library({.op = "top_k",
                   .inputs = {"i32[5,4]"},
                   .attributes = {{"k", std::vector<Dim>{Dim(2)}}, {"largest", descending}, {"axis", std::int64_t{0}}}});
  }
}

// Long enough to be sorted by digits.
TEST(Sort, LongLines) {
  check_library({.op = "argsort", .inputs = {"bf16[2050,1]"}, .attributes = {{"axis", std::int64_t{0}}, {"descending", true}}});
  check_library({.op = "rank", .inputs = {"f32[2050]"}, .given = {with_special({2050})}});
  check_library({.op = "top_k", .inputs = {"f32[2050]"}, .attributes = {{"k", std::vector<Dim>{Dim(1000)}}}});
}

TEST(Sort, ManyLinesOnThreads) { check_library({.op = "argsort", .inputs = {"i32[300,64]"}}); }

// Flags are told apart instead.
TEST(Sort, Flags) {
  for (const bool descending : {false, true}) {
    for (const char* shape : {"bool[1]", "bool[0]", "bool[3,0]", "bool[29]", "bool[5,17]", "bool[6,4]", "bool[2,4,9]"}) {
      for (const std::int64_t axis : {0, -1}) {
        check_library({.op = "argsort", .inputs = {shape}, .attributes = {{"descending", descending}, {"axis", axis}}});
      }
    }
    for (const std::int64_t k : {0, 1, 12, 29}) {
      const Attributes attributes{{"k", std::vector<Dim>{Dim(k)}}, {"largest", descending}};
      check_library({.op = "top_k", .inputs = {"bool[3,29]"}, .attributes = attributes});
    }
  }
}

// Parts of a long line are gone through side by side. Bytes other than 0 and 1, as a mask from outside may have them, count as true.
TEST(Sort, LongLinesOfFlags) {
  constexpr std::int64_t size = 100003, inner = 3, few = 45000;
  Array flags(DType::boolean, {size, inner});
  auto* const bytes = reinterpret_cast<std::uint8_t*>(flags.raw());
  for (std::int64_t i = 0; i < flags.count(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 11 < 4 ? 1 + i % 250 : 0);
  for (const bool trues_first : {false, true}) {
    const Attributes attributes{{"axis", std::int64_t{0}}, {"k", std::vector<Dim>{Dim(few)}}, {"largest", trues_first}};
    const LibraryRun run({.op = "top_k", .inputs = {"bool[100003,3]"}, .attributes = attributes, .given = {flags}});
    for (const int threads : {1, 2, 3}) {
      const Threads some(threads);
      const std::vector<Array> got = run.run();
      for (std::int64_t line = 0; line < inner; ++line) {
        std::vector<std::int64_t> wanted(size);
        std::iota(wanted.begin(), wanted.end(), 0);
        std::ranges::stable_partition(wanted, [&](std::int64_t i) { return (bytes[i * inner + line] != 0) == trues_first; });
        for (std::int64_t i = 0; i < few; ++i) {
          const std::int64_t from = wanted[static_cast<std::size_t>(i)];
          ASSERT_EQ(got[1].get_int(i * inner + line), from) << i;
          ASSERT_EQ(got[0].get_int(i * inner + line), bytes[from * inner + line] != 0 ? 1 : 0) << i;
        }
      }
    }
  }
}

TEST(Largest, TiesNanAndAnyCount) {
  const Array special = with_special({4, 29});
  for (const std::int64_t count : {-3, 0, 1, 2, 5, 28, 29, 1000}) {
    const Array number = Array::scalar(count);
    for (const char* shape :
         {"f32[1]", "f32[0]", "f32[3,0]", "f64[13]", "bf16[2,9]", "f16[9,2]", "i32[40]", "u8[3,11]", "i64[2,5,3]", "i8[30]", "bool[3,7]"}) {
      for (const std::int64_t axis : {0, -1}) {
        check_library({.op = "largest", .inputs = {shape, "i64[]"}, .attributes = {{"axis", axis}}, .given = {std::nullopt, number}});
      }
    }
    check_library({.op = "largest", .inputs = {"f32[4,29]", "i64[]"}, .given = {special, number}});
    check_library({.op = "largest", .inputs = {"f32[300,64]", "i64[]"}, .given = {std::nullopt, number}});
  }
}

// Long lines are looked at digit by digit; many equal elements stand in several parts.
TEST(Largest, LongLines) {
  constexpr std::int64_t size = 150001, inner = 2;
  for (const DType dtype : {DType::f32, DType::f64, DType::i64, DType::bf16}) {
    for (const bool ties : {false, true}) {
      Array x = test_elements(dtype, {size, inner}, 3);
      for (std::int64_t i = 0; ties && i < x.count(); ++i) x.set(i, static_cast<double>(i * i % 7) - 3);
      if (is_float(dtype)) x.set(77777, NAN);
      for (const std::int64_t count : {std::int64_t{1}, std::int64_t{50000}, size - 1}) {
        const Type type = type_of(x);
        const LibraryRun run({.op = "largest",
                              .inputs = {type.to_string(), "i64[]"},
                              .attributes = {{"axis", std::int64_t{0}}},
                              .given = {x, Array::scalar(count)}});
        const LibraryRun ranks(
            {.op = "rank", .inputs = {type.to_string()}, .attributes = {{"axis", std::int64_t{0}}, {"descending", true}}, .given = {x}});
        const Array rank = ranks.run()[0];
        for (const int threads : {1, 2}) {
          const Threads some(threads);
          const Array got = run.run()[0];
          for (std::int64_t i = 0; i < x.count(); ++i) ASSERT_EQ(got.get_int(i) != 0, rank.get_int(i) < count) << type.to_string() << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace neap::order_test

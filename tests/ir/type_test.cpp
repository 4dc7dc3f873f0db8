#include "neap/ir/type.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/support/expect_error.h"

namespace neap::type_test {
namespace {

TEST(Layout, TagsReadBack) {
  for (const auto& [tag, rank] : std::vector<std::pair<std::string, int>>{
           {"acdb", 4}, {"ba", 2}, {"aBcd8b", 4}, {"ABcd16a4b", 4}, {"aBcd16b", 4}, {"bca", 3}, {"BA8a8b", 2}}) {
    const Layout layout = Layout::parse(tag, rank);
    EXPECT_EQ(layout.tag(rank), tag);
    EXPECT_FALSE(layout.row_major());
  }
  EXPECT_TRUE(Layout::parse("abcd", 4).row_major());
  EXPECT_TRUE(Layout::parse("", 0).row_major());
  EXPECT_EQ(Layout{}.tag(3), "abc");
  EXPECT_EQ(Layout::channels_last(4).tag(4), "acdb");
  EXPECT_EQ(Layout::channels_last(3).tag(3), "acb");
  EXPECT_TRUE(Layout::channels_last(2).row_major());
}

TEST(Layout, BadTagsAreRefused) {
  EXPECT_EQ(problem_of([] { Layout::parse("abc", 4); }), "'abc' is not a layout of rank 4: an axis is missing");
  EXPECT_EQ(problem_of([] { Layout::parse("abcde", 4); }), "'abcde' is not a layout of rank 4: 'e' is no axis");
  EXPECT_EQ(problem_of([] { Layout::parse("aab", 2); }), "'aab' is not a layout of rank 2: an axis stands twice");
  EXPECT_EQ(problem_of([] { Layout::parse("aB", 2); }),
            "'aB' is not a layout of rank 2: a capital letter marks an axis that is cut into blocks, and only that");
  EXPECT_EQ(problem_of([] { Layout::parse("ab8b", 2); }),
            "'ab8b' is not a layout of rank 2: a capital letter marks an axis that is cut into blocks, and only that");
  EXPECT_EQ(problem_of([] { Layout::parse("aB8", 2); }), "'aB8' is not a layout of rank 2: a number without a letter behind it");
  EXPECT_EQ(problem_of([] { Layout::parse("aB1b", 2); }), "'aB1b' is not a layout of rank 2: a block is at least 2 wide");
  EXPECT_EQ(problem_of([] { Layout::parse("a-", 2); }), "'a-' is not a layout of rank 2: '-' is no axis");
  EXPECT_NE(problem_of([] { Layout::parse("aB99999999999999999999b", 2); }), "");
}

TEST(Type, TextReadsBack) {
  for (const char* text :
       {"f32[]", "f32[2,3]", "bool[0]", "bf16[N,3,28,28]", "f32[N,8,4,4] acdb", "i64[floor((N + 1)/2),2*N] ba", "f16[N,20,4,4] aBcd8b"}) {
    EXPECT_EQ(Type::parse(text).to_string(), text);
  }
  EXPECT_EQ(Type::parse("f32[2,3] ab").to_string(), "f32[2,3]");
  EXPECT_EQ(Type::parse("f32[2,3]").with(DType::i8).to_string(), "i8[2,3]");
}

TEST(Type, BadTextIsRefused) {
  for (const char* text :
       {"", "f32", "f32[", "f32]", "]f32[", "[2]", "f33[2]", "f32[2,]", "f32[,2]", "f32[2,,3]", "f32[2 3]", "f32[2] abc", "f32[(2]"}) {
    EXPECT_NE(problem_of([&] { Type::parse(text); }), "") << text;
  }
}

// The storage of a layout by its definition: loops over the levels, outermost first, the last block padded.
std::vector<std::vector<std::int64_t>> storage_order(const Layout& layout, const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> block(sizes.size(), 1);
  for (const auto& level : layout.levels) {
    if (level.block > 0) block[static_cast<std::size_t>(level.axis)] = level.block;
  }
  std::vector<std::vector<std::int64_t>> order;
  std::vector<std::int64_t> index(sizes.size(), 0);
  const std::function<void(std::size_t)> run = [&](std::size_t depth) {
    if (depth == layout.levels.size()) {
      order.push_back(index);
      return;
    }
    const auto axis = static_cast<std::size_t>(layout.levels[depth].axis);
    const bool inner = layout.levels[depth].block > 0;
    const std::int64_t count = inner ? block[axis] : (sizes[axis] + block[axis] - 1) / block[axis], step = inner ? 1 : block[axis];
    for (std::int64_t i = 0; i < count; ++i) {
      index[axis] += i * step;
      run(depth + 1);
      index[axis] -= i * step;
    }
  };
  run(0);
  return order;
}

TEST(Storage, OffsetsFollowTheLoopsOfTheLayout) {
  for (const char* tag : {"acdb", "dcba", "aBcd8b", "ABcd2a4b", "BAcd4b2a", "aCBd3b2c"}) {
    const Type type{DType::f32, {3, 5, 2, 7}, Layout::parse(tag, 4)};
    const Storage made = storage(type, {});
    const auto order = storage_order(type.layout, {3, 5, 2, 7});
    ASSERT_EQ(made.count, static_cast<std::int64_t>(order.size())) << tag;
    EXPECT_EQ(storage_count(type), Dim(made.count)) << tag;
    EXPECT_EQ(storage_bytes(type), Dim(4 * made.count)) << tag;
    for (std::size_t at = 0; at < order.size(); ++at) {
      const auto& index = order[at];
      if (index[0] >= 3 || index[1] >= 5 || index[2] >= 2 || index[3] >= 7) continue;
      ASSERT_EQ(made.offset(index), static_cast<std::int64_t>(at)) << tag;
    }
  }
}

TEST(Storage, SymbolicBlockedAndEmpty) {
  const Type type{DType::bf16, {Dim::symbol("N"), Dim::symbol("C")}, Layout::parse("aB8b", 2)};
  EXPECT_EQ(storage_count(type), Dim(8) * Dim::symbol("N") * floor_div(Dim::symbol("C") + 7, 8));
  EXPECT_EQ(storage(type, {{"N", 3}, {"C", 9}}).count, 48);
  EXPECT_EQ(storage(type, {{"N", 0}, {"C", 9}}).count, 0);
  EXPECT_EQ(storage(Type{}, {}).count, 1);
  EXPECT_EQ(storage(Type{}, {}).offset({}), 0);
}

}  // namespace
}  // namespace neap::type_test

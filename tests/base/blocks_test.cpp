#include "neap/base/blocks.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace neap::blocks_test {
namespace {

constexpr std::size_t large = std::size_t{8} << 20;

// Checkers of memory keep no blocks.
bool keeps_blocks() {
  release_kept_blocks();
  allocate_block(large).reset();
  return kept_block_bytes() > 0;
}

TEST(Blocks, AreAligned) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{1000}, large, large + 1}) {
    const auto block = allocate_block(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.get()) % 64, 0U) << bytes;
    std::memset(block.get(), 1, bytes);
  }
}

TEST(Blocks, LargeOnesServeAgain) {
  if (!keeps_blocks()) GTEST_SKIP() << "under a checker of memory";
  for (const std::size_t bytes : {std::size_t{4'000'000}, large}) {  // 10^6 floats are less than two large pages
    release_kept_blocks();
    auto block = allocate_block(bytes);
    const void* const first = block.get();
    EXPECT_EQ(kept_block_bytes(), 0U);
    block.reset();
    EXPECT_GE(kept_block_bytes(), bytes);
    block = allocate_block(bytes - 4096);
    EXPECT_EQ(block.get(), first);
    const auto other = allocate_block(bytes);
    EXPECT_NE(other.get(), first);
  }
}

// Of the C library's memory, which others have touched, it could be anywhere in small pages.
TEST(Blocks, LargeOnesArePagesOfTheirOwn) {
  if (!keeps_blocks()) GTEST_SKIP() << "under a checker of memory";
  release_kept_blocks();
  const std::size_t large_page = std::size_t{2} << 20;
  unsigned char is_there = 0;
  std::vector<std::shared_ptr<void>> blocks;
  for (const std::size_t bytes : {std::size_t{4} << 20, large + 1, 3 * large}) blocks.push_back(allocate_block(bytes));
  for (std::shared_ptr<void>& block : blocks) {
    void* const first = block.get();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % large_page, 0U);
    EXPECT_EQ(mincore(first, 1, &is_there), 0);
    EXPECT_EQ(is_there & 1, 0) << "it was touched before";
    block.reset();
    release_kept_blocks();
    EXPECT_EQ(mincore(first, 1, &is_there), -1) << "it is still there";
  }
}

TEST(Blocks, NoSmallArrayTakesALargeBlock) {
  if (!keeps_blocks()) GTEST_SKIP() << "under a checker of memory";
  release_kept_blocks();
  const void* const first = allocate_block(large).get();  // given back at once
  EXPECT_NE(allocate_block(large / 2).get(), first);
  EXPECT_NE(allocate_block(large * 2).get(), first);
  const std::size_t kept = kept_block_bytes();
  allocate_block(1024).reset();
  EXPECT_EQ(kept_block_bytes(), kept);
  release_kept_blocks();
  EXPECT_EQ(kept_block_bytes(), 0U);
}

}  // namespace
}  // namespace neap::blocks_test

#include "neap/runtime/chunk_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace neap::chunk_queue_test {
namespace {

std::vector<std::int64_t> drained(ChunkQueue& queue, int thread) {
  std::vector<std::int64_t> chunks;
  for (ChunkQueue::Range at = queue.next(thread); at.begin < at.end; at = queue.next(thread)) {
    for (std::int64_t chunk = at.begin; chunk < at.end; ++chunk) chunks.push_back(chunk);
  }
  return chunks;
}

TEST(ChunkQueue, AThreadBeginsWithItsOwnRunAndEndsWithWhatOthersHaveLeft) {
  ChunkQueue queue(10, 3);  // 0 to 2, 3 to 5, 6 to 9
  EXPECT_EQ(queue.next(0).begin, 0);
  EXPECT_EQ(drained(queue, 1), (std::vector<std::int64_t>{3, 4, 5, 9, 8, 7, 6, 2, 1}));
  EXPECT_TRUE(drained(queue, 0).empty());
  EXPECT_TRUE(drained(queue, 2).empty());
}

TEST(ChunkQueue, OneThreadTakesAllInOrder) {
  ChunkQueue queue(64, 1);
  const std::vector<std::int64_t> chunks = drained(queue, 0);
  ASSERT_EQ(chunks.size(), 64U);
  for (std::size_t i = 0; i < chunks.size(); ++i) EXPECT_EQ(chunks[i], static_cast<std::int64_t>(i));
}

TEST(ChunkQueue, InOrderAllThreadsTakeNeighbours) {
  ChunkQueue queue(5, 3, true);
  EXPECT_EQ(queue.next(2).begin, 0);
  EXPECT_EQ(queue.next(0).begin, 1);
  EXPECT_EQ(drained(queue, 1), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_TRUE(drained(queue, 2).empty());
}

TEST(ChunkQueue, EachChunkIsGivenOnce) {
  constexpr int threads = 4;
  for (const auto& [count, in_order] : {std::pair(1, false), {3, false}, {4, false}, {61, false}, {5000, false}, {3, true}, {5000, true}}) {
    ChunkQueue queue(count, threads, in_order);
    std::vector<std::vector<std::int64_t>> taken(threads);
    {
      std::vector<std::jthread> team;
      for (int t = 0; t < threads; ++t) team.emplace_back([&, t] { taken[static_cast<std::size_t>(t)] = drained(queue, t); });
    }
    std::vector<int> times(static_cast<std::size_t>(count));
    for (const auto& mine : taken) {
      for (const std::int64_t chunk : mine) ++times.at(static_cast<std::size_t>(chunk));
    }
    for (const int n : times) EXPECT_EQ(n, 1);
  }
}

}  // namespace
}  // namespace neap::chunk_queue_test

// Hands the chunks of a kernel to threads.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace neap {

// Each thread begins with a run of neighbours, the same in every kernel of as many chunks: it finds in its caches what it made before. It
// takes a quarter of what is left of its run at a time, so that who is through can take from the ends of the others' runs: a thread whose
// core somebody else uses holds up no more than it has begun.
class ChunkQueue {
 public:
  static constexpr int most_threads = 64;
  struct Range {
    std::int64_t begin = 0, end = 0;
  };

  // Fewer than 2^31 chunks; from 1 to `most_threads` threads.
  ChunkQueue(std::int64_t chunks, int threads) : threads_(threads) {
    for (int t = 0; t < threads; ++t) run(t).store(packed(chunks * t / threads, chunks * (t + 1) / threads), std::memory_order_relaxed);
  }

  // The next chunks for a thread; an empty range where none are left.
  Range next(int thread) {
    Range taken = take(thread, true);
    for (int other = 1; taken.begin == taken.end && other < threads_; ++other) taken = take((thread + other) % threads_, false);
    return taken;
  }

 private:
  struct alignas(64) Run {
    std::atomic<std::uint64_t> left;  // first and last, in halves of a word
  };
  static std::uint64_t packed(std::int64_t first, std::int64_t last) {
    return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint64_t>(last);
  }
  std::atomic<std::uint64_t>& run(int thread) { return runs_[static_cast<std::size_t>(thread)].left; }

  Range take(int from, bool own) {
    std::uint64_t seen = run(from).load(std::memory_order_relaxed);
    for (;;) {
      const auto first = static_cast<std::int64_t>(seen >> 32), last = static_cast<std::int64_t>(seen & 0xffffffff);
      if (first >= last) return {};
      const std::int64_t count = own ? std::max<std::int64_t>(1, (last - first) / 4) : 1;
      const std::uint64_t after = own ? packed(first + count, last) : packed(first, last - count);
      if (run(from).compare_exchange_weak(seen, after, std::memory_order_relaxed))
        return own ? Range{first, first + count} : Range{last - count, last};
    }
  }

  int threads_;
  std::array<Run, most_threads> runs_;
};

}  // namespace neap

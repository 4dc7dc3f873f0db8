// Hands the chunks of a kernel to threads.
#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace neap {

// In order: one chunk after the other, so that all threads work on neighbours, which share what is in a cache. Else each thread begins with
// a run of neighbours, the same in every kernel of as many chunks: it finds in its caches what it made before. It takes a quarter of what
// is left of its run at a time, so that who is through can take from the ends of the others' runs: a thread whose core somebody else uses
// holds up no more than it has begun.
class ChunkQueue {
 public:
  static constexpr int most_threads = 64;
  struct Range {
    std::int64_t begin = 0, end = 0;
  };

  // Fewer than 2^31 chunks; from 1 to `most_threads` threads.
  ChunkQueue(std::int64_t chunks, int threads, bool in_order = false) : runs_there_(in_order ? 1 : threads), in_order_(in_order) {
    for (int t = 0; t < runs_there_; ++t)
      run(t).store(packed(chunks * t / runs_there_, chunks * (t + 1) / runs_there_), std::memory_order_relaxed);
  }

  // The next chunks for a thread; an empty range where none are left.
  Range next(int thread) {
    if (in_order_) return take(0, true);
    Range taken = take(thread, true);
    for (int other = 1; taken.begin == taken.end && other < runs_there_; ++other) taken = take((thread + other) % runs_there_, false);
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
      const std::int64_t count = own && !in_order_ ? std::max<std::int64_t>(1, (last - first) / 4) : 1;
      const std::uint64_t after = own ? packed(first + count, last) : packed(first, last - count);
      if (run(from).compare_exchange_weak(seen, after, std::memory_order_relaxed))
        return own ? Range{first, first + count} : Range{last - count, last};
    }
  }

  int runs_there_;
  bool in_order_;
  std::array<Run, most_threads> runs_;
};

}  // namespace neap

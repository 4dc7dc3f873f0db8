// Pieces of work that threads share. Each does a range of its own, one after the other: pieces that are near each other in memory go
// through one core's cache, and the same core has them the next time. As cores are seldom alike quick, who is done takes the last of
// another's.
#pragma once
#include <omp.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace neap {

class Pieces {
 public:
  Pieces(std::size_t count, int threads);  // at most 2^32 - 1 pieces
  // What thread number `thread` (below `threads`) does next; nothing where all is taken.
  std::optional<std::size_t> next(int thread);

 private:
  struct alignas(64) Range {                // on a line of its own
    std::atomic<std::uint64_t> bounds = 0;  // the first that is left in the upper half, the end in the lower
  };
  std::vector<Range> ranges_;
};

// work(i) for each i below count, shared so; it throws nothing.
template <class Work>
void share_out(std::size_t count, int threads, Work work) {
  Pieces pieces(count, threads);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    const int me = omp_get_thread_num();
    for (std::optional<std::size_t> i = pieces.next(me); i; i = pieces.next(me)) work(*i);
  }
}

}  // namespace neap

#include "neap/data/sampler.h"

#include <numeric>
#include <utility>

namespace neap {

std::vector<std::int64_t> shuffled(std::int64_t count, CounterRandom random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::int64_t last = count - 1; last > 0; --last) {
    std::swap(order[static_cast<std::size_t>(last)], order[static_cast<std::size_t>(random.below(last + 1))]);
  }
  return order;
}

std::vector<std::int64_t> Sampler::order(std::int64_t epoch) const {
  if (shuffle_) return shuffled(count_, CounterRandom(seed_, Draw::shuffle, epoch));
  std::vector<std::int64_t> order(static_cast<std::size_t>(count_));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace neap

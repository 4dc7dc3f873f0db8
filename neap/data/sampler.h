// The order in which an epoch visits the examples: a function of (seed, epoch), the same on every machine.
#pragma once
#include <cstdint>
#include <vector>

#include "neap/data/random.h"

namespace neap {

// 0 .. count-1 in random order (Fisher-Yates).
std::vector<std::int64_t> shuffled(std::int64_t count, CounterRandom random);

class Sampler {
 public:
  // shuffle=false: the order of the dataset in every epoch.
  Sampler(std::int64_t count, bool shuffle, std::uint64_t seed) : count_(count), shuffle_(shuffle), seed_(seed) {}
  std::vector<std::int64_t> order(std::int64_t epoch) const;
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_;
  bool shuffle_;
  std::uint64_t seed_;
};

}  // namespace neap

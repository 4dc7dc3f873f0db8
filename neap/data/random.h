// Random numbers of the data path, each a function of where it is used: the same on every machine and for every order of threads.
#pragma once
#include <cstdint>

namespace neap {

// What a number is drawn for, so that shuffling and augmentation with one seed do not share numbers.
enum class Draw : std::uint8_t { shuffle, split, augment, sample, generate, sparsify };

// A sequence of Philox words of (seed, purpose, epoch), from `counter` on.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, Draw purpose, std::int64_t epoch, std::uint64_t counter = 0);
  std::uint32_t next();
  std::int64_t below(std::int64_t limit);  // 0 <= value < limit, unbiased; limit of 1 or more

 private:
  std::uint64_t seed_, stream_, counter_;
};

}  // namespace neap

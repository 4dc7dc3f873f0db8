// How sparse a network is over the steps of a run.
#pragma once
#include <cstdint>
#include <functional>

namespace neap::sparse {

using SparsitySchedule = std::function<double(std::int64_t step)>;

// From `first` at step `begin` to `last` at step `end`: s = last + (first - last) (1 - t)^3 (Zhu and Gupta 2017, arXiv:1710.01878).
SparsitySchedule cubic_sparsity(double first, double last, std::int64_t begin, std::int64_t end);
// The share that RigL moves: half a cosine from `first` down to 0 at step `end` (Evci et al. 2020).
SparsitySchedule cosine_share(double first, std::int64_t end);

}  // namespace neap::sparse

#include "neap/sparse/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neap/base/error.h"

namespace neap::sparse {
namespace {

void check_share(double share) {
  if (!(share >= 0 && share <= 1)) throw Error(fmt::format("{} is no share", share), "sparsity schedule", "from 0 to 1");
}

}  // namespace

SparsitySchedule cubic_sparsity(double first, double last, std::int64_t begin, std::int64_t end) {
  check_share(first);
  check_share(last);
  if (begin < 0 || end <= begin)
    throw Error(fmt::format("steps {} to {}", begin, end), "sparsity schedule", "the end comes after the beginning");
  return [=](std::int64_t step) {
    const double t = std::clamp(static_cast<double>(step - begin) / static_cast<double>(end - begin), 0.0, 1.0);
    return last + (first - last) * std::pow(1 - t, 3);
  };
}

SparsitySchedule cosine_share(double first, std::int64_t end) {
  check_share(first);
  if (end <= 0) throw Error(fmt::format("an end at step {}", end), "sparsity schedule", "the end comes after the beginning");
  return [=](std::int64_t step) {
    const double t = std::clamp(static_cast<double>(step) / static_cast<double>(end), 0.0, 1.0);
    return first * (1 + std::cos(std::numbers::pi * t)) / 2;
  };
}

}  // namespace neap::sparse

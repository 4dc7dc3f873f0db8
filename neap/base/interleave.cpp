#include "neap/base/interleave.h"

#include <algorithm>
#include <cmath>

#include "neap/base/clock.h"
#include "neap/base/progress.h"

namespace neap {
namespace {

double seconds_of(const std::function<void()>& way, int runs) {
  const auto start = Clock::now();
  for (int run = 0; run < runs; ++run) way();
  return seconds_since(start) / runs;
}

}  // namespace

std::vector<std::vector<double>> interleaved_seconds(const std::vector<std::function<void()>>& ways, int rounds, double turn_seconds) {
  constexpr double least = 1e-9, most_runs = 1e6;
  std::vector<int> runs;
  for (const auto& way : ways) {
    way();
    runs.push_back(static_cast<int>(std::clamp(turn_seconds / std::max(least, seconds_of(way, 1)), 1.0, most_runs)));
  }
  std::vector<std::vector<double>> seconds(ways.size());
  Progress progress("rounds", rounds, "rounds");
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < ways.size(); ++turn) {
      const std::size_t i = round % 2 == 0 ? turn : ways.size() - 1 - turn;
      seconds[i].push_back(seconds_of(ways[i], runs[i]));
    }
    progress.advance(1);
  }
  return seconds;
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(part * static_cast<double>(values.size() - 1)))];
}

}  // namespace neap

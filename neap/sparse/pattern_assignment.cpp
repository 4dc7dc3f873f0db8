#include "neap/sparse/pattern_assignment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace neap::sparse {
namespace {

class Assignment {
 public:
  Assignment(const std::vector<float>& worth, int patterns, int quota)
      : worth_(worth),
        patterns_(patterns),
        columns_(patterns * quota),
        of_(static_cast<std::size_t>(columns_), -1),
        moves_(at(patterns, 0)) {
    float most = 0;
    for (const float one : worth) most = std::max(most, std::abs(one));
    least_gain_ = 1e-6F * most;
    take_best_pairs(quota);
  }

  std::vector<int> improve() {
    for (int p = 0; p < patterns_; ++p) find_moves(p);
    while (exchange()) {
    }
    return of_;
  }

 private:
  // The best move of a column from one pattern to another.
  struct Move {
    float gain = -INFINITY;
    int column = -1;
  };

  std::size_t at(int row, int pattern) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(patterns_) + static_cast<std::size_t>(pattern);
  }

  void take_best_pairs(int quota) {
    std::vector<int> order(worth_.size()), left(static_cast<std::size_t>(patterns_), quota);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return worth_[static_cast<std::size_t>(a)] > worth_[static_cast<std::size_t>(b)]; });
    for (const int pair : order) {
      int& mine = of_[static_cast<std::size_t>(pair / patterns_)];
      int& free = left[static_cast<std::size_t>(pair % patterns_)];
      if (mine >= 0 || free == 0) continue;
      mine = pair % patterns_;
      --free;
    }
  }

  void find_moves(int from) {
    for (int to = 0; to < patterns_; ++to) moves_[at(from, to)] = {};
    for (int c = 0; c < columns_; ++c) {
      if (of_[static_cast<std::size_t>(c)] != from) continue;
      const float now = worth_[at(c, from)];
      for (int to = 0; to < patterns_; ++to) {
        Move& best = moves_[at(from, to)];
        if (const float gain = worth_[at(c, to)] - now; gain > best.gain) best = {gain, c};
      }
    }
  }

  // Moves columns along one cycle of patterns that gains; false where there is none (Bellman-Ford for the longest paths).
  bool exchange() {
    std::vector<float> reached(static_cast<std::size_t>(patterns_), 0);
    std::vector<int> before(static_cast<std::size_t>(patterns_), -1);
    int changed = -1;
    for (int round = 0; round < patterns_; ++round) {
      changed = -1;
      for (int from = 0; from < patterns_; ++from) {
        for (int to = 0; to < patterns_; ++to) {
          if (to == from || moves_[at(from, to)].column < 0) continue;
          const float length = reached[static_cast<std::size_t>(from)] + moves_[at(from, to)].gain;
          if (length <= reached[static_cast<std::size_t>(to)] + least_gain_) continue;
          reached[static_cast<std::size_t>(to)] = length;
          before[static_cast<std::size_t>(to)] = from;
          changed = to;
        }
      }
      if (changed < 0) return false;
    }
    for (int i = 0; i < patterns_; ++i) changed = before[static_cast<std::size_t>(changed)];  // now it is on the cycle
    std::vector<int> cycle{changed};
    for (int p = before[static_cast<std::size_t>(changed)]; p != changed; p = before[static_cast<std::size_t>(p)]) cycle.push_back(p);
    for (const int to : cycle) of_[static_cast<std::size_t>(moves_[at(before[static_cast<std::size_t>(to)], to)].column)] = to;
    for (const int p : cycle) find_moves(p);
    return true;
  }

  const std::vector<float>& worth_;
  int patterns_, columns_;
  std::vector<int> of_;      // by column
  std::vector<Move> moves_;  // from, to
  float least_gain_ = 0;
};

}  // namespace

std::vector<int> assign_patterns(const std::vector<float>& worth, int patterns, int quota) {
  return Assignment(worth, patterns, quota).improve();
}

}  // namespace neap::sparse

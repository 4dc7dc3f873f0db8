#include "neap/sparse/pattern_assignment.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace neap::sparse {
namespace {

class Assignment {
 public:
  Assignment(const std::vector<float>& worth, int patterns, int quota)
      : worth_(worth),
        patterns_(patterns),
        columns_(patterns * quota),
        of_(static_cast<std::size_t>(columns_), -1),
        held_(static_cast<std::size_t>(patterns)),
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
    std::vector<std::uint64_t> order(worth_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = std::uint64_t{falling(worth_[i])} << 32 | i;
    std::sort(order.begin(), order.end());
    int left = columns_;
    for (auto next = order.begin(); left > 0; ++next) {
      const int pair = static_cast<int>(*next & 0xffffffffU), column = pair / patterns_;
      int& mine = of_[static_cast<std::size_t>(column)];
      std::vector<int>& held = held_[static_cast<std::size_t>(pair % patterns_)];
      if (mine >= 0 || held.size() == static_cast<std::size_t>(quota)) continue;
      mine = pair % patterns_;
      held.push_back(column);
      --left;
    }
  }

  // A number that is smaller the larger x is; the same for both zeros.
  static std::uint32_t falling(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x + 0.0F);
    constexpr std::uint32_t sign = 0x80000000U;
    return (bits & sign) != 0 ? bits : ~(bits | sign);
  }

  void find_moves(int from) {
    for (int to = 0; to < patterns_; ++to) moves_[at(from, to)] = {};
    for (const int c : held_[static_cast<std::size_t>(from)]) {
      const float now = worth_[at(c, from)];
      for (int to = 0; to < patterns_; ++to) {
        Move& best = moves_[at(from, to)];
        const float gain = worth_[at(c, to)] - now;
        if (gain > best.gain || (gain == best.gain && c < best.column)) best = {gain, c};
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
    std::vector<int> moving;
    for (const int to : cycle) moving.push_back(moves_[at(before[static_cast<std::size_t>(to)], to)].column);
    for (std::size_t i = 0; i < cycle.size(); ++i) move(moving[i], cycle[i]);
    for (const int p : cycle) find_moves(p);
    return true;
  }

  void move(int column, int to) {
    int& now = of_[static_cast<std::size_t>(column)];
    std::erase(held_[static_cast<std::size_t>(now)], column);
    held_[static_cast<std::size_t>(to)].push_back(column);
    now = to;
  }

  const std::vector<float>& worth_;
  int patterns_, columns_;
  std::vector<int> of_;                 // by column
  std::vector<std::vector<int>> held_;  // by pattern, its columns
  std::vector<Move> moves_;             // from, to
  float least_gain_ = 0;
};

}  // namespace

std::vector<int> assign_patterns(const std::vector<float>& worth, int patterns, int quota) {
  return Assignment(worth, patterns, quota).improve();
}

}  // namespace neap::sparse

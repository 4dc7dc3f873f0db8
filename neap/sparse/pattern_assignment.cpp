#include "neap/sparse/pattern_assignment.h"

#include <algorithm>
#include <cmath>

#include "neap/base/radix_sort.h"

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
        gain_(at(patterns, 0)),
        reached_(static_cast<std::size_t>(patterns)),
        before_(static_cast<std::size_t>(patterns)) {
    float most = 0;
    for (const float one : worth) most = std::max(most, std::abs(one));
    least_gain_ = 1e-6F * most;
    take_best_pairs(quota);
  }

  std::vector<int> improve() {
    for (int p = 0; p < patterns_; ++p) find_gains(p);
    while (swap() || exchange()) {
    }
    return of_;
  }

 private:
  std::size_t at(int row, int pattern) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(patterns_) + static_cast<std::size_t>(pattern);
  }

  void take_best_pairs(int quota) {
    const std::vector<Ranked<std::uint32_t>> order = by_falling_worth();
    int left = columns_;
    for (auto next = order.begin(); left > 0; ++next) {
      const int pair = static_cast<int>(next->at), column = pair / patterns_;
      int& mine = of_[static_cast<std::size_t>(column)];
      std::vector<int>& held = held_[static_cast<std::size_t>(pair % patterns_)];
      if (mine >= 0 || held.size() == static_cast<std::size_t>(quota)) continue;
      mine = pair % patterns_;
      held.push_back(column);
      --left;
    }
    for (std::vector<int>& held : held_) std::sort(held.begin(), held.end());
  }

  // Pairs of a column and a pattern, the best first, equal ones in their order.
  std::vector<Ranked<std::uint32_t>> by_falling_worth() const {
    std::vector<Ranked<std::uint32_t>> order(worth_.size()), space;
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = {~sort_key(worth_[i]), static_cast<std::uint32_t>(i)};
    radix_sort(order, space);
    return order;
  }

  // What the best move of a column from a pattern to each other gains. Which column it is, is asked of few: see mover.
  void find_gains(int from) {
    float* const gain = gain_.data() + at(from, 0);
    std::fill_n(gain, patterns_, -INFINITY);
    for (const int c : held_[static_cast<std::size_t>(from)]) {
      const float* const worth = worth_.data() + at(c, 0);
      const float now = worth[from];
#pragma omp simd
      for (int to = 0; to < patterns_; ++to) {
        const float more = worth[to] - now;
        gain[to] = gain[to] < more ? more : gain[to];
      }
    }
  }

  // The first column by whose move from one pattern to another as much is gained.
  int mover(int from, int to) const {
    const std::vector<int>& held = held_[static_cast<std::size_t>(from)];
    return *std::find_if(held.begin(), held.end(), [&](int c) { return worth_[at(c, to)] - worth_[at(c, from)] == gain_[at(from, to)]; });
  }

  // Swaps the columns of two patterns wherever that gains: most of what is to be had, and quickly found.
  bool swap() {
    bool any = false;
    for (int a = 0; a < patterns_; ++a) {
      for (int b = a + 1; b < patterns_; ++b) {
        if (!(gain_[at(a, b)] + gain_[at(b, a)] > 2 * least_gain_)) continue;
        const int there = mover(a, b), back = mover(b, a);
        move(there, b);
        move(back, a);
        find_gains(a);
        find_gains(b);
        any = true;
      }
    }
    return any;
  }

  // Moves columns along one cycle of patterns that gains; false where there is none (Bellman-Ford for the longest paths: a cycle of
  // predecessors is one that gains).
  bool exchange() {
    std::fill(reached_.begin(), reached_.end(), 0.0F);
    std::fill(before_.begin(), before_.end(), -1);
    int on_cycle = -1;
    for (int round = 0; round <= patterns_ && on_cycle < 0; ++round) {
      bool changed = false;
      for (int from = 0; from < patterns_; ++from) changed = reach_from(from) || changed;
      if (!changed) return false;
      on_cycle = pattern_on_cycle();
    }
    if (on_cycle < 0) return false;
    std::vector<int> cycle{on_cycle};
    for (int p = before_[static_cast<std::size_t>(on_cycle)]; p != on_cycle; p = before_[static_cast<std::size_t>(p)]) cycle.push_back(p);
    std::vector<int> moving;
    for (const int to : cycle) moving.push_back(mover(before_[static_cast<std::size_t>(to)], to));
    for (std::size_t i = 0; i < cycle.size(); ++i) move(moving[i], cycle[i]);
    for (const int p : cycle) find_gains(p);
    return true;
  }

  // Lengthens paths by one more move from a pattern: mostly there is none, which is seen at once.
  bool reach_from(int from) {
    const float* const gain = gain_.data() + at(from, 0);
    const float* const reached = reached_.data();
    const float here = reached_[static_cast<std::size_t>(from)];
    float most = 0;
#pragma omp simd reduction(max : most)
    for (int to = 0; to < patterns_; ++to) {
      const float more = here + gain[to] - (reached[to] + least_gain_);
      most = most < more ? more : most;
    }
    if (!(most > 0)) return false;
    for (int to = 0; to < patterns_; ++to) {
      const auto place = static_cast<std::size_t>(to);
      if (!(here + gain[to] > reached_[place] + least_gain_)) continue;
      reached_[place] = here + gain[to];
      before_[place] = from;
    }
    return true;
  }

  // A pattern that comes back to itself by predecessors; -1 where there is none.
  int pattern_on_cycle() const {
    std::vector<int> walk(before_.size(), -1);  // by which walk a pattern was seen first
    for (int start = 0; start < patterns_; ++start) {
      int p = start;
      while (p >= 0 && walk[static_cast<std::size_t>(p)] < 0) {
        walk[static_cast<std::size_t>(p)] = start;
        p = before_[static_cast<std::size_t>(p)];
      }
      if (p >= 0 && walk[static_cast<std::size_t>(p)] == start) return p;
    }
    return -1;
  }

  void move(int column, int to) {
    int& now = of_[static_cast<std::size_t>(column)];
    std::erase(held_[static_cast<std::size_t>(now)], column);
    std::vector<int>& there = held_[static_cast<std::size_t>(to)];
    there.insert(std::lower_bound(there.begin(), there.end(), column), column);
    now = to;
  }

  const std::vector<float>& worth_;
  int patterns_, columns_;
  std::vector<int> of_;                 // by column
  std::vector<std::vector<int>> held_;  // by pattern, its columns in rising order
  std::vector<float> gain_;             // of the best move from one pattern to another: [from, to]
  std::vector<float> reached_;          // of the longest path to a pattern so far
  std::vector<int> before_;             // the pattern before it on that path; -1: none
  float least_gain_ = 0;
};

}  // namespace

std::vector<int> assign_patterns(const std::vector<float>& worth, int patterns, int quota) {
  return Assignment(worth, patterns, quota).improve();
}

}  // namespace neap::sparse

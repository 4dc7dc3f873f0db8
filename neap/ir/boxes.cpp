#include "neap/ir/boxes.h"

namespace neap {
namespace {

constexpr std::size_t most_intersected = 6;  // boxes of which every subset is intersected
constexpr std::int64_t typical_size = 128;   // of a symbol

Dim count_of(const Box& box) {
  Dim count = 1;
  for (const Steps& steps : box) count *= steps.count;
  return count;
}

bool contains(const Steps& outer, const Steps& inner) {
  if (outer == inner) return true;
  const Dim offset = inner.first - outer.first;
  return surely_at_most(outer.first, inner.first) && surely_at_most(inner.last(), outer.last()) && inner.step % outer.step == 0 &&
         offset.is_constant() && offset.constant() % outer.step == 0;
}

bool contains(const Box& outer, const Box& inner) {
  for (std::size_t d = 0; d < outer.size(); ++d) {
    if (!contains(outer[d], inner[d])) return false;
  }
  return true;
}

// Puts `b` into `a` where together they are one progression.
bool join(Steps& a, const Steps& b) {
  const Dim offset = b.first - a.first;
  if (!offset.is_constant() || a.step != b.step || offset.constant() % a.step != 0) return false;
  if (!surely_at_most(b.first, a.last() + Dim(a.step)) || !surely_at_most(a.first, b.last() + Dim(b.step))) return false;
  const Dim end = b.last() - a.last();
  if (!end.is_constant()) return false;
  const Dim last = end.constant() > 0 ? b.last() : a.last(), first = offset.constant() < 0 ? b.first : a.first;
  a = {first, a.step, floor_div(last - first, a.step) + Dim(1)};
  return true;
}

bool join(Box& a, const Box& b) {
  std::size_t differ = 0, at = 0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    if (a[d] == b[d]) continue;
    ++differ;
    at = d;
  }
  return differ == 1 && join(a[at], b[at]);
}

// The common positions; false where they cannot be told.
bool intersect(const Steps& a, const Steps& b, Steps& common) {
  if (contains(a, b)) return common = b, true;
  if (contains(b, a)) return common = a, true;
  const Dim offset = b.first - a.first, end = b.last() - a.last();
  if (a.step != b.step || !offset.is_constant() || !end.is_constant()) return false;
  const Dim first = offset.constant() > 0 ? b.first : a.first, last = end.constant() < 0 ? b.last() : a.last();
  const Dim length = last - first;
  common = {first, a.step, 0};
  if (offset.constant() % a.step != 0 || (length.is_constant() && length.constant() < 0)) return true;
  if (!length.is_constant() && typical(length) < 0) return false;
  common.count = floor_div(length, a.step) + Dim(1);
  return true;
}

// Inclusion and exclusion; false where an intersection cannot be told.
bool include_and_exclude(const std::vector<Box>& boxes, Dim& total) {
  if (boxes.size() > most_intersected) return false;
  total = 0;
  for (std::size_t subset = 1; subset < std::size_t{1} << boxes.size(); ++subset) {
    Box common;
    int members = 0;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      if ((subset >> i & 1) == 0) continue;
      if (members++ == 0) {
        common = boxes[i];
        continue;
      }
      for (std::size_t d = 0; d < common.size(); ++d) {
        if (is_zero(common[d].count)) continue;
        if (!intersect(Steps(common[d]), boxes[i][d], common[d])) return false;
      }
    }
    total += Dim(members % 2 != 0 ? 1 : -1) * count_of(common);
  }
  return true;
}

}  // namespace

std::int64_t typical(const Dim& dim) { return dim.evaluate({}, typical_size); }

bool surely_at_most(const Dim& a, const Dim& b) {
  const Dim difference = b - a;
  return difference.is_constant() && difference.constant() >= 0;
}

Dim smaller(const Dim& a, const Dim& b) {
  const Dim difference = a - b;
  return (difference.is_constant() ? difference.constant() : typical(difference)) < 0 ? a : b;
}

Steps clip(Steps steps, const Dim& size) {
  const Dim before = Dim(0) - steps.first;
  if (before.is_constant() && before.constant() > 0) {
    const Dim skipped = ceil_div(before, steps.step);
    steps.first += skipped * Dim(steps.step);
    steps.count = steps.count - skipped;
  }
  const Dim over = steps.last() - (size - Dim(1));
  if (!over.is_constant()) {
    steps.count = smaller(steps.count, ceil_div(size - steps.first, steps.step));
  } else if (over.constant() > 0) {
    steps.count = steps.count - ceil_div(over, steps.step);
  }
  if (steps.count.is_constant() && steps.count.constant() <= 0) return {};
  if (is_one(steps.count)) steps.step = 1;
  return steps;
}

Dim count_union(std::vector<Box> boxes) {
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      for (std::size_t j = 0; j < boxes.size(); ++j) {
        if (i == j || (!contains(boxes[i], boxes[j]) && !join(boxes[i], boxes[j]))) continue;
        boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(j));
        if (j < i) --i;
        --j;
        changed = true;
      }
    }
  }
  Dim total = 0;
  if (include_and_exclude(boxes, total)) return total;
  total = 0;
  for (const Box& box : boxes) total += count_of(box);
  return total;
}

}  // namespace neap

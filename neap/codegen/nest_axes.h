// What a nest touches in memory, and which of its axes become one: ahead of the choice of loops.
#pragma once
#include <map>
#include <set>
#include <vector>

#include "neap/codegen/nest.h"

namespace neap {

// One place in memory that the nest touches.
struct Touch {
  Expr offset;
  Affine plain;
  bool store = false, guarded = false, of_buffer = false;
  int weight = 1;
};

struct Touches {
  std::vector<Touch> all;
  std::set<int> pinned;     // axes used other than in plain offsets: these cannot be merged
  std::set<int> rows;       // axes that say where ragged reductions begin and end
  bool reduces = false;     // a reduction with loops of its own
  bool window = false;      // a guarded or overlapping read
  int gathered = 0;         // reads at places that the data give
  std::vector<Expr> terms;  // of windows: they live as long as what is known by their address
};

Touches touches_of(Emitter& emit, const std::vector<Assignment>& body);
Dim coefficient(const Affine& offset, int axis);
void substitute(std::vector<Assignment>& body, const std::map<int, Expr>& positions);
bool in_target(const Assignment& a, int axis);
// Whether the range of a ragged axis depends on this one, which must then be a loop of its own around it.
bool bounds_ragged(const std::vector<Axis>& axes, int id);

// Axes that lie behind each other in every access become one.
void merge_axes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule);
// Makes two axes one, so that vectors run over several heads: positions of the outer axis are those of the new one by its group. Gives the
// new axis, -1 where there is none.
int group_axes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule);
// Sums over a few neighbours in memory (the features of a head) with the axis that they run over as one of the nest's, where that can be a
// part of its vectors: no lane then reads far from the next. Gives that axis, -1 where they stay.
int fold_in_lanes(Emitter& emit, std::vector<Axis>& axes, std::vector<Assignment>& body, const Schedule& schedule);

}  // namespace neap

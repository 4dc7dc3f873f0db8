// Maps as stages inside one outer axis, of which scopes are made.
#pragma once
#include <string>
#include <vector>

#include "neap/transform/draft.h"
#include "neap/transform/map_edit.h"

namespace neap {

struct Rows {
  OpenMap open;
  std::vector<Node> behind = {};  // what is computed from sums over the outer axis
  std::vector<Type> sums = {};    // types of values made for these
};

// Why a map cannot become rows along an axis of its own or of its reductions; empty where it can.
std::string check_rows(const Draft& draft, const Node& map_node, int outer);
// Makes `outer` the open map's only own axis, sums over it accumulations. Values made for sums are numbered from `next_value` on.
void make_rows(const Draft& draft, Opener& opener, int outer, ValueId next_value, Rows& rows);

}  // namespace neap

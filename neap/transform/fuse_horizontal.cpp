// Puts small maps that do not depend on each other (an optimiser's updates of many parameters) into one: a scope without an outer axis, in
// which each runs over its own axes. What starting each of them cost is spared. Only maps that one thread would run anyway.
#include <algorithm>

#include "neap/base/error.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_horizontal_transformation {
namespace {

constexpr std::size_t most_operands = 256, most_stages = 96;

// Point by point, or put together by this transformation.
bool is_candidate(const Node& node) {
  if (!node.is_map() || !node.map->locals.empty()) return false;
  const std::vector<Stage>& stages = node.map->stages;
  const auto fits = [&](const Stage& stage) {
    return stage.accumulate == Accumulate::none && (stage.axes.empty() || node.map->axes.empty());
  };
  return std::all_of(stages.begin(), stages.end(), fits);
}

// Roughly the scalar operations of the largest of its loops; -1 where that is not known, or an axis is ragged.
std::int64_t work_of(const Map& map) {
  std::int64_t most = 0;
  for (const Stage& stage : map.stages) {
    Dim work = Dim(1) + flops(stage.value);
    for (const std::vector<Axis>* axes : {&map.axes, &stage.axes}) {
      for (const Axis& axis : *axes) {
        if (axis.ragged != nullptr) return -1;
        work *= axis.extent;
      }
    }
    if (!work.is_constant()) return -1;
    most = std::max(most, work.constant());
  }
  return most;
}

std::string check_small(const Node& node, const Parameters& parameters) {
  if (!is_candidate(node)) return "it is a call, a scope, or accumulates";
  const std::int64_t work = work_of(*node.map), most = parameters.at("most_work");
  if (work < 0) return "its size is not known";
  if (work > most) return fmt::format("it is large enough for threads to share: {} operations", work);
  return "";
}

// Its loops become those of its stages.
void close_axes(Map& map) {
  for (Stage& stage : map.stages) stage.axes.insert(stage.axes.begin(), map.axes.begin(), map.axes.end());
  map.axes.clear();
}

std::string check(const Draft& draft, int first, int second, const Parameters& parameters) {
  const Node &one = draft.node(first), &two = draft.node(second);
  for (const Node* node : {&one, &two}) {
    if (std::string reason = check_small(*node, parameters); !reason.empty()) return reason;
  }
  if (one.inputs.size() + two.inputs.size() > most_operands) return "the map would have too many operands";
  if (one.map->stages.size() + two.map->stages.size() > most_stages) return "the map would have too many stages";
  for (const ValueId id : one.outputs) {
    for (const int user : draft.users(id)) {
      if (user == second) return "the second reads what the first makes";
      if (draft.before(user, second)) return "what the first makes is read ahead of the second";
    }
  }
  return "";
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  if (site.at.size() != 2) return "a pair of nodes is wanted";
  int first = draft.producer(site.at[0]), second = draft.producer(site.at[1]);
  if (first < 0 || second < 0) return "a node is gone";
  if (first == second) return "they are one node already";
  if (draft.before(second, first)) std::swap(first, second);
  if (std::string reason = check(draft, first, second, parameters); !reason.empty()) return reason;
  Opener opener;
  OpenMap together = opener.open(draft.node(first)), other = opener.open(draft.node(second));
  close_axes(together.map);
  close_axes(other.map);
  together.map.stages.insert(together.map.stages.end(), other.map.stages.begin(), other.map.stages.end());
  together.origin = merge_origins(together.origin, other.origin);
  together.schedule = {};
  draft.replace_pair(first, second, {opener.close(together)});
  return "";
}

// Candidates next to each other in the order in which they run.
std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  ValueId before = no_value;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (!is_candidate(draft.node(at))) continue;
    const ValueId here = draft.node(at).outputs[0];
    if (before != no_value) sites.push_back({{before, here}});
    before = here;
  }
  return sites;
}

const RegisterTransformation fuse_horizontal{
    {.name = "fuse_horizontal",
     .level = 2,
     .about = "runs small independent maps as one, which spares starting each of them",
     .parameters = {{"most_work", 8192, 1, std::int64_t{1} << 40, "most scalar operations of a map that is put together with others"}},
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::fuse_horizontal_transformation

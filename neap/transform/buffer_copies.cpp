#include "neap/transform/buffer_copies.h"

#include <algorithm>

#include "neap/codegen/entry_loops.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

const Local& local_of(const Map& map, std::int64_t operand) { return map.locals[static_cast<std::size_t>(-1 - operand)]; }

// Where each dimension of the source stands among those of the copy; empty where the stage is no whole copy of a buffer.
std::vector<std::size_t> copied_dimensions(const Map& map, const Stage& stage) {
  const Expr& from = stage.value;
  if (stage.target >= 0 || stage.accumulate != Accumulate::none || from->op != Scalar::read || from->integer >= 0) return {};
  const Local &source = local_of(map, from->integer), &copy = local_of(map, stage.target);
  const auto rank = source.shape.size();
  if (from->integer == stage.target || source.dtype != copy.dtype || copy.shape.size() != rank || from->args.size() != rank) return {};
  std::vector<std::size_t> dimensions;
  for (std::size_t d = 0; d < rank; ++d) {
    // Its position is an axis of the stage over all of both dimensions.
    const Expr& at = from->args[d];
    const auto axis = std::find_if(stage.axes.begin(), stage.axes.end(),
                                   [&](const Axis& a) { return at->op == Scalar::axis && a.id == at->integer && a.ragged == nullptr; });
    const auto there = std::find_if(stage.index.begin(), stage.index.end(), [&](const Expr& index) { return same(index, at); });
    if (axis == stage.axes.end() || there == stage.index.end()) return {};
    const auto dimension = static_cast<std::size_t>(there - stage.index.begin());
    if (!(axis->extent == source.shape[d]) || !(axis->extent == copy.shape[dimension])) return {};
    if (std::find(dimensions.begin(), dimensions.end(), dimension) != dimensions.end()) return {};
    dimensions.push_back(dimension);
  }
  return dimensions;
}

bool writes(const Stage& stage, std::int64_t operand) { return stage.target == operand; }

// The source stays as it was copied, and nothing else is written to the copy.
bool stays(const Map& map, std::size_t at) {
  const std::int64_t source = map.stages[at].value->integer, copy = map.stages[at].target;
  for (std::size_t s = 0; s < map.stages.size(); ++s) {
    if ((s > at && writes(map.stages[s], source)) || (s != at && writes(map.stages[s], copy))) return false;
  }
  return true;
}

// Sums over the entries of a row that are wanted in another order than they are made in (turn_rows) are copied on purpose.
bool turns_sums(const Map& map, const Stage& copy, const std::vector<std::size_t>& dimensions) {
  return !std::is_sorted(dimensions.begin(), dimensions.end()) &&
         std::any_of(map.stages.begin(), map.stages.end(),
                     [&](const Stage& stage) { return writes(stage, copy.value->integer) && runs_over_entries(stage); });
}

void drop(Map& map, std::size_t at, const std::vector<std::size_t>& dimensions) {
  const std::int64_t source = map.stages[at].value->integer, copy = map.stages[at].target;
  map.stages.erase(map.stages.begin() + static_cast<std::ptrdiff_t>(at));
  rewrite_map(map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer != copy) return {};
    std::vector<Expr> index;
    for (const std::size_t d : dimensions) index.push_back(e->args[d]);
    return read_at(e, source, std::move(index));
  });
  map.locals.erase(map.locals.begin() + static_cast<std::ptrdiff_t>(-1 - copy));
  const auto renumbered = [&](std::int64_t operand) { return operand < copy ? operand + 1 : operand; };
  renumber_reads(map, renumbered);
  for (Stage& stage : map.stages) stage.target = static_cast<int>(renumbered(stage.target));
}

}  // namespace

void drop_buffer_copies(Map& map) {
  for (std::size_t at = 0; at < map.stages.size();) {
    const std::vector<std::size_t> dimensions = copied_dimensions(map, map.stages[at]);
    if (dimensions.empty() || !stays(map, at) || turns_sums(map, map.stages[at], dimensions)) {
      ++at;
    } else {
      drop(map, at, dimensions);
    }
  }
}

}  // namespace neap

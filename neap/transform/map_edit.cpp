#include "neap/transform/map_edit.h"

#include <algorithm>
#include <set>

#include "neap/base/error.h"

namespace neap {
namespace {

void collect_axes(const std::vector<Axis>& axes, std::set<int>& ids) {
  for (const Axis& axis : axes) ids.insert(axis.id);
}

}  // namespace

Expr read_of(const Expr& e, std::int64_t operand) {
  std::vector<Expr> index(e->args.begin(), e->args.begin() + e->rank);
  return read(static_cast<int>(operand), e.dtype(), std::move(index), static_cast<int>(e->args.size()) > e->rank ? e->args.back() : Expr());
}

int highest_axis(const Map& map) {
  int highest = -1;
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) highest = std::max(highest, axis.id);
  };
  note(map.axes);
  for (const Stage& stage : map.stages) note(stage.axes);
  visit_map(map, [&](const Expr& e) { note(e->axes); });
  return highest;
}

Expr with_own_axes(const Expr& value, int& next_axis) {
  std::map<int, Expr> renamed;
  visit(value, [&](const Expr& e) {
    for (Axis axis : e->axes) {
      if (renamed.count(axis.id) != 0) continue;
      const int old = std::exchange(axis.id, next_axis++);
      renamed.emplace(old, axis_position(axis));
    }
  });
  return renamed.empty() ? value : substitute_axes(value, renamed);
}

Node without_unread(Node node) {
  std::vector<int> number(node.inputs.size(), -1);
  visit_map(*node.map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer >= 0) number[static_cast<std::size_t>(e->integer)] = 0;
  });
  std::vector<ValueId> kept;
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (number[i] < 0) continue;
    number[i] = static_cast<int>(kept.size());
    kept.push_back(node.inputs[i]);
  }
  if (kept.size() == node.inputs.size()) return node;
  Map map = *node.map;
  rewrite_map(map, [&](const Expr& e) {
    return e->op == Scalar::read && e->integer >= 0 ? read_of(e, number[static_cast<std::size_t>(e->integer)]) : Expr();
  });
  node.map = std::make_shared<const Map>(std::move(map));
  node.inputs = std::move(kept);
  return node;
}

void rewrite_map(Map& map, const std::function<Expr(const Expr&)>& f) {
  const auto bounds = [&](std::vector<Axis>& axes) {
    for (Axis& axis : axes) {
      if (axis.ragged == nullptr) continue;
      axis.ragged = std::make_shared<const std::pair<Expr, Expr>>(rewrite(axis.ragged->first, f), rewrite(axis.ragged->second, f));
    }
  };
  bounds(map.axes);
  for (Stage& stage : map.stages) {
    bounds(stage.axes);
    for (Expr& index : stage.index) index = rewrite(index, f);
    stage.value = rewrite(stage.value, f);
  }
}

void visit_map(const Map& map, const std::function<void(const Expr&)>& f) {
  const auto bounds = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      if (axis.ragged == nullptr) continue;
      visit(axis.ragged->first, f);
      visit(axis.ragged->second, f);
    }
  };
  bounds(map.axes);
  for (const Stage& stage : map.stages) {
    bounds(stage.axes);
    for (const Expr& index : stage.index) visit(index, f);
    visit(stage.value, f);
  }
}

OpenMap Opener::open(const Node& node) {
  OpenMap open{*node.map, node.origin, node.schedule};
  std::set<int> ids;
  collect_axes(open.map.axes, ids);
  for (const Stage& stage : open.map.stages) collect_axes(stage.axes, ids);
  visit_map(open.map, [&](const Expr& e) { collect_axes(e->axes, ids); });
  std::map<int, int> renamed;
  std::map<int, Expr> position;
  for (const int id : ids) {
    Axis axis;
    axis.id = renamed[id] = next_axis_++;
    position.emplace(id, axis_position(axis));
  }
  const auto rename = [&](std::vector<Axis>& axes) {
    for (Axis& axis : axes) axis.id = renamed.at(axis.id);
  };
  rename(open.map.axes);
  for (Stage& stage : open.map.stages) {
    rename(stage.axes);
    if (stage.target >= 0) stage.target = node.outputs[static_cast<std::size_t>(stage.target)];
  }
  rewrite_map(open.map, [&](const Expr& e) -> Expr {
    if (e->op == Scalar::axis) return position.at(static_cast<int>(e->integer));
    if (e->op == Scalar::read && e->integer >= 0) return read_of(e, node.inputs[static_cast<std::size_t>(e->integer)]);
    if (e->op != Scalar::reduce) return {};
    std::vector<Axis> axes = e->axes;
    rename(axes);
    return reduce(e->reduction, std::move(axes), e->args[0]);
  });
  Schedule& schedule = open.schedule;
  const auto id_of = [&](int id) { return renamed.count(id) != 0 ? renamed.at(id) : -1; };
  for (int& id : schedule.order) id = id_of(id);
  schedule.vector_axis = id_of(schedule.vector_axis);
  schedule.parallel_axis = id_of(schedule.parallel_axis);
  std::map<int, std::int64_t> tile;
  for (const auto& [id, size] : schedule.tile) tile[id_of(id)] = size;
  schedule.tile = std::move(tile);
  return open;
}

Node close(const OpenMap& open) {
  Node node;
  node.origin = open.origin;
  node.schedule = open.schedule;
  Map map = open.map;
  std::map<std::int64_t, std::int64_t> operand;
  rewrite_map(map, [&](const Expr& e) -> Expr {
    if (e->op != Scalar::read || e->integer < 0) return {};
    const auto [at, fresh] = operand.emplace(e->integer, static_cast<std::int64_t>(node.inputs.size()));
    if (fresh) node.inputs.push_back(static_cast<ValueId>(e->integer));
    return read_of(e, at->second);
  });
  std::map<int, int> output;
  for (Stage& stage : map.stages) {
    if (stage.target < 0) continue;
    const auto [at, fresh] = output.emplace(stage.target, static_cast<int>(node.outputs.size()));
    if (fresh) node.outputs.push_back(stage.target);
    stage.target = at->second;
  }
  node.map = std::make_shared<const Map>(std::move(map));
  return node;
}

std::vector<std::string> merge_origins(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> merged = a;
  for (const std::string& name : b) {
    if (std::find(merged.begin(), merged.end(), name) == merged.end()) merged.push_back(name);
  }
  return merged;
}

std::optional<std::vector<int>> pointwise_axes(const Map& map, const Stage& stage, const Type& target, std::string& reason) {
  if (stage.accumulate != Accumulate::none) {
    reason = "its result is accumulated";
    return std::nullopt;
  }
  if (!stage.axes.empty()) {
    reason = "its result is written by a scope's inner loop";
    return std::nullopt;
  }
  std::vector<int> at;
  std::set<int> taken;
  for (std::size_t i = 0; i < stage.index.size(); ++i) {
    const Affine a = affine(stage.index[i]);
    if (a.affine && a.coefficients.empty() && target.shape[i] == Dim(1)) {
      at.push_back(-1);
      continue;
    }
    const bool plain = a.affine && a.coefficients.size() == 1 && a.coefficients.begin()->second == Dim(1) && a.rest == Dim(0);
    if (!plain || !taken.insert(a.coefficients.begin()->first).second) {
      reason = "its result is not written point by point";
      return std::nullopt;
    }
    at.push_back(a.coefficients.begin()->first);
  }
  for (const Axis& axis : map.axes) {
    if (axis.ragged != nullptr) {
      reason = "it runs over a ragged axis";
      return std::nullopt;
    }
    if (taken.count(axis.id) == 0 && !(axis.extent == Dim(1))) {
      reason = "it runs over more axes than its result has";
      return std::nullopt;
    }
  }
  return at;
}

bool is_position(const Map& map, std::int64_t operand) {
  bool found = false;
  const auto look = [&](const Expr& index) {
    visit(index, [&](const Expr& e) { found |= e->op == Scalar::read && e->integer == operand; });
  };
  for (const Stage& stage : map.stages) {
    for (const Expr& index : stage.index) look(index);
  }
  visit_map(map, [&](const Expr& e) {
    for (int i = 0; e->op == Scalar::read && i < e->rank; ++i) look(e->args[static_cast<std::size_t>(i)]);
  });
  return found;
}

Dim points(const Map& map, const Stage& stage) {
  Dim total = 1;
  for (const Axis& axis : map.axes) total *= axis.extent;
  for (const Axis& axis : stage.axes) total *= axis.extent;
  return total;
}

int expression_size(const Expr& value) {
  int size = 0;
  visit(value, [&](const Expr&) { ++size; });
  return size;
}

int map_size(const Map& map) {
  int size = 0;
  visit_map(map, [&](const Expr&) { ++size; });
  return size;
}

}  // namespace neap

#include "neap/transform/map_edit.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "neap/base/error.h"
#include "neap/ir/map_nodes.h"

namespace neap {
namespace {

constexpr int unread = std::numeric_limits<int>::max();

}  // namespace

Expr with_replaced(const Expr& value, const std::vector<std::pair<Expr, Expr>>& replaced) {
  return rewrite(value, [&](const Expr& e) -> Expr {
    for (const auto& [from, to] : replaced) {
      if (same(e, from)) return to;
    }
    return {};
  });
}

Expr with_own_axes(const Expr& value, int& next_axis) {
  std::map<int, Expr> renamed;
  visit_nodes(value, [&](const Expr& e) {
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
  visit_map_nodes(*node.map, [&](const Expr& e) {
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
  renumber_reads(map, [&](std::int64_t operand) { return operand < 0 ? operand : number[static_cast<std::size_t>(operand)]; });
  node.map = std::make_shared<const Map>(std::move(map));
  node.inputs = std::move(kept);
  return node;
}

std::vector<Expr> RowBuffer::place(std::span<const Expr> index) const {
  std::vector<Expr> at;
  for (const int d : dimensions) at.push_back(index[static_cast<std::size_t>(d)]);
  return at;
}

OpenMap Opener::open(const Node& node, const Joining& joining) {
  OpenMap open{*node.map, node.origin, node.schedule};
  const int shift = next_axis();
  uncounted_ = node.map;
  const auto renamed = [&](int axis) { return axis == joining.axis ? joining.as : axis + shift; };
  const auto rename = [&](std::vector<Axis>& axes) {
    for (Axis& axis : axes) axis.id = renamed(axis.id);
  };
  rename(open.map.axes);
  for (Stage& stage : open.map.stages) {
    rename(stage.axes);
    stage.target = stage.target < 0 ? stage.target - joining.locals : node.outputs[static_cast<std::size_t>(stage.target)];
  }
  struct Operand {
    int number;
    const RowBuffer* buffer;
  };
  std::vector<Operand> operands;
  bool renumbered = shift != 0 || joining.locals != 0;
  for (const ValueId id : node.inputs) {
    const auto buffer = std::find_if(joining.buffers.begin(), joining.buffers.end(), [&](const RowBuffer& b) { return b.value == id; });
    operands.push_back(buffer != joining.buffers.end() ? Operand{buffer->local, &*buffer} : Operand{operand(id), nullptr});
    renumbered |= operands.back().number != static_cast<int>(operands.size()) - 1;
  }
  if (!renumbered) return open;
  std::map<int, Expr> position;
  rewrite_map(open.map, [&](const Expr& e) -> Expr {
    if (e->op == Scalar::read) {
      if (e->integer < 0) return joining.locals == 0 ? Expr() : read_of(e, e->integer - joining.locals);
      const auto [number, buffer] = operands[static_cast<std::size_t>(e->integer)];
      if (buffer == nullptr) return read_of(e, number);
      const std::span<const Expr> index(e->args.data(), static_cast<std::size_t>(e->rank));
      return read_at(e, number, buffer->place(index));
    }
    if (shift == 0) return {};
    if (e->op == Scalar::axis) {
      Expr& moved = position[static_cast<int>(e->integer)];
      if (!moved) moved = axis_position({renamed(static_cast<int>(e->integer)), "", 0, nullptr});
      return moved;
    }
    if (e->op != Scalar::reduce) return {};
    std::vector<Axis> axes = e->axes;
    rename(axes);
    return reduce(e->reduction, std::move(axes), e->args[0]);
  });
  Schedule& schedule = open.schedule;
  for (int& id : schedule.order) id = renamed(id);
  for (int* id : {&schedule.vector_axis, &schedule.parallel_axis}) *id = *id < 0 ? *id : renamed(*id);
  std::map<int, std::int64_t> tile;
  for (const auto& [id, size] : schedule.tile) tile[renamed(id)] = size;
  schedule.tile = std::move(tile);
  return open;
}

namespace {

// Which buffers are read.
std::vector<bool> read_locals(const Map& map) {
  std::vector<bool> read(map.locals.size(), false);
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer < 0) read[static_cast<std::size_t>(-1 - e->integer)] = true;
  });
  return read;
}

}  // namespace

Node without_result(Node node, ValueId result) {
  const auto output = static_cast<int>(std::find(node.outputs.begin(), node.outputs.end(), result) - node.outputs.begin());
  node.outputs.erase(node.outputs.begin() + output);
  Map map = *node.map;
  std::erase_if(map.stages, [&](const Stage& stage) { return stage.target == output; });
  for (Stage& stage : map.stages) stage.target -= stage.target > output ? 1 : 0;
  std::vector<bool> read = read_locals(map);
  const auto is_idle = [&](const Stage& stage) { return stage.target < 0 && !read[static_cast<std::size_t>(-1 - stage.target)]; };
  while (std::erase_if(map.stages, is_idle) > 0) read = read_locals(map);
  std::vector<Local> locals;
  std::vector<int> number(map.locals.size());
  for (std::size_t i = 0; i < map.locals.size(); ++i) {
    number[i] = -1 - static_cast<int>(locals.size());
    if (read[i]) locals.push_back(map.locals[i]);
  }
  map.locals = std::move(locals);
  for (Stage& stage : map.stages) {
    if (stage.target < 0) stage.target = number[static_cast<std::size_t>(-1 - stage.target)];
  }
  renumber_reads(map, [&](std::int64_t operand) { return operand < 0 ? number[static_cast<std::size_t>(-1 - operand)] : operand; });
  node.map = std::make_shared<const Map>(std::move(map));
  return without_unread(std::move(node));
}

// The ids of the map that was opened last are counted when another axis is asked for: mostly none is.
int Opener::next_axis() {
  if (uncounted_ != nullptr) next_axis_ += highest_axis(*std::exchange(uncounted_, nullptr)) + 1;
  return next_axis_;
}

int Opener::operand(ValueId value) {
  const int known = find_operand(value);
  if (known != unread) return known;
  values_.push_back(value);
  return static_cast<int>(values_.size()) - 1;
}

int Opener::find_operand(ValueId value) const {
  const auto found = std::find(values_.begin(), values_.end(), value);
  return found == values_.end() ? unread : static_cast<int>(found - values_.begin());
}

bool Opener::reads_one_of(const Expr& e, const std::vector<ValueId>& values) const {
  return e->op == Scalar::read && e->integer >= 0 && std::find(values.begin(), values.end(), value(e->integer)) != values.end();
}

Node Opener::close(OpenMap open) const {
  Node node;
  node.origin = std::move(open.origin);
  node.schedule = std::move(open.schedule);
  Map& map = open.map;
  std::vector<int> number(values_.size(), -1);
  bool renumbered = false;
  visit_map_nodes(map, [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || number[static_cast<std::size_t>(e->integer)] >= 0) return;
    number[static_cast<std::size_t>(e->integer)] = static_cast<int>(node.inputs.size());
    renumbered |= e->integer != static_cast<std::int64_t>(node.inputs.size());
    node.inputs.push_back(value(e->integer));
  });
  if (renumbered)
    renumber_reads(map, [&](std::int64_t operand) { return operand < 0 ? operand : number[static_cast<std::size_t>(operand)]; });
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
  const auto taken = [&](int axis) { return std::find(at.begin(), at.end(), axis) != at.end(); };
  for (std::size_t i = 0; i < stage.index.size(); ++i) {
    int axis = -1;
    if (stage.index[i]->op == Scalar::axis) {
      axis = static_cast<int>(stage.index[i]->integer);
    } else {
      const Affine a = affine(stage.index[i]);
      if (a.affine && a.coefficients.empty() && target.shape[i] == Dim(1)) {
        at.push_back(-1);
        continue;
      }
      const bool plain = a.affine && a.coefficients.size() == 1 && a.coefficients.begin()->second == Dim(1) && a.rest == Dim(0);
      if (plain) axis = a.coefficients.begin()->first;
    }
    if (axis < 0 || taken(axis)) {
      reason = "its result is not written point by point";
      return std::nullopt;
    }
    at.push_back(axis);
  }
  for (const Axis& axis : map.axes) {
    if (axis.ragged != nullptr) {
      reason = "it runs over a ragged axis";
      return std::nullopt;
    }
    if (!taken(axis.id) && !(axis.extent == Dim(1))) {
      reason = "it runs over more axes than its result has";
      return std::nullopt;
    }
  }
  return at;
}

bool is_position(const Map& map, std::int64_t operand) {
  bool found = false;
  const auto look = [&](const Expr& index) {
    visit_nodes(index, [&](const Expr& e) { found |= e->op == Scalar::read && e->integer == operand; });
  };
  for (const Stage& stage : map.stages) {
    for (const Expr& index : stage.index) look(index);
  }
  visit_map_nodes(map, [&](const Expr& e) {
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
  visit_nodes(value, [&](const Expr&) { ++size; });
  return size;
}

int map_size(const Map& map) {
  int size = 0;
  visit_map_nodes(map, [&](const Expr&) { ++size; });
  return size;
}

}  // namespace neap

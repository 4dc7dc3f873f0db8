#include "neap/ir/map_text.h"

#include <algorithm>

#include "neap/ir/infix.h"
#include "neap/ir/scalar.h"
#include "neap/ir/words.h"

namespace neap {
namespace {

constexpr int smallest_shared_part = 4;  // nodes; smaller parts are written again

// Words that mean something else where an axis may stand.
bool is_reserved(const std::string& text) {
  static const std::set<std::string> words = {"true", "false", "inf", "nan", "in", "to", "for", "local", "else"};
  return words.count(text) != 0 || text.find('.') != std::string::npos;
}

const Infix* infix(Scalar op) {
  const auto* const found = std::find_if(infixes.begin(), infixes.end(), [&](const Infix& i) { return i.op == op; });
  return found == infixes.end() ? nullptr : found;
}

}  // namespace

void MapPrinter::name(const Axis& axis) {
  if (names_.count(axis.id) != 0) return;
  std::string chosen = axis.name;
  if (!is_plain_word(chosen) || is_reserved(chosen) || taken_.count(chosen) != 0) {
    int i = static_cast<int>(names_.size());
    do {
      chosen = fmt::format("i{}", i++);
    } while (taken_.count(chosen) != 0);
  }
  taken_.insert(chosen);
  names_.emplace(axis.id, std::move(chosen));
}

std::string MapPrinter::axis_name(int id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? fmt::format("axis{}", id) : found->second;
}

// Names every axis in the expression and counts the uses of its parts, equal parts as one.
void MapPrinter::count(const Expr& root) {
  if (root->args.empty()) return;
  Part& part = parts_[hasher_.of(root)];
  if (part.uses++ > 0) return;
  for (const Axis& axis : root->axes) {
    name(axis);
    if (axis.ragged == nullptr) continue;
    count(axis.ragged->first);
    count(axis.ragged->second);
  }
  int total = 1;
  for (const Expr& arg : root->args) {
    count(arg);
    total = std::min(total + weight(arg), smallest_shared_part);
  }
  const bool plain_read =
      root->op == Scalar::read && std::all_of(root->args.begin(), root->args.end(), [](const Expr& arg) { return arg->args.empty(); });
  parts_[hasher_.of(root)].weight = plain_read ? 1 : total;
}

int MapPrinter::weight(const Expr& e) { return e->args.empty() ? 1 : parts_[hasher_.of(e)].weight; }

std::string MapPrinter::axes(const std::vector<Axis>& axes) {
  std::string text;
  for (const Axis& axis : axes) {
    name(axis);
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", axis_name(axis.id), axis.extent.to_string());
    if (axis.ragged == nullptr) continue;
    text += " in " + this->text(axis.ragged->first, 0);  // one after the other: the first may name what the second repeats
    text += " to " + this->text(axis.ragged->second, 0);
  }
  return text;
}

std::string MapPrinter::constant(const Expr::Node& node) const {
  if (node.dtype == DType::boolean) return node.integer != 0 ? "true" : "false";
  std::string text = is_float(node.dtype) ? number_text(node.dtype, node.number) : std::to_string(node.integer);
  if (node.dtype != DType::f32 && node.dtype != DType::i64) text += fmt::format(":{}", neap::name(node.dtype));
  return text;
}

std::string MapPrinter::operand(std::int64_t id) const {
  if (id < 0) return fmt::format("${}", -1 - id);
  return id < static_cast<std::int64_t>(operands_.size()) ? operands_[static_cast<std::size_t>(id)] : fmt::format("@{}", id);
}

std::string MapPrinter::list(const std::vector<Expr>& all, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += (i == 0 ? "" : ", ") + this->text(all[i], 0);
  return text;
}

std::string MapPrinter::text(const Expr& e, int around) {
  if (e->args.empty()) return bare(e, around);
  const auto part = parts_.find(hasher_.of(e));
  if (part == parts_.end() || part->second.uses < 2 || part->second.weight < smallest_shared_part) return bare(e, around);
  if (part->second.number >= 0) return fmt::format("#{}", part->second.number);
  const int number = part->second.number = next_part_++;
  return fmt::format("#{}=({})", number, bare(e, 0));
}

std::string MapPrinter::bare(const Expr& e, int around) {
  const Expr::Node& node = *e;
  switch (node.op) {
    case Scalar::constant:
      return constant(node);
    case Scalar::size:
      return "{" + node.dim.to_string() + "}";
    case Scalar::axis:
      return axis_name(static_cast<int>(node.integer));
    case Scalar::read: {
      const auto rank = std::min(static_cast<std::size_t>(std::max(node.rank, 0)), node.args.size());
      std::string inside;
      for (std::size_t i = 0; i < rank; ++i) inside += (i == 0 ? "" : ",") + text(node.args[i], 0);
      if (node.args.size() > rank) inside += (rank == 0 ? "else " : " else ") + text(node.args[rank], 0);
      return operand(node.integer) + "[" + inside + "]";
    }
    case Scalar::cast:
      return fmt::format("{}({})", neap::name(node.dtype), list(node.args, node.args.size()));
    case Scalar::reduce: {
      std::string own = axes(node.axes);
      return fmt::format("{}({}, {})", neap::name(node.reduction), own, list(node.args, node.args.size()));
    }
    case Scalar::neg:
      if (node.args[0]->op == Scalar::constant) break;
      return "-" + text(node.args[0], tightest);
    default:
      break;
  }
  const Infix* between = node.args.size() == 2 ? infix(node.op) : nullptr;
  if (between == nullptr) return fmt::format("{}({})", neap::name(node.op), list(node.args, node.args.size()));
  // Left-associative; comparisons do not chain.
  const int own = between->precedence;
  const std::string left = text(node.args[0], own == comparison ? own + 1 : own);
  const std::string right = text(node.args[1], own + 1);
  const std::string whole = fmt::format("{} {} {}", left, between->text, right);
  return own < around ? "(" + whole + ")" : whole;
}

std::string MapPrinter::expression(const Expr& root) {
  count(root);
  return text(root, 0);
}

std::string MapPrinter::stage(const Stage& stage) {
  std::string made;
  if (!stage.axes.empty()) made += "for " + axes(stage.axes) + " ";
  if (stage.target < 0) {
    made += fmt::format("${}", -1 - stage.target);
  } else {
    made += static_cast<std::size_t>(stage.target) < targets_.size() ? targets_[static_cast<std::size_t>(stage.target)]
                                                                     : fmt::format("out{}", stage.target);
  }
  static constexpr const char* assignments[] = {"=", "+=", "max=", "min="};
  std::string index;
  for (std::size_t i = 0; i < stage.index.size(); ++i) index += (i == 0 ? "" : ",") + text(stage.index[i], 0);
  return made + fmt::format("[{}] {} {}", index, assignments[static_cast<std::size_t>(stage.accumulate)], text(stage.value, 0));
}

std::string MapPrinter::body(const Map& map) {
  const auto count_axes = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      name(axis);
      if (axis.ragged == nullptr) continue;
      count(axis.ragged->first);
      count(axis.ragged->second);
    }
  };
  count_axes(map.axes);
  for (const Stage& stage : map.stages) {
    count_axes(stage.axes);
    for (const Expr& index : stage.index) count(index);
    count(stage.value);
  }
  std::string made = axes(map.axes);
  made += made.empty() ? "{" : " {";
  const char* separator = " ";
  for (std::size_t i = 0; i < map.locals.size(); ++i) {
    made += fmt::format("{}local ${}: {}{}", separator, i, neap::name(map.locals[i].dtype), to_string(map.locals[i].shape));
    separator = "; ";
  }
  for (const Stage& each : map.stages) {
    made += separator + stage(each);
    separator = "; ";
  }
  return made + " }";
}

std::string MapPrinter::schedule(const Schedule& schedule) {
  std::string text;
  if (!schedule.order.empty()) {
    text += " order=[";
    for (std::size_t i = 0; i < schedule.order.size(); ++i) text += (i == 0 ? "" : ",") + axis_name(schedule.order[i]);
    text += "]";
  }
  if (schedule.vector_axis != -1) text += " vector=" + axis_name(schedule.vector_axis);
  if (schedule.vector_width != 0) text += fmt::format(" width={}", schedule.vector_width);
  if (schedule.parallel_axis != -1) text += " parallel=" + axis_name(schedule.parallel_axis);
  if (schedule.unroll != 0) text += fmt::format(" unroll={}", schedule.unroll);
  if (!schedule.tile.empty()) {
    std::vector<std::pair<std::string, std::int64_t>> tiles;
    for (const auto& [axis, size] : schedule.tile) tiles.emplace_back(axis_name(axis), size);
    std::sort(tiles.begin(), tiles.end());
    text += " tile=[";
    for (std::size_t i = 0; i < tiles.size(); ++i) text += fmt::format("{}{}:{}", i == 0 ? "" : ",", tiles[i].first, tiles[i].second);
    text += "]";
  }
  return text.empty() ? "" : "schedule" + text;
}

std::string to_string(const Map& map, const std::vector<std::string>& operands) { return MapPrinter(operands, {}).body(map); }

std::string to_string(const Expr& expr, const std::vector<std::string>& operands, const std::vector<Axis>& axes) {
  MapPrinter printer(operands, {});
  printer.axes(axes);
  return printer.expression(expr);
}

}  // namespace neap

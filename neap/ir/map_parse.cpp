#include "neap/ir/map_parse.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "neap/base/error.h"
#include "neap/ir/infix.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

constexpr int deepest_nesting = 200;           // of brackets in the text
constexpr int deepest_expression = 1000;       // of the tree, so that walking it needs little stack
constexpr std::int64_t largest_bound = 10000;  // nodes of a ragged axis's bound
constexpr std::size_t highest_rank = 26;       // a layout has a letter for each axis

std::optional<DType> dtype_named(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    if (name(static_cast<DType>(i)) == word) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::optional<Reduction> reduction_named(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(Reduction::argmin); ++i) {
    if (name(static_cast<Reduction>(i)) == word) return static_cast<Reduction>(i);
  }
  return std::nullopt;
}

std::optional<Scalar> operation_named(std::string_view word) {
  static const std::unordered_map<std::string_view, Scalar> table = [] {
    std::unordered_map<std::string_view, Scalar> made;
    for (int i = static_cast<int>(Scalar::neg); i < static_cast<int>(Scalar::reduce); ++i)
      made.emplace(name(static_cast<Scalar>(i)), static_cast<Scalar>(i));
    return made;
  }();
  const auto found = table.find(word);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

DType parse_dtype_word(Cursor& cursor) {
  const std::string_view word = cursor.plain_word("a dtype");
  const auto found = dtype_named(word);
  if (!found) cursor.fail("'{}' is not a dtype", word.substr(0, 40));
  return *found;
}

namespace {
Shape parse_shape(Cursor& cursor) {
  Shape shape;
  cursor.expect("[");
  while (!cursor.take("]")) {
    if (!shape.empty()) cursor.expect(",");
    if (shape.size() == highest_rank) cursor.fail("a tensor has at most {} axes", highest_rank);
    shape.push_back(cursor.size());
  }
  return shape;
}
}  // namespace

Type parse_type(Cursor& cursor) {
  Type type;
  type.dtype = parse_dtype_word(cursor);
  type.shape = parse_shape(cursor);
  static constexpr std::array<std::string_view, 11> others = {"library",   "epilogue", "schedule", "kept",  "from",  "input",
                                                              "parameter", "state",    "fixed",    "const", "output"};
  if (!cursor.on_this_line() || !cursor.next_is_letter()) return type;
  const std::string_view tag = cursor.peek_word();
  if (std::find(others.begin(), others.end(), tag) != others.end()) return type;
  type.layout = Layout::parse(tag, type.rank());
  cursor.take_word(tag);
  return type;
}

MapParser::MapParser(Cursor& cursor, const std::vector<NamedOperand>& operands, const std::vector<std::string>& targets)
    : cursor_(cursor), operands_(operands), targets_(targets) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].name.empty()) positions_.emplace(operands[i].name, static_cast<std::int64_t>(i));
  }
}

Map MapParser::body() {
  Map map;
  map.axes = axes();
  cursor_.expect("{");
  while (cursor_.take_word("local")) {
    cursor_.expect("$");
    if (cursor_.integer("a number") != static_cast<std::int64_t>(locals_.size())) cursor_.fail("locals are numbered from 0 on");
    cursor_.expect(":");
    Local local{parse_dtype_word(cursor_), parse_shape(cursor_)};
    locals_.push_back(std::move(local));
    cursor_.expect(";");
  }
  do {
    map.stages.push_back(stage());
  } while (cursor_.take(";"));
  cursor_.expect("}");
  map.locals = locals_;
  return map;
}

std::vector<Axis> MapParser::axes() {
  std::vector<Axis> all;
  while (cursor_.next_is_letter() && cursor_.peek_behind_word() == ':') all.push_back(axis());
  return all;
}

Axis MapParser::axis() {
  Axis axis;
  axis.name = cursor_.plain_word("an axis");
  cursor_.expect(":");
  axis.extent = cursor_.size();
  if (cursor_.take_word("in")) {
    const Part begin = infix(1);
    if (!cursor_.take_word("to")) cursor_.fail("'to' is expected here");
    const Part end = infix(1);
    if (begin.size + end.size > largest_bound) cursor_.fail("the bounds of axis {} are too large", axis.name);
    axis.ragged = std::make_shared<const std::pair<Expr, Expr>>(begin.expr, end.expr);
  }
  define(axis);
  return axis;
}

// A name stands for one axis: where it stands again, it is the same.
void MapParser::define(Axis& axis) {
  axis.id = static_cast<int>(axes_.size());
  const auto [known, fresh] = axes_.emplace(axis.name, axis);
  if (fresh) return;
  const Axis& other = known->second;
  bool equal = other.extent == axis.extent && (other.ragged == nullptr) == (axis.ragged == nullptr);
  if (equal && axis.ragged != nullptr)
    equal = same(other.ragged->first, axis.ragged->first) && same(other.ragged->second, axis.ragged->second);
  if (!equal) cursor_.fail("{} is an axis of this map already, with other bounds", axis.name);
  axis = other;
}

int MapParser::target() {
  if (cursor_.take("$")) {
    const std::int64_t k = cursor_.integer("a number");
    if (k < 0 || k >= static_cast<std::int64_t>(locals_.size())) cursor_.fail("there is no local ${}", k);
    return static_cast<int>(-1 - k);
  }
  cursor_.expect("%");
  const std::string name = fmt::format("%{}", cursor_.small_integer("a value's number"));
  const auto found = std::find(targets_.begin(), targets_.end(), name);
  if (found == targets_.end()) cursor_.fail("{} is not a result of this map", name);
  return static_cast<int>(found - targets_.begin());
}

Stage MapParser::stage() {
  Stage stage;
  if (cursor_.take_word("for")) stage.axes = axes();
  stage.target = target();
  cursor_.expect("[");
  while (!cursor_.take("]")) {
    if (!stage.index.empty()) cursor_.expect(",");
    stage.index.push_back(whole());
  }
  if (cursor_.take("+=")) {
    stage.accumulate = Accumulate::sum;
  } else if (cursor_.take("max=")) {
    stage.accumulate = Accumulate::max;
  } else if (cursor_.take("min=")) {
    stage.accumulate = Accumulate::min;
  } else {
    cursor_.expect("=");
  }
  stage.value = whole();
  return stage;
}

Expr MapParser::whole() { return infix(1).expr; }

MapParser::Part MapParser::made(Expr::Node node, const std::vector<Part>& args) {
  Part part;
  for (const Part& arg : args) {
    part.depth = std::max(part.depth, arg.depth + 1);
    part.size = std::min(part.size + arg.size, std::int64_t{1} << 40);
    node.args.push_back(arg.expr);
  }
  if (part.depth > deepest_expression) cursor_.fail("an expression is more than {} operations deep", deepest_expression);
  part.expr = Expr(std::make_shared<const Expr::Node>(std::move(node)));
  return part;
}

MapParser::Part MapParser::infix(int precedence) {
  if (precedence == tightest) return prefix();
  Part left = infix(precedence + 1);
  for (;;) {
    const auto found =
        std::find_if(infixes.begin(), infixes.end(), [&](const Infix& i) { return i.precedence == precedence && cursor_.take(i.text); });
    if (found == infixes.end()) return left;
    const Part right = infix(precedence + 1);
    Expr::Node node;
    node.op = found->op;
    node.dtype = result_type(found->op, {left.expr, right.expr});
    left = made(std::move(node), {left, right});
    if (precedence == comparison) return left;
  }
}

MapParser::Part MapParser::prefix() {
  if (++nesting_ > deepest_nesting) cursor_.fail("brackets are nested more than {} deep", deepest_nesting);
  Part part;
  if (cursor_.take("(")) {
    part = infix(1);
    cursor_.expect(")");
  } else if (cursor_.take("{")) {
    Expr::Node node;
    node.op = Scalar::size;
    node.dtype = DType::i64;
    node.dim = cursor_.size();
    cursor_.expect("}");
    part = made(std::move(node), {});
  } else if (cursor_.take("#")) {
    part = shared();
  } else if (cursor_.peek("@") || cursor_.peek("$") || cursor_.peek("%") || cursor_.peek("\"")) {
    part = operand_by_position();
  } else if (cursor_.next_is_letter()) {
    part = word();
  } else if (cursor_.peek("-") && !cursor_.number_follows()) {
    cursor_.take("-");
    const Part arg = prefix();
    Expr::Node node;
    node.op = Scalar::neg;
    node.dtype = result_type(Scalar::neg, {arg.expr});
    part = made(std::move(node), {arg});
  } else {
    part = constant();
  }
  --nesting_;
  return part;
}

MapParser::Part MapParser::constant() {
  const std::string_view text = cursor_.number();
  const bool real = text.find_first_of(".en") != std::string_view::npos;
  Expr::Node node;
  node.dtype = real ? DType::f32 : DType::i64;
  if (cursor_.take(":")) node.dtype = parse_dtype_word(cursor_);
  if (real != is_float(node.dtype) || node.dtype == DType::boolean) cursor_.fail("'{}' is not a number of {}", text, name(node.dtype));
  const char *begin = text.data(), *end = text.data() + text.size();
  std::from_chars_result result{};
  if (!real) {
    result = std::from_chars(begin, end, node.integer);
    if (round_to(node.dtype, {0, node.integer}).integer != node.integer) cursor_.fail("{} does not fit {}", text, name(node.dtype));
  } else if (node.dtype == DType::f64) {
    result = std::from_chars(begin, end, node.number);
  } else {
    float value = 0;
    result = std::from_chars(begin, end, value);
    node.number = round_to(node.dtype, {value, 0}).real;
  }
  if (result.ec == std::errc::result_out_of_range) cursor_.fail("{} does not fit {}", text, name(node.dtype));
  if (result.ec != std::errc() || result.ptr != end) cursor_.fail("'{}' is not a number", text);
  return made(std::move(node), {});
}

MapParser::Part MapParser::shared() {
  const int number = cursor_.small_integer("a number");
  if (!cursor_.take("=(")) {
    const auto found = shared_.find(number);
    if (found == shared_.end()) cursor_.fail("#{} is used before it is given", number);
    return found->second;
  }
  Part part = infix(1);
  cursor_.expect(")");
  if (!shared_.emplace(number, part).second) cursor_.fail("#{} is given twice", number);
  return part;
}

MapParser::Part MapParser::operand_by_position() {
  if (cursor_.take("$")) {
    const std::int64_t k = cursor_.integer("a number");
    if (k < 0 || k >= static_cast<std::int64_t>(locals_.size())) cursor_.fail("there is no local ${}", k);
    return read(-1 - k, locals_[static_cast<std::size_t>(k)].dtype);
  }
  std::int64_t position = 0;
  if (cursor_.take("@")) {
    position = cursor_.integer("an operand's position");
    if (position < 0 || position >= static_cast<std::int64_t>(operands_.size())) cursor_.fail("there is no operand {}", position);
  } else {
    const std::string name = cursor_.value_name();
    const auto found = positions_.find(name);
    if (found == positions_.end()) cursor_.fail("{} is not an operand of this map", name);
    position = found->second;
  }
  return read(position, operands_[static_cast<std::size_t>(position)].dtype);
}

MapParser::Part MapParser::read(std::int64_t operand, DType dtype) {
  if (operand >= 0 && operands_[static_cast<std::size_t>(operand)].absent) cursor_.fail("operand {} is absent", operand);
  Expr::Node node;
  node.op = Scalar::read;
  node.dtype = dtype;
  node.integer = operand;
  std::vector<Part> args;
  cursor_.expect("[");
  while (!cursor_.peek("]") && cursor_.peek_word() != "else") {
    if (!args.empty()) cursor_.expect(",");
    args.push_back(infix(1));
  }
  node.rank = static_cast<int>(args.size());
  if (cursor_.take_word("else")) args.push_back(infix(1));
  cursor_.expect("]");
  return made(std::move(node), args);
}

MapParser::Part MapParser::word() {
  const char behind = cursor_.peek_behind_word();
  if (behind != '[' && behind != '(') {
    const std::string_view word = cursor_.peek_word();
    if (word == "inf" || word == "nan") return constant();
    cursor_.take_word(word);
    Expr::Node node;
    if (word == "true" || word == "false") {
      node.dtype = DType::boolean;
      node.integer = word == "true" ? 1 : 0;
      return made(std::move(node), {});
    }
    const auto found = axes_.find(std::string(word));
    if (found == axes_.end()) cursor_.fail("there is no axis '{}' in this map", word.substr(0, 40));
    node.op = Scalar::axis;
    node.dtype = DType::i64;
    node.integer = found->second.id;
    return made(std::move(node), {});
  }
  const std::string_view word = cursor_.plain_word("a name");
  if (behind == '[') {
    const auto found = positions_.find(std::string(word));
    if (found == positions_.end()) cursor_.fail("'{}' is not an operand of this map", word.substr(0, 40));
    return read(found->second, operands_[static_cast<std::size_t>(found->second)].dtype);
  }
  cursor_.expect("(");
  if (const auto dtype = dtype_named(word)) {
    Expr::Node node;
    node.op = Scalar::cast;
    node.dtype = *dtype;
    const std::vector<Part> args = arguments();
    if (args.size() != 1) cursor_.fail("a cast takes one argument");
    return made(std::move(node), args);
  }
  const auto kind = reduction_named(word);
  const bool number = cursor_.peek_word() == "inf" || cursor_.peek_word() == "nan";  // with a dtype: nan:f64
  if (kind && !number && cursor_.next_is_letter() && cursor_.peek_behind_word() == ':') return reduction(*kind);
  const auto op = operation_named(word);
  if (!op) cursor_.fail("there is no operation '{}'", word.substr(0, 40));
  return operation(*op);
}

std::vector<MapParser::Part> MapParser::arguments() {
  std::vector<Part> args{infix(1)};
  while (cursor_.take(",")) args.push_back(infix(1));
  cursor_.expect(")");
  return args;
}

MapParser::Part MapParser::operation(Scalar op) {
  const std::vector<Part> args = arguments();
  if (static_cast<int>(args.size()) != arity(op)) cursor_.fail("{} takes {} arguments, not {}", name(op), arity(op), args.size());
  Expr::Node node;
  node.op = op;
  std::vector<Expr> exprs;
  for (const Part& arg : args) exprs.push_back(arg.expr);
  node.dtype = result_type(op, exprs);
  return made(std::move(node), args);
}

MapParser::Part MapParser::reduction(Reduction kind) {
  Expr::Node node;
  node.op = Scalar::reduce;
  node.reduction = kind;
  node.axes = axes();
  cursor_.expect(",");
  const std::vector<Part> args = arguments();
  if (args.size() != 1) cursor_.fail("a reduction takes one argument");
  const bool position = kind == Reduction::argmax || kind == Reduction::argmin;
  const bool logical = kind == Reduction::any || kind == Reduction::all;
  node.dtype = position ? DType::i64 : logical ? DType::boolean : args[0].expr.dtype();
  return made(std::move(node), args);
}

int MapParser::axis_id() {
  const std::string_view word = cursor_.plain_word("an axis");
  const auto found = axes_.find(std::string(word));
  if (found == axes_.end()) cursor_.fail("there is no axis '{}' in this map", word.substr(0, 40));
  return found->second.id;
}

Schedule MapParser::schedule() {
  Schedule schedule;
  while (cursor_.next_is_letter() && cursor_.peek_behind_word() == '=') {
    const std::string_view key = cursor_.plain_word("a part of a schedule");
    cursor_.expect("=");
    if (key == "order") {
      cursor_.expect("[");
      do {
        schedule.order.push_back(axis_id());
      } while (cursor_.take(","));
      cursor_.expect("]");
    } else if (key == "vector") {
      schedule.vector_axis = axis_id();
    } else if (key == "width") {
      schedule.vector_width = cursor_.small_integer("a width");
    } else if (key == "parallel") {
      schedule.parallel_axis = axis_id();
    } else if (key == "unroll") {
      schedule.unroll = cursor_.small_integer("a count");
    } else if (key == "tile") {
      cursor_.expect("[");
      do {
        const int axis = axis_id();
        cursor_.expect(":");
        schedule.tile[axis] = cursor_.integer("a size");
      } while (cursor_.take(","));
      cursor_.expect("]");
    } else {
      cursor_.fail("'{}' is not a part of a schedule", key.substr(0, 40));
    }
  }
  return schedule;
}

}  // namespace neap

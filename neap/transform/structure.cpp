#include "neap/transform/structure.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>

#include "neap/transform/map_edit.h"

namespace neap {
namespace {

bool commutative(Scalar op) {
  switch (op) {
    case Scalar::add:
    case Scalar::mul:
    case Scalar::min:
    case Scalar::max:
    case Scalar::equal:
    case Scalar::not_equal:
    case Scalar::logical_and:
    case Scalar::logical_or:
    case Scalar::logical_xor:
    case Scalar::bit_and:
    case Scalar::bit_or:
    case Scalar::bit_xor:
      return true;
    default:
      return false;
  }
}

bool commutative(const std::string& op) {
  static constexpr std::array<std::string_view, 12> ops = {"add",         "mul",        "minimum",     "maximum", "equal",  "not_equal",
                                                           "logical_and", "logical_or", "logical_xor", "bit_and", "bit_or", "bit_xor"};
  return std::find(ops.begin(), ops.end(), op) != ops.end();
}

void add_type(Hasher& hasher, const Type& type) {
  hasher.add(static_cast<std::uint64_t>(type.dtype)).add(type.shape.size()).add(type.layout.levels.size());
  for (const Dim& size : type.shape) size.feed(hasher);
  for (const Layout::Level& level : type.layout.levels) {
    hasher.add(static_cast<std::uint64_t>(level.axis)).add(static_cast<std::uint64_t>(level.block));
  }
}

void add_attribute(Hasher& hasher, const Attribute& attribute) {
  hasher.add(attribute.index());
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          hasher.add(value);
        } else if constexpr (std::is_same_v<T, double>) {
          hasher.add(std::bit_cast<std::uint64_t>(value));
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          hasher.add(value.size());
          for (const std::int64_t x : value) hasher.add(static_cast<std::uint64_t>(x));
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          hasher.add(value.size());
          for (const double x : value) hasher.add(std::bit_cast<std::uint64_t>(x));
        } else if constexpr (std::is_same_v<T, std::vector<Dim>>) {
          hasher.add(value.size());
          for (const Dim& x : value) x.feed(hasher);
        } else {
          hasher.add(static_cast<std::uint64_t>(value));
        }
      },
      attribute);
}

// Expressions of one map; axes are numbered in the order in which they are met.
class MapStructure {
 public:
  MapStructure(const Node& node, const std::function<ValueId(ValueId)>& resolve) {
    for (const ValueId id : node.inputs) operands_.push_back(id == no_value ? no_value : resolve(id));
  }

  void add(Hasher& hasher, const Map& map) {
    add_axes(hasher, map.axes);
    hasher.add(map.locals.size());
    for (const Local& local : map.locals) add_type(hasher, {local.dtype, local.shape, {}});
    hasher.add(map.stages.size());
    for (const Stage& stage : map.stages) {
      add_axes(hasher, stage.axes);
      hasher.add(static_cast<std::uint64_t>(static_cast<std::int64_t>(stage.target))).add(static_cast<std::uint64_t>(stage.accumulate));
      hasher.add(stage.index.size());
      for (const Expr& index : stage.index) add_hash(hasher, of(index));
      add_hash(hasher, of(stage.value));
    }
  }

 private:
  static void add_hash(Hasher& hasher, const Hash& hash) { hasher.add(hash.low).add(hash.high); }

  void add_axes(Hasher& hasher, const std::vector<Axis>& axes) {
    hasher.add(axes.size());
    for (const Axis& axis : axes) {
      numbers_.emplace(axis.id, static_cast<int>(numbers_.size()));
      hasher.add(static_cast<std::uint64_t>(numbers_.at(axis.id)));
      axis.extent.feed(hasher);
      hasher.add(axis.ragged != nullptr ? 1 : 0);
      if (axis.ragged == nullptr) continue;
      add_hash(hasher, of(axis.ragged->first));
      add_hash(hasher, of(axis.ragged->second));
    }
  }

  Hash of(const Expr& e) {
    const auto known = memo_.find(e.node().get());
    if (known != memo_.end()) return known->second;
    Hasher hasher;
    hasher.add(static_cast<std::uint64_t>(e->op)).add(static_cast<std::uint64_t>(e->dtype));
    switch (e->op) {
      case Scalar::constant:
        hasher.add(std::bit_cast<std::uint64_t>(e->number)).add(static_cast<std::uint64_t>(e->integer));
        break;
      case Scalar::size:
        e->dim.feed(hasher);
        break;
      case Scalar::axis:
        hasher.add(static_cast<std::uint64_t>(numbers_.at(static_cast<int>(e->integer))));
        break;
      case Scalar::read:
        hasher.add(e->integer < 0 ? 1 : 0);
        hasher.add(static_cast<std::uint64_t>(e->integer < 0 ? e->integer : operands_[static_cast<std::size_t>(e->integer)]));
        break;
      case Scalar::reduce:
        hasher.add(static_cast<std::uint64_t>(e->reduction));
        add_axes(hasher, e->axes);
        break;
      default:
        break;
    }
    std::vector<Hash> arguments;
    for (const Expr& arg : e->args) arguments.push_back(of(arg));
    if (commutative(e->op)) {
      std::sort(arguments.begin(), arguments.end(),
                [](const Hash& a, const Hash& b) { return std::pair(a.high, a.low) < std::pair(b.high, b.low); });
    }
    hasher.add(arguments.size());
    for (const Hash& argument : arguments) add_hash(hasher, argument);
    return memo_[e.node().get()] = hasher.finish();
  }

  std::vector<ValueId> operands_;
  std::unordered_map<int, int> numbers_;
  std::unordered_map<const Expr::Node*, Hash> memo_;
};

}  // namespace

Hash structure(const Graph& graph, const Node& node, const std::function<ValueId(ValueId)>& resolve) {
  Hasher hasher;
  hasher.add(node.outputs.size());
  for (const ValueId id : node.outputs) add_type(hasher, graph.type(id));
  if (node.is_map()) {
    hasher.add(1);
    MapStructure(node, resolve).add(hasher, *node.map);
    return hasher.finish();
  }
  hasher.add(2).add(node.op).add(node.implementation).add(node.attributes.size());
  for (const auto& [name, attribute] : node.attributes) {
    hasher.add(name);
    add_attribute(hasher, attribute);
  }
  std::vector<ValueId> operands;
  for (const ValueId id : node.inputs) operands.push_back(id == no_value ? no_value : resolve(id));
  if (commutative(node.op)) std::sort(operands.begin(), operands.end());
  hasher.add(operands.size());
  for (const ValueId id : operands) hasher.add(static_cast<std::uint64_t>(id));
  hasher.add(node.epilogue != nullptr ? 1 : 0);
  if (node.epilogue == nullptr) return hasher.finish();
  // The epilogue's operand 0 is the call's result: no value of the graph.
  Node epilogue;
  epilogue.inputs.assign(node.inputs.begin() + node.epilogue_first, node.inputs.end());
  epilogue.inputs.insert(epilogue.inputs.begin(), no_value);
  MapStructure(epilogue, resolve).add(hasher, *node.epilogue);
  return hasher.finish();
}

}  // namespace neap

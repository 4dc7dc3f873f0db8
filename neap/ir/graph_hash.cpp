// The identity of a program: equal for graphs that compute the same in the same steps, whatever their values are numbered and named.
#include <algorithm>
#include <bit>

#include "neap/ir/expr_hash.h"
#include "neap/ir/map_hash.h"

namespace neap {
namespace {

void feed(Hasher& hasher, const Type& type) {
  hasher.add(static_cast<std::uint64_t>(type.dtype) | type.shape.size() << 8 | type.layout.levels.size() << 32);
  for (const Dim& size : type.shape) size.feed(hasher);
  for (const Layout::Level& level : type.layout.levels) {
    hasher.add(static_cast<std::uint64_t>(level.axis)).add(static_cast<std::uint64_t>(level.block));
  }
}

void feed(Hasher& hasher, const Attribute& attribute) {
  hasher.add(attribute.index());
  const auto one = [&]<class T>(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      hasher.add(std::string_view(value));
    } else if constexpr (std::is_same_v<T, double>) {
      hasher.add(value == value ? std::bit_cast<std::uint64_t>(value) : 0x7FF8ull << 48);  // one NaN
    } else if constexpr (std::is_same_v<T, Dim>) {
      value.feed(hasher);
    } else {
      hasher.add(static_cast<std::uint64_t>(value));
    }
  };
  std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_same_v<T, std::vector<std::int64_t>> || std::is_same_v<T, std::vector<double>> ||
                      std::is_same_v<T, std::vector<Dim>>) {
          hasher.add(value.size());
          for (const auto& element : value) one(element);
        } else {
          one(value);
        }
      },
      attribute);
}

void feed(Hasher& hasher, const Map& map, ExprHasher& expressions) {
  expressions.feed(hasher, map.axes);
  hasher.add(map.locals.size());
  for (const Local& local : map.locals) feed(hasher, Type{local.dtype, local.shape, {}});
  hasher.add(map.stages.size());
  for (const Stage& stage : map.stages) {
    expressions.feed(hasher, stage.axes);
    hasher.add(static_cast<std::uint64_t>(stage.target)).add(static_cast<std::uint64_t>(stage.accumulate)).add(stage.index.size());
    for (const Expr& index : stage.index) expressions.feed(hasher, index);
    expressions.feed(hasher, stage.value);
  }
}

void feed(Hasher& hasher, const Schedule& schedule, ExprHasher& axes) {
  const auto number = [&](int axis) { return axis < 0 ? ~std::uint64_t{0} : axes.number(axis); };
  hasher.add(schedule.order.size());
  for (const int axis : schedule.order) hasher.add(number(axis));
  hasher.add(number(schedule.vector_axis)).add(static_cast<std::uint64_t>(schedule.vector_width));
  hasher.add(number(schedule.parallel_axis)).add(static_cast<std::uint64_t>(schedule.unroll));
  std::vector<std::pair<std::uint64_t, std::int64_t>> tiles;
  for (const auto& [axis, size] : schedule.tile) tiles.emplace_back(number(axis), size);
  std::sort(tiles.begin(), tiles.end());
  hasher.add(tiles.size());
  for (const auto& [axis, size] : tiles) hasher.add(axis).add(static_cast<std::uint64_t>(size));
}

class GraphHasher {
 public:
  explicit GraphHasher(const Graph& graph) : graph_(graph), numbers_(static_cast<std::size_t>(graph.value_count()), 0) {}

  Hash run() {
    hasher_.add(graph_.inputs.size());
    for (const Input& input : graph_.inputs) {
      hasher_.add(std::string_view(input.name)).add(static_cast<std::uint64_t>(input.role));
      define(input.value);
    }
    for (const NodePtr& node : graph_.nodes()) add(*node);
    hasher_.add(graph_.outputs.size());
    for (const Output& output : graph_.outputs) {
      use(output.value);
      hasher_.add(std::string_view(output.name)).add(static_cast<std::uint64_t>(output.updates));
    }
    return hasher_.finish();
  }

 private:
  void define(ValueId id) {
    numbers_[static_cast<std::size_t>(id)] = ++last_;
    feed(hasher_, graph_.type(id));
  }

  // Constants are numbered, and their elements count, where they are first used.
  void use(ValueId id) {
    if (id == no_value) {
      hasher_.add(0);
      return;
    }
    std::uint64_t& number = numbers_[static_cast<std::size_t>(id)];
    if (number == 0) {
      define(id);
      if (const auto& elements = graph_.value(id).constant) {
        hasher_.add(std::string_view(reinterpret_cast<const char*>(elements->raw()), static_cast<std::size_t>(elements->bytes())));
      }
    }
    hasher_.add(number);
  }

  void add(const Node& node) {
    const std::uint64_t parts = (node.map != nullptr ? 1 : 0) | (node.epilogue != nullptr ? 2 : 0) | (node.kept ? 4 : 0);
    hasher_.add(std::string_view(node.op)).add(parts | node.inputs.size() << 8 | node.outputs.size() << 32);
    for (const ValueId id : node.inputs) use(id);
    for (const ValueId id : node.outputs) define(id);
    hasher_.add(node.attributes.size());
    for (const auto& [name, value] : node.attributes) {
      hasher_.add(std::string_view(name));
      feed(hasher_, value);
    }
    hasher_.add(std::string_view(node.implementation));
    if (node.map != nullptr) {
      ExprHasher expressions;
      feed(hasher_, *node.map, expressions);
      feed(hasher_, node.schedule, expressions);
    }
    if (node.epilogue != nullptr) {
      ExprHasher expressions;
      hasher_.add(static_cast<std::uint64_t>(node.epilogue_first));
      feed(hasher_, *node.epilogue, expressions);
    }
  }

  const Graph& graph_;
  Hasher hasher_;
  std::vector<std::uint64_t> numbers_;  // of values, in order of appearance; 0: none yet
  std::uint64_t last_ = 0;
};

}  // namespace

Hash map_hash(const Graph& graph, const Node& map) {
  Hasher hasher;
  for (const std::vector<ValueId>* ids : {&map.inputs, &map.outputs}) {
    hasher.add(ids->size());
    for (const ValueId id : *ids) {
      hasher.add(id == no_value ? 0 : 1);
      if (id != no_value) feed(hasher, graph.type(id));
    }
  }
  ExprHasher expressions;
  feed(hasher, *map.map, expressions);
  feed(hasher, map.schedule, expressions);
  return hasher.finish();
}

Hash structural_hash(const Graph& graph) { return GraphHasher(graph).run(); }

}  // namespace neap

// Random graphs, made from the operators' own descriptions: an operator is picked, operands and attributes are tried until it takes them,
// and its result is computed at once, so that what overflows, reads out of bounds or is too large is not kept. Operands whose names say so
// (offsets, columns, ...) are the lists of a sparse pattern that fit each other.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/ir/map_walk.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "tests/support/random_lists.h"
#include "tests/support/written.h"

namespace neap::testing {

struct RandomOptions {
  int least_nodes = 5, most_nodes = 60;
  DType dtype = DType::f64;           // of the floating-point inputs
  bool smooth = false;                // leave out what jumps (floor, comparisons, arg max): a rounding would change results
  std::int64_t most_elements = 4096;  // of a value
  double largest = 1e3;               // of an element's absolute value
  std::set<std::string> without;      // operators left out
  std::set<std::string> often;        // operators that every third call is of
  std::vector<std::int64_t> sizes = {1, 2, 2, 3, 3, 4, 5, 6, 7};  // of axes
  std::string symbol = "N";                                       // of graphs whose sizes may be a symbol (every other one)
  std::vector<std::int64_t> symbol_values = {1, 6, 6, 6};
};

struct RandomGraph {
  std::uint64_t seed = 0;
  Graph graph;
  std::vector<Array> inputs;
};

class RandomGraphMaker {
 public:
  RandomGraphMaker(std::uint64_t seed, RandomOptions options) : seed_(seed), options_(std::move(options)), random_(seed), build_(graph_) {
    for (const Operator* op : all_operators()) {
      if (options_.without.count(op->name) != 0) continue;
      if (options_.smooth && !op->differentiable) continue;
      operators_.push_back(op);
      if (options_.often.count(op->name) != 0) often_.push_back(op);
      if (op->inputs.size() <= 2 && op->attributes.empty()) simple_.push_back(op);
    }
  }

  RandomGraph make() {
    graph_.name = "random";
    symbolic_ = chance(50);
    symbols_[options_.symbol] = one_of(options_.symbol_values);
    if (symbolic_) {
      Shape shape = random_shape();
      shape.insert(shape.begin(), Dim::symbol(options_.symbol));
      add_input({options_.dtype, small_enough(std::move(shape)), {}});
    }
    const int inputs = 1 + below(3);
    for (int i = 0; i < inputs; ++i) add_input({options_.dtype, random_shape(), {}});
    const int wanted = options_.least_nodes + below(options_.most_nodes - options_.least_nodes + 1);
    for (int tries = 0; static_cast<int>(graph_.nodes().size()) < wanted && tries < 40 * wanted; ++tries) try_call();
    add_outputs();
    RandomGraph made{seed_, graph_, {}};
    for (const Input& input : graph_.inputs) made.inputs.push_back(elements_.at(input.value));
    return made;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T>
  const T& one_of(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

  Dim random_size() { return one_of(options_.sizes); }

  Shape random_shape() {
    Shape shape(static_cast<std::size_t>(below(5)));
    for (Dim& size : shape) size = random_size();
    if (!shape.empty() && symbolic_ && chance(40)) shape[0] = Dim::symbol(options_.symbol);
    return small_enough(std::move(shape));
  }

  Shape small_enough(Shape shape) const {
    while (element_count(evaluate(shape, symbols_)) > options_.most_elements) shape.pop_back();
    return shape;
  }

  Array random_elements(const Type& type) {
    Array made(type.dtype, evaluate(type.shape, symbols_));
    for (std::int64_t i = 0; i < made.count(); ++i) {
      const double uniform = static_cast<double>(random_() >> 11) * 0x1p-53;
      made.set(i, is_float(type.dtype) ? 4 * uniform - 2 : std::floor(uniform * 2));  // integers are mostly positions: 0 or 1
    }
    return made;
  }

  Var add_input(const Type& type) { return add_input(type, random_elements(type)); }

  Var add_input(const Type& type, Array elements) {
    const Role role = graph_.inputs.empty() || chance(50) ? Role::input : Role::parameter;
    const Var input = build_.input("x" + std::to_string(graph_.inputs.size()), type, role);
    elements_[input.id()] = std::move(elements);
    values_.push_back(input.id());
    return input;
  }

  Var add_constant(const Type& type) {
    const Var made = build_.constant(random_elements(type));
    elements_[made.id()] = *graph_.value(made.id()).constant;
    return made;
  }

  bool is_symbolic(const Shape& shape) const {
    return std::any_of(shape.begin(), shape.end(), [](const Dim& size) { return !size.is_constant(); });
  }

  // A value that is there, the later ones more often.
  Var some_value() {
    const int count = static_cast<int>(values_.size());
    const int back = std::min(below(count), below(count));
    return build_.wrap(values_[static_cast<std::size_t>(count - 1 - back)]);
  }

  // The kinds of shape that second operands have beside a first: the same, one that broadcasts, per channel, a matrix, filters.
  Shape partner_shape(const Shape& first) {
    Shape shape = first;
    switch (below(7)) {
      case 0:
        return shape;
      case 1:
        for (Dim& size : shape) {
          if (chance(50)) size = 1;
        }
        return shape;
      case 2:
        return first.size() > 1 ? Shape{first[1]} : shape;
      case 3:
        return first.empty() ? shape : Shape{first.back()};
      case 4:
        if (shape.size() < 2) return shape;
        shape[shape.size() - 2] = first.back();
        shape.back() = random_size();
        return shape;
      case 5:
        if (shape.size() < 3) return shape;
        shape[0] = random_size();
        for (std::size_t i = 2; i < shape.size(); ++i) shape[i] = 1 + below(3);
        return shape;
      default:
        if (shape.size() < 3) return shape;
        shape[0] = first[1];
        shape[1] = 1;
        for (std::size_t i = 2; i < shape.size(); ++i) shape[i] = 1 + below(3);
        return shape;
    }
  }

  // What operands hold that an operator's description names so; sizes are often those of the call's other operands.
  std::map<std::string, List> some_lists(const std::vector<Var>& before) {
    const auto size = [&] {
      const Shape shape = before.empty() || !before.front() || chance(30) ? Shape() : one_of(before) ? one_of(before).shape() : Shape();
      return !shape.empty() && shape[0].is_constant() ? shape[0].constant() : random_size().constant();
    };
    const std::int64_t rows = size(), columns = size(), entries = size();
    return random_lists(rows, columns, entries, chance(50), random_);
  }

  Var add_list(const List& list) {
    const DType dtype = chance(50) ? DType::i64 : DType::i32;
    Array elements(dtype, {static_cast<std::int64_t>(list.size())});
    for (std::int64_t i = 0; i < elements.count(); ++i) elements.set_int(i, list[static_cast<std::size_t>(i)]);
    return add_input({dtype, {elements.count()}, {}}, elements);
  }

  Var some_operand(const Operator& op, std::size_t index, const std::vector<Var>& before) {
    const InputSpec& spec = op.inputs[std::min(index, op.inputs.size() - 1)];
    if (list_names_.count(spec.name) != 0) {
      if (lists_.empty()) lists_ = some_lists(before);
      return lists_.count(spec.name) != 0 ? add_list(lists_[spec.name]) : Var();
    }
    if (index == 0) return some_value();
    if (spec.kind == InputSpec::optional && chance(50)) return {};
    const Shape wanted = chance(75) ? partner_shape(before[0].shape()) : partner_shape(before.back() ? before.back().shape() : Shape{});
    if (chance(60)) {
      for (int tries = 0; tries < 10; ++tries) {
        const Var there = some_value();
        if (there.shape() == wanted) return there;
      }
    }
    static const std::vector<DType> others = {DType::i64, DType::boolean};
    const Type type{chance(85) ? options_.dtype : one_of(others), wanted, {}};
    return !is_symbolic(wanted) && chance(30) ? add_constant(type) : add_input(type);
  }

  std::vector<std::int64_t> some_integers(const std::string& name, int rank) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(rank));
    for (int i = 0; i < rank; ++i) all[static_cast<std::size_t>(i)] = i;
    if (name == "axes" || name == "permutation") {
      for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[static_cast<std::size_t>(below(static_cast<int>(i)))]);
      if (name == "axes" && rank > 0) all.resize(static_cast<std::size_t>(1 + below(rank)));
      return all;
    }
    const int lengths[] = {rank, std::max(0, rank - 2), 2 * rank, 2 * std::max(0, rank - 2), 1, 2};
    std::vector<std::int64_t> some(static_cast<std::size_t>(lengths[below(6)]));
    for (std::int64_t& value : some) value = below(3) + (name == "pads" || name == "starts" ? 0 : 1);
    return some;
  }

  Shape some_sizes(const Shape& first) {
    Shape shape = first;
    switch (below(4)) {
      case 0:
        return {element_count(first)};
      case 1:
        if (shape.size() < 2) return {1, element_count(first)};
        shape[1] = shape[0] * shape[1];
        shape.erase(shape.begin());
        return shape;
      case 2:
        shape.insert(shape.begin() + below(static_cast<int>(shape.size()) + 1), Dim(1));
        return shape;
      default:
        for (Dim& size : shape) {
          if (size == Dim(1)) size = random_size();
        }
        if (chance(40)) shape.insert(shape.begin(), random_size());
        return shape;
    }
  }

  Attributes some_attributes(const Operator& op, const Shape& first) {
    Attributes attributes;
    const int rank = static_cast<int>(first.size());
    for (const AttributeSpec& spec : op.attributes) {
      if (!spec.required && chance(40)) continue;
      const Attribute& kind = spec.default_value;
      if (std::holds_alternative<bool>(kind)) {
        attributes[spec.name] = chance(50);
      } else if (std::holds_alternative<std::int64_t>(kind)) {
        const bool of_channels = spec.name == "groups" && rank > 1 && first[1].is_constant() && chance(60);
        attributes[spec.name] = of_channels ? first[1].constant() : static_cast<std::int64_t>(below(4)) - (spec.name == "axis" ? 1 : 0);
      } else if (std::holds_alternative<std::vector<std::int64_t>>(kind)) {
        attributes[spec.name] = some_integers(spec.name, rank);
      } else if (std::holds_alternative<std::vector<Dim>>(kind)) {
        attributes[spec.name] = some_sizes(first);
      } else if (std::holds_alternative<DType>(kind)) {
        attributes[spec.name] = options_.dtype;
      } else if (spec.required && std::holds_alternative<double>(kind)) {
        attributes[spec.name] = 0.5 * below(5);
      }
    }
    return attributes;
  }

  void try_call() {
    const bool one_often = !often_.empty() && chance(33);
    const Operator& op = *one_of(one_often ? often_ : chance(50) ? simple_ : operators_);
    lists_.clear();
    const Graph before = graph_;
    const auto known = values_;
    std::vector<Var> operands;
    std::size_t wanted = op.inputs.size();
    if (!op.inputs.empty() && op.inputs.back().kind == InputSpec::variadic) wanted += static_cast<std::size_t>(below(3));
    try {
      for (std::size_t i = 0; i < wanted; ++i) operands.push_back(some_operand(op, i, operands));
      const Shape first = operands.empty() ? random_shape() : operands[0].shape();
      const std::vector<Var> results = build_.calls(op.name, operands, some_attributes(op, first));
      if (compute(*graph_.nodes().back(), results)) return;
    } catch (const Error&) {
      // The operator does not take such operands.
    }
    graph_ = before;
    values_ = known;
  }

  // Whether the results are worth keeping; then their elements are kept.
  bool compute(const Node& node, const std::vector<Var>& results) {
    Graph single;
    Node copy = node;
    std::vector<Array> given;
    std::unordered_map<ValueId, ValueId> renamed;
    std::int64_t work = 1;
    for (ValueId& id : copy.inputs) {
      if (id == no_value) continue;
      if (renamed.count(id) == 0) {
        renamed[id] = single.add_input("x" + std::to_string(id), graph_.type(id));
        given.push_back(elements_.at(id));
      }
      id = renamed[id];
    }
    for (ValueId& id : copy.outputs) {
      work = element_count(evaluate(graph_.type(id).shape, symbols_));
      if (work > options_.most_elements || work == 0) return false;
      id = single.add_value(graph_.type(id));
      single.add_output(id, "y" + std::to_string(single.outputs.size()));
    }
    single.append(std::move(copy));
    if (symbolic_) {  // a size that no operand has may be the graph's
      single.add_input("sizes", {DType::u8, {Dim::symbol(options_.symbol)}, {}});
      given.push_back(Array::zeros(DType::u8, {symbols_.at(options_.symbol)}));
    }
    const std::vector<Array> made = interpret(single, given);
    if (!writes_all(single, given) || multiplies_many(single)) return false;
    for (const Array& array : made) {
      for (std::int64_t i = 0; i < array.count(); ++i) {
        if (!(std::abs(array.get(i)) <= options_.largest)) return false;
      }
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      elements_[results[i].id()] = made[i];
      values_.push_back(results[i].id());
    }
    return true;
  }

  // Products of very many numbers leave the range of floats in one order and not in another.
  bool multiplies_many(const Graph& graph) const {
    constexpr std::int64_t most_factors = 256;
    bool many = false;
    const Graph primitives = expand_composites(graph);
    for (const NodePtr& node : primitives.nodes()) {
      visit_map(define(make_call(primitives, *node)).map, [&](const Expr& e) {
        if (e->op != Scalar::reduce || e->reduction != Reduction::prod) return;
        std::int64_t factors = 1;
        for (const Axis& axis : e->axes) factors *= axis.extent.evaluate(symbols_);
        many |= factors > most_factors;
      });
    }
    return many;
  }

  void add_outputs() {
    const Uses uses(graph_);
    for (const ValueId id : values_) {
      if (uses.producer(id) >= 0 && (uses.users(id).empty() || chance(10))) {
        graph_.add_output(id, "y" + std::to_string(graph_.outputs.size()));
      }
    }
    if (graph_.outputs.empty()) graph_.add_output(values_.back(), "y0");
  }

  std::uint64_t seed_;
  RandomOptions options_;
  std::mt19937_64 random_;
  Graph graph_;
  Builder build_;
  Symbols symbols_;
  bool symbolic_ = false;  // whether sizes may be the symbol
  std::vector<const Operator*> operators_, simple_, often_;
  std::vector<ValueId> values_;
  std::unordered_map<ValueId, Array> elements_;
  const std::set<std::string> list_names_ = {"offsets", "columns", "t_offsets", "t_rows", "t_order", "permutation"};
  std::map<std::string, List> lists_;  // those of the call that is tried
};

inline RandomGraph random_graph(std::uint64_t seed, const RandomOptions& options = {}) { return RandomGraphMaker(seed, options).make(); }

// How many graphs a test tries: `usually`, or its share of those that NEAP_RANDOM_GRAPHS asks for.
inline int graphs_wanted(int usually, int usually_in_all) {
  const std::string wanted = environment_value("NEAP_RANDOM_GRAPHS");
  if (wanted.empty()) return usually;
  return static_cast<int>((std::atoll(wanted.c_str()) * usually + usually_in_all - 1) / usually_in_all);
}

}  // namespace neap::testing

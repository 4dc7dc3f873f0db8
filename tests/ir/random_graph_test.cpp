#include "tests/ir/random_graph.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap::random_graph_test {
namespace {

class Generator {
 public:
  Generator(unsigned seed, int nodes) : random_(seed), nodes_(nodes) {}

  Graph run() {
    static const char* names[] = {"main", "a b", "graph", "quote\"d\\ \n\t\x01", "", "straße"};
    graph_.name = names[below(6)];
    const int inputs = 2 + below(4);
    for (int i = 0; i < inputs; ++i) {
      static const char* odd[] = {"x", "map", "weird name", "%3", "_", "layer.0.w", "in", "sum", "*/ \"", "inf"};
      const std::string name = below(2) != 0 ? fmt::format("{}{}", odd[below(10)], i) : fmt::format("x{}", i);
      values_.push_back(graph_.add_input(name, type(), static_cast<Role>(below(3))));
    }
    values_.push_back(graph_.add_input("offsets", {DType::i64, {Dim::symbol("N") + 1}, {}}));
    offsets_ = values_.back();
    graph_.add_input("sizes", {DType::u8, {Dim::symbol("N"), Dim::symbol("M")}, {}});
    for (int i = 0; i < nodes_; ++i) {
      if (below(4) == 0) values_.push_back(constant());
      below(2) != 0 ? call() : map();
    }
    for (int i = 0; i < 3; ++i) graph_.add_output(pick(), fmt::format("y {}", i));
    graph_.add_output(graph_.inputs[0].value, "same", 0);
    return graph_;
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  DType dtype() { return static_cast<DType>(below(10)); }
  Dim size() {
    const Dim n = Dim::symbol("N"), m = Dim::symbol("M");
    const Dim all[] = {1, 2, 3, 7, 0, n, m, n * m + 2, floor_div(n + 1, 2), Dim(3) * n};
    return all[below(10)];
  }
  Shape shape(int rank) {
    Shape made;
    for (int i = 0; i < rank; ++i) made.push_back(size());
    return made;
  }
  Type type() {
    Type made{dtype(), shape(below(4)), {}};
    if (made.rank() >= 3 && below(2) != 0) made.layout = Layout::channels_last(made.rank());
    if (made.rank() >= 2 && below(5) == 0) made.layout = Layout::parse(made.rank() == 2 ? "aB4b" : "aBc4b", made.rank());
    return made;
  }
  ValueId pick() { return values_[static_cast<std::size_t>(below(static_cast<int>(values_.size())))]; }
  double number() {
    static const double odd[] = {0.0,
                                 -0.0,
                                 1,
                                 -1.5,
                                 0.1,
                                 1e-30,
                                 3e20,
                                 std::numeric_limits<double>::infinity(),
                                 -std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN()};
    return below(2) != 0 ? odd[below(10)] : static_cast<double>(random_()) / 7e5;
  }

  ValueId constant() {
    const DType kind = dtype();
    Sizes sizes;
    for (int i = below(3); i > 0; --i) sizes.push_back(below(6));
    Array elements(kind, sizes);
    for (std::int64_t i = 0; i < elements.count(); ++i) {
      if (is_float(kind)) {
        elements.set(i, number());
      } else {
        elements.set_int(i, static_cast<std::int64_t>(random_()) - (1 << 30));
      }
    }
    return graph_.add_constant(elements, below(3) == 0 ? "named constant" : "");
  }

  void call() {
    Node node;
    static const char* ops[] = {"conv2d", "relu", "map", "odd op", "const"};
    node.op = ops[below(5)];
    for (int i = below(4); i > 0; --i) node.inputs.push_back(below(6) == 0 ? no_value : pick());
    static const char* keys[] = {"pad", "axis", "odd key", "true", "a", "b", "c", "d"};
    const Attribute values[] = {true,
                                std::int64_t{-3},
                                number(),
                                std::string("te\"xt\n*/"),
                                std::vector<std::int64_t>{1, -2},
                                std::vector<double>{number(), number()},
                                std::vector<Dim>{size(), size()},
                                dtype()};
    for (int i = below(5); i > 0; --i) node.attributes[keys[below(8)]] = values[below(8)];
    if (below(3) == 0) node.attributes["empty"] = below(2) != 0 ? Attribute(std::vector<double>{}) : Attribute(std::vector<Dim>{});
    node.origin = {"block: \"x\"\n"};
    for (int i = 1 + below(2); i > 0; --i) node.outputs.push_back(graph_.add_value(type(), below(4) == 0 ? "inner \"name\"" : ""));
    if (below(2) != 0) {
      node.implementation = below(2) != 0 ? "onednn" : "other lib";
      if (below(2) != 0) epilogue(node);
    }
    finish(std::move(node));
  }

  void epilogue(Node& node) {
    node.epilogue_first = below(static_cast<int>(node.inputs.size()) + 1);
    node.inputs.resize(static_cast<std::size_t>(node.epilogue_first));
    for (int i = below(3); i > 0; --i) node.inputs.push_back(pick());
    const Type& out = graph_.type(node.outputs[0]);
    operands_ = {&out};
    for (auto i = static_cast<std::size_t>(node.epilogue_first); i < node.inputs.size(); ++i)
      operands_.push_back(&graph_.type(node.inputs[i]));
    Map map;
    next_axis_ = 0;
    scope_.clear();
    locals_.clear();
    Stage stage;
    for (const Dim& extent : out.shape) {
      map.axes.push_back(axis(extent));
      stage.index.push_back(axis_position(map.axes.back()));
    }
    result_index_ = stage.index;
    in_epilogue_ = true;
    stage.value = expression(out.dtype, 4);
    in_epilogue_ = false;
    map.stages.push_back(stage);
    node.epilogue = std::make_shared<const Map>(map);
  }

  Axis axis(Dim extent) {
    static const char* names[] = {"i", "n", "in", "true", "", "exp", "sum", "odd name"};
    Axis made{next_axis_, names[below(8)], std::move(extent), nullptr};
    next_axis_ += 1 + below(3);
    scope_.push_back(made);
    return made;
  }

  Axis ragged(const Axis& row, int offsets) {
    Axis made{next_axis_++, "e", Dim(3) * Dim::symbol("N"), nullptr};
    const Expr at = axis_position(row);
    made.ragged = std::make_shared<const std::pair<Expr, Expr>>(read(offsets, DType::i64, {at}), read(offsets, DType::i64, {at + 1}));
    scope_.push_back(made);
    return made;
  }

  void map() {
    Node node;
    for (int i = 1 + below(3); i > 0; --i) node.inputs.push_back(pick());
    node.inputs.push_back(offsets_);
    operands_.clear();
    for (const ValueId id : node.inputs) operands_.push_back(&graph_.type(id));
    next_axis_ = below(3);
    scope_.clear();
    Map map;
    const Axis row = axis(Dim::symbol("N"));
    map.axes.push_back(row);
    for (int i = below(3); i > 0; --i) map.axes.push_back(axis(size()));
    if (below(4) == 0) map.axes.push_back(ragged(row, static_cast<int>(node.inputs.size()) - 1));
    const std::size_t outside = scope_.size();
    locals_.clear();
    if (below(2) != 0) {
      locals_.push_back({DType::f32, {3}, {}});
      map.locals.push_back({DType::f32, {3}});
      Stage stage;
      stage.axes.push_back(axis(3));
      stage.target = -1;
      stage.index = {axis_position(stage.axes[0])};
      locals_.clear();
      stage.value = expression(DType::f32, 3);
      locals_.push_back({DType::f32, {3}, {}});
      stage.accumulate = static_cast<Accumulate>(below(4));
      map.stages.push_back(stage);
      scope_.resize(outside);
    }
    Expr again;
    for (int i = 1 + below(2); i > 0; --i) {
      Type out{dtype(), {}, {}};
      Stage stage;
      stage.target = static_cast<int>(node.outputs.size());
      for (const Axis& each : map.axes) {
        out.shape.push_back(each.extent);
        stage.index.push_back(axis_position(each));
      }
      stage.value = expression(out.dtype, 5);
      if (again.node() != nullptr && again.dtype() == DType::f32 && out.dtype == DType::f32)
        stage.value = stage.value + again;  // a part of two stages
      again = stage.value;
      if (out.dtype != DType::boolean) stage.accumulate = static_cast<Accumulate>(below(4));
      map.stages.push_back(stage);
      node.outputs.push_back(graph_.add_value(out));
    }
    if (below(2) != 0) {
      node.schedule = {{row.id}, map.axes.back().id, 8, row.id, below(3), {{row.id, 16}, {map.axes.back().id, 4}}};
    }
    node.map = std::make_shared<const Map>(map);
    finish(std::move(node));
  }

  void finish(Node node) {
    for (const ValueId id : node.outputs) values_.push_back(id);
    graph_.append(std::move(node));
  }

  Expr position() {
    if (below(4) == 0) return constant_int(DType::i64, below(3));
    const Expr at = axis_position(scope_[static_cast<std::size_t>(below(static_cast<int>(scope_.size())))]);
    if (below(3) == 0) return at * Expr(Dim::symbol("N")) - 2;
    return at;
  }

  Expr leaf(DType want) {
    const int choice = below(3);
    if (choice == 0 || scope_.empty()) return is_float(want) ? neap::constant(want, number()) : constant_int(want, below(2000) - 1000);
    if (choice == 1 && !locals_.empty() && want == DType::f32) return read(-1, DType::f32, {constant_int(DType::i64, below(3))});
    const auto which = static_cast<std::size_t>(below(static_cast<int>(operands_.size())));
    const Type& from = *operands_[which];
    std::vector<Expr> index;
    Expr outside;
    if (in_epilogue_ && which == 0) {
      index = result_index_;
    } else {
      for (int i = 0; i < from.rank(); ++i) index.push_back(position());
      outside = is_float(from.dtype) ? neap::constant(from.dtype, number()) : constant_int(from.dtype, 1);
    }
    return cast(read(static_cast<int>(which), from.dtype, index, outside), want);
  }

  Expr expression(DType want, int depth) {
    if (depth == 0) return leaf(want);
    const auto sub = [&](DType dtype) { return expression(dtype, depth - 1 - below(2) * (depth > 1 ? 1 : 0)); };
    if (below(6) == 0) {
      const Expr part = sub(want);
      return want == DType::boolean ? part && (part || sub(want)) : part * part - part;
    }
    if (below(6) == 0 && !in_epilogue_) {
      const std::size_t outside = scope_.size();
      std::vector<Axis> axes{axis(size())};
      if (below(3) == 0) axes.push_back(ragged(scope_[0], static_cast<int>(operands_.size()) - 1));
      static constexpr Reduction kinds[] = {Reduction::sum, Reduction::prod, Reduction::max, Reduction::min};
      Expr made;
      if (want == DType::boolean) {
        made = reduce(below(2) != 0 ? Reduction::any : Reduction::all, axes, sub(want));
      } else if (want == DType::i64 && axes.size() == 1) {
        made = reduce(below(2) != 0 ? Reduction::argmax : Reduction::argmin, axes, sub(DType::f32));
      } else {
        made = reduce(kinds[below(4)], axes, sub(want));
      }
      scope_.resize(outside);
      return made;
    }
    if (below(6) == 0) return select(sub(DType::boolean), sub(want), sub(want));
    if (below(8) == 0) return cast(sub(dtype()), want);
    if (want == DType::boolean) {
      const DType of = dtype();
      static constexpr Scalar compare[] = {Scalar::equal,   Scalar::not_equal, Scalar::less,        Scalar::less_equal,
                                           Scalar::greater, Scalar::is_nan,    Scalar::logical_not, Scalar::is_inf};
      const Scalar op = compare[below(8)];
      if (arity(op) == 1) return make(op, {sub(of)});
      return make(op, {sub(of), sub(of)});
    }
    if (want == DType::i64 && below(8) == 0) return make(Scalar::random_bits, {sub(want), sub(want), sub(want)});
    if (!is_float(want) && below(3) == 0) return make(below(2) != 0 ? Scalar::bit_and : Scalar::shift_left, {sub(want), sub(want)});
    if (below(3) == 0) return is_float(want) && below(2) != 0 ? tanh(sub(want)) : -sub(want);
    static constexpr Scalar binary[] = {Scalar::add,       Scalar::sub, Scalar::mul, Scalar::div,
                                        Scalar::floor_div, Scalar::mod, Scalar::min, Scalar::max};
    return make(binary[below(8)], {sub(want), sub(want)});
  }

  std::mt19937 random_;
  int nodes_;
  Graph graph_;
  std::vector<ValueId> values_;
  ValueId offsets_ = no_value;
  std::vector<const Type*> operands_;
  std::vector<Type> locals_;
  std::vector<Axis> scope_;
  std::vector<Expr> result_index_;
  bool in_epilogue_ = false;
  int next_axis_ = 0;
};

}  // namespace

Graph random_graph(unsigned seed, int nodes) { return Generator(seed, nodes).run(); }

namespace {

TEST(RandomGraph, SurvivesTextAndKeepsItsHash) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const Graph graph = random_graph(seed, 1 + static_cast<int>(seed % 12));
    const std::string text = to_string(graph);
    try {
      verify(graph);
      const Graph back = parse_graph(text, large_constants(graph));
      EXPECT_EQ(to_string(back), text);
      EXPECT_EQ(structural_hash(back).hex(), structural_hash(graph).hex()) << text;
      verify(back);
    } catch (const Error& error) {
      FAIL() << "seed " << seed << ": " << error.what() << "\n" << text;
    }
    if (HasFailure()) return;
  }
}

TEST(RandomGraph, CommentsChangeNothing) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    const Graph graph = random_graph(seed, 5);
    const std::string text = to_string(graph, {.bytes = true, .origin = true});
    EXPECT_EQ(to_string(parse_graph(text, large_constants(graph))), to_string(graph)) << text;
  }
}

}  // namespace
}  // namespace neap::random_graph_test

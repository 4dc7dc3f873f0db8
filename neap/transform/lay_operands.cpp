// Lays operands in memory as their readers want them. Constants: for a map with the axis of its vectors innermost, for a library call as
// the library keeps its filters; two readers that want different layouts get a constant each. What one map makes for the products of
// another (filters that a gate was multiplied into): so that both together are quickest. It costs nothing when the graph runs.
#include <algorithm>
#include <map>
#include <set>

#include "neap/runtime/library.h"
#include "neap/transform/lanes.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::lay_operands_transformation {
namespace {

using Layouts = std::map<ValueId, Layout>;
using Chosen = std::function<bool(ValueId)>;

constexpr double least_gain = 0.95;  // of the modelled time, for a layout other than row-major

class LayOperands {
 public:
  LayOperands(Graph& graph, Pass& pass) : graph_(graph), pass_(pass) {}

  int run() {
    int edits = 0;
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) edits += lay_constants(i) ? 1 : 0;
    const Uses uses(graph_);
    int made = 0;
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) made += lay_made(i, uses);
    // Who makes a value in another order than before may want to read constants in another.
    for (std::size_t i = 0; made > 0 && i < graph_.nodes().size(); ++i) edits += lay_constants(i) ? 1 : 0;
    edits += made;
    if (edits > 0) graph_.compact();
    return edits;
  }

 private:
  bool lay_constants(std::size_t at) {
    const NodePtr node = graph_.nodes()[at];
    const auto constant = [&](ValueId id) { return graph_.value(id).constant.has_value() && has_order(id); };
    if (!reads(*node, constant)) return false;
    const Layouts wanted = node->is_map() ? wanted_by_map(*node, constant) : wanted_by_call(*node, constant);
    if (wanted.empty()) return false;
    Node copy = *node;
    for (ValueId& id : copy.inputs) {
      if (const auto found = wanted.find(id); found != wanted.end()) id = laid(id, found->second);
    }
    graph_.replace_node(at, std::move(copy));
    return true;
  }

  // Operands of a map's products that another map makes for it alone.
  int lay_made(std::size_t at, const Uses& uses) {
    const NodePtr reader = graph_.nodes()[at];
    if (!reader->is_map() || !has_products(*reader->map)) return 0;
    const auto made_for_it = [&](ValueId id) {
      const int maker = uses.producer(id);
      return maker >= 0 && graph_.nodes()[static_cast<std::size_t>(maker)]->is_map() && uses.users(id).size() == 1 && !uses.is_output(id) &&
             graph_.type(id).layout.row_major() && has_order(id);
    };
    if (!reads(*reader, made_for_it)) return 0;
    int edits = 0;
    for (const auto& [axis, layouts] : candidates(*reader, made_for_it)) {
      for (const auto& [id, layout] : layouts) {
        const auto maker = static_cast<std::size_t>(uses.producer(id));
        const auto seconds = [&] {
          return pass_.model.node(graph_, *graph_.nodes()[maker]).seconds + pass_.model.node(graph_, *graph_.nodes()[at]).seconds;
        };
        const double before = seconds();
        const Layout old = graph_.type(id).layout;
        set_layout(id, layout);
        if (seconds() >= least_gain * before) {
          set_layout(id, old);
          continue;
        }
        for (const std::size_t node : {maker, at}) graph_.replace_node(node, Node(*graph_.nodes()[node]));
        ++edits;
      }
    }
    return edits;
  }

  static bool has_products(const Map& map) {
    bool found = false;
    visit_map(map, [&](const Expr& e) { found |= e->op == Scalar::reduce && e->args[0]->op == Scalar::mul; });
    return found;
  }

  void set_layout(ValueId id, const Layout& layout) {
    Type type = graph_.type(id);
    type.layout = layout;
    graph_.set_type(id, std::move(type));
  }

  // Whether there is more than one axis to order.
  bool has_order(ValueId id) const {
    const Shape& shape = graph_.type(id).shape;
    return std::count_if(shape.begin(), shape.end(), [](const Dim& size) { return !(size == Dim(1)); }) > 1;
  }
  static bool reads(const Node& node, const Chosen& chosen) {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return id != no_value && chosen(id); });
  }

  // For each axis of the map's points along which chosen operands are read: the layouts with that axis innermost.
  std::map<int, Layouts> candidates(const Node& node, const Chosen& chosen) const {
    std::map<int, Layouts> by_axis;
    std::set<int> own;
    for (const Axis& axis : node.map->axes) own.insert(axis.id);
    visit_map(*node.map, [&](const Expr& e) {
      if (e->op != Scalar::read || e->integer < 0) return;
      const ValueId id = node.inputs[static_cast<std::size_t>(e->integer)];
      if (!chosen(id)) return;
      for (int dim = 0; dim < e->rank; ++dim) {
        const Expr& index = e->args[static_cast<std::size_t>(dim)];
        if (index->op != Scalar::axis || own.count(static_cast<int>(index->integer)) == 0) continue;
        by_axis[static_cast<int>(index->integer)].emplace(id, innermost(graph_.type(id).rank(), dim));
      }
    });
    return by_axis;
  }

  // Windows outermost, then channels: a tile's rows of filters are then next to each other, one for each term of the sum.
  static Layout innermost(int rank, int axis) {
    Layout layout;
    const auto add = [&](int level) {
      if (level != axis) layout.levels.push_back({level, 0});
    };
    for (int level = 2; level < rank; ++level) add(level);
    for (int level = std::min(rank, 2); level-- > 0;) add(level);
    layout.levels.push_back({axis, 0});
    return Layout::parse(layout.tag(rank), rank);
  }

  Layouts wanted_by_map(const Node& node, const Chosen& chosen) const {
    Layouts best;
    const std::vector<Type> inputs = types_of(graph_, node.inputs), outputs = types_of(graph_, node.outputs);
    double least = lanes_factor(pass_.model, *node.map, inputs, outputs);
    for (const auto& [axis, layouts] : candidates(node, chosen)) {
      std::vector<Type> laid = inputs;
      for (std::size_t i = 0; i < laid.size(); ++i) {
        if (const auto found = layouts.find(node.inputs[i]); found != layouts.end()) laid[i].layout = found->second;
      }
      const double factor = lanes_factor(pass_.model, *node.map, laid, outputs);
      if (factor < least) {
        least = factor;
        best = layouts;
      }
    }
    return best;
  }

  Layouts wanted_by_call(const Node& node, const Chosen& chosen) const {
    Layouts wanted;
    if (node.implementation.empty()) return wanted;
    const Implementation& library = find_implementation(node.op, node.implementation);
    if (library.constant_layout == nullptr) return wanted;
    const std::vector<Type> inputs = types_of(graph_, node.inputs), outputs = types_of(graph_, node.outputs);
    const Call call = make_call(graph_, node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == no_value || !chosen(node.inputs[i])) continue;
      const std::optional<Layout> layout = library.constant_layout(call, inputs, outputs, pass_.model.sizes(graph_), static_cast<int>(i));
      if (layout && !(*layout == inputs[i].layout)) wanted.emplace(node.inputs[i], *layout);
    }
    return wanted;
  }

  ValueId laid(ValueId id, const Layout& layout) {
    const auto [known, fresh] = laid_.try_emplace({id, layout.tag(graph_.type(id).rank())}, no_value);
    if (fresh) {
      const Value value = graph_.value(id);
      known->second = graph_.add_constant(*value.constant, value.name, layout);
    }
    return known->second;
  }

  Graph& graph_;
  Pass& pass_;
  std::map<std::pair<ValueId, std::string>, ValueId> laid_;
};

const RegisterTransformation lay_operands{
    {.name = "lay_operands",
     .level = 3,
     .about = "lays constants, and what one map makes for another's products, as their readers want them",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return LayOperands(graph, pass).run(); }}};

}  // namespace
}  // namespace neap::lay_operands_transformation

// Lays constants in memory as their readers want them: for a map with the axis of its vectors innermost, for a library call as the library
// keeps its filters. Two readers that want different layouts get a constant each. It costs nothing when the graph runs.
#include <algorithm>
#include <map>
#include <set>

#include "neap/runtime/library.h"
#include "neap/transform/lanes.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap {
namespace {

using Layouts = std::map<ValueId, Layout>;

class LayConstants {
 public:
  LayConstants(Graph& graph, Pass& pass) : graph_(graph), pass_(pass) {}

  int run() {
    int edits = 0;
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const NodePtr node = graph_.nodes()[i];
      if (!reads_constant(*node)) continue;
      const Layouts wanted = node->is_map() ? wanted_by_map(*node) : wanted_by_call(*node);
      if (wanted.empty()) continue;
      Node copy = *node;
      for (ValueId& id : copy.inputs) {
        if (const auto found = wanted.find(id); found != wanted.end()) id = laid(id, found->second);
      }
      graph_.replace_node(i, std::move(copy));
      ++edits;
    }
    if (edits > 0) graph_.compact();
    return edits;
  }

 private:
  // A constant with more than one axis to order.
  bool is_free(ValueId id) const {
    if (id == no_value || !graph_.value(id).constant) return false;
    const Shape& shape = graph_.type(id).shape;
    return std::count_if(shape.begin(), shape.end(), [](const Dim& size) { return !(size == Dim(1)); }) > 1;
  }
  bool reads_constant(const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return is_free(id); });
  }

  // For each axis of the map's points along which constants are read: the layouts with that axis innermost.
  std::map<int, Layouts> candidates(const Node& node) const {
    std::map<int, Layouts> by_axis;
    std::set<int> own;
    for (const Axis& axis : node.map->axes) own.insert(axis.id);
    visit_map(*node.map, [&](const Expr& e) {
      if (e->op != Scalar::read || e->integer < 0) return;
      const ValueId id = node.inputs[static_cast<std::size_t>(e->integer)];
      if (!is_free(id)) return;
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

  Layouts wanted_by_map(const Node& node) {
    Layouts best;
    double least = lanes_factor(pass_.model, graph_, node);
    for (const auto& [axis, layouts] : candidates(node)) {
      Layouts old;
      for (const auto& [id, layout] : layouts) {
        old[id] = graph_.type(id).layout;
        set_layout(id, layout);
      }
      const double factor = lanes_factor(pass_.model, graph_, node);
      for (const auto& [id, layout] : old) set_layout(id, layout);
      if (factor < least) {
        least = factor;
        best = layouts;
      }
    }
    return best;
  }

  Layouts wanted_by_call(const Node& node) const {
    Layouts wanted;
    if (node.implementation.empty()) return wanted;
    const Implementation& library = find_implementation(node.op, node.implementation);
    if (library.constant_layout == nullptr) return wanted;
    std::vector<Type> inputs, outputs;
    for (const ValueId id : node.inputs) inputs.push_back(id == no_value ? Type{} : graph_.type(id));
    for (const ValueId id : node.outputs) outputs.push_back(graph_.type(id));
    const Call call = make_call(graph_, node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!is_free(node.inputs[i])) continue;
      const std::optional<Layout> layout = library.constant_layout(call, inputs, outputs, pass_.model.sizes(graph_), static_cast<int>(i));
      if (layout && !(*layout == inputs[i].layout)) wanted.emplace(node.inputs[i], *layout);
    }
    return wanted;
  }

  void set_layout(ValueId id, const Layout& layout) {
    Type type = graph_.type(id);
    type.layout = layout;
    graph_.set_type(id, std::move(type));
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

const RegisterTransformation lay_constants{
    {.name = "lay_constants",
     .level = 3,
     .about = "lays constants in memory as their readers want them",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return LayConstants(graph, pass).run(); }}};

}  // namespace
}  // namespace neap

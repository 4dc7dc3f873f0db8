// Chooses how activations lie in memory. Values that run through convolutions, pools and what works point by point between them form
// groups of one layout: channels last, where the cost model sees a gain over all nodes that touch the group, else row-major. Filters of
// sums of products, as given or as computed from parameters alone, get their output channel innermost: through a copy, or, where they are
// constants, by lay_operands. Maps read any layout, so that nothing else is converted but what a library call does not take as it is.
// Inputs and outputs of the graph keep their layouts.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "neap/runtime/library.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::channels_last_transformation {
namespace {

// One read or write of a value by a map.
struct Access {
  ValueId value = no_value;
  std::vector<Expr> index;
  bool reduced = false;  // stands within a reduction
  std::set<int> reduced_over;
};

std::vector<Access> accesses_of(const Node& node) {
  std::vector<Access> all;
  for (const Stage& stage : node.map->stages) {
    if (stage.target >= 0) all.push_back({node.outputs[static_cast<std::size_t>(stage.target)], stage.index, false, {}});
    const auto look = [&](const auto& self, const Expr& e, const std::set<int>& over) -> void {
      std::set<int> inner = over;
      for (const Axis& axis : e->axes) inner.insert(axis.id);
      if (e->op == Scalar::read && e->integer >= 0) {
        all.push_back(
            {node.inputs[static_cast<std::size_t>(e->integer)], {e->args.begin(), e->args.begin() + e->rank}, !over.empty(), over});
      }
      for (const Expr& arg : e->args) self(self, arg, inner);
    };
    if (map_size(*node.map) < 400) look(look, stage.value, {});
  }
  return all;
}

int plain_axis(const Expr& index) { return index->op == Scalar::axis ? static_cast<int>(index->integer) : -1; }

bool can_be_activation(const Type& type) { return type.rank() >= 3 && type.rank() <= 5 && is_float(type.dtype) && type.layout.row_major(); }

// Whether the access gathers over channels, or over a window of positions: what layouts matter to.
bool is_spatial(const Access& access) {
  if (!access.reduced) return false;
  if (access.reduced_over.count(plain_axis(access.index[1])) != 0) return true;
  return std::any_of(access.index.begin() + 2, access.index.end(),
                     [](const Expr& index) { return index->op != Scalar::axis && index->op != Scalar::constant; });
}

class Groups {
 public:
  explicit Groups(ValueId count) : parent_(static_cast<std::size_t>(count)) { std::iota(parent_.begin(), parent_.end(), 0); }
  ValueId of(ValueId value) {
    ValueId& parent = parent_[static_cast<std::size_t>(value)];
    return parent == value ? value : parent = of(parent);
  }
  void join(ValueId a, ValueId b) { parent_[static_cast<std::size_t>(of(a))] = of(b); }

 private:
  std::vector<ValueId> parent_;
};

class ChannelsLast {
 public:
  ChannelsLast(Graph& graph, Pass& pass)
      : graph_(graph), uses_(graph), pass_(pass), groups_(graph.value_count()), of_data_(static_cast<std::size_t>(graph.value_count())) {
    for (const Input& input : graph.inputs)
      of_data_[static_cast<std::size_t>(input.value)] = input.role == Role::input || input.role == Role::fixed;
    for (const NodePtr& node : graph.nodes()) {
      const bool depends =
          std::any_of(node->inputs.begin(), node->inputs.end(), [&](ValueId id) { return id != no_value && is_of_data(id); });
      for (const ValueId id : node->outputs) of_data_[static_cast<std::size_t>(id)] = depends;
    }
  }

  int run() {
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) collect(i);
    std::map<ValueId, std::vector<ValueId>> members;
    const auto count = static_cast<ValueId>(uses_.producers.size());
    for (ValueId id = 0; id < count; ++id) {
      if (graph_.has_value(id) && may_change(id)) members[groups_.of(id)].push_back(id);
    }
    for (const ValueId id : spatial_) seeds_.insert(groups_.of(id));
    int edits = 0;
    for (const ValueId seed : seeds_) {
      const auto found = members.find(seed);
      if (found != members.end() && choose(found->second)) edits += static_cast<int>(found->second.size());
    }
    if (edits > 0) write();
    return edits;
  }

 private:
  bool is_of_data(ValueId id) const { return of_data_[static_cast<std::size_t>(id)]; }
  bool is_activation(ValueId id) const { return is_of_data(id) && can_be_activation(graph_.type(id)); }
  bool may_change(ValueId id) const { return uses_.producer(id) >= 0 && !uses_.is_output(id) && is_activation(id); }

  void collect(std::size_t at) {
    const Node& node = *graph_.nodes()[at];
    std::vector<ValueId> together;
    if (node.is_map()) {
      std::map<int, std::vector<ValueId>> by_batch;
      for (const Access& access : accesses_of(node)) {
        if (!is_activation(access.value)) continue;
        const int batch = plain_axis(access.index[0]);
        if (batch < 0) continue;
        by_batch[batch].push_back(access.value);
        if (is_spatial(access)) spatial_.push_back(access.value);
      }
      for (const auto& [axis, values] : by_batch) join(values);
      return;
    }
    if (!takes_layouts(node)) return;
    const std::size_t activations = node.op == "conv_weight_gradient" ? 2 : 1;
    for (std::size_t i = 0; i < std::min(activations, node.inputs.size()); ++i) {
      if (node.inputs[i] != no_value && is_activation(node.inputs[i])) together.push_back(node.inputs[i]);
    }
    if (activations == 1 && is_activation(node.outputs[0])) together.push_back(node.outputs[0]);
    join(together);
    spatial_.insert(spatial_.end(), together.begin(), together.end());
  }

  // Only values of one rank: a gate's row of numbers may lie as it likes.
  void join(const std::vector<ValueId>& values) {
    for (std::size_t i = 1; i < values.size(); ++i) {
      if (graph_.type(values[i]).rank() == graph_.type(values[0]).rank()) groups_.join(values[i], values[0]);
    }
  }

  bool takes_layouts(const Node& node) const {
    const bool of_images = node.op.rfind("conv", 0) == 0 || node.op.find("pool") != std::string::npos || node.op == "batch_norm";
    return of_images && !node.implementation.empty() && find_implementation(node.op, node.implementation).any_layout;
  }

  // The call as it would be with operands in the new layouts: refused where the library does not take them.
  bool takes(const Graph& graph, const Node& node) const {
    const Implementation& library = find_implementation(node.op, node.implementation);
    return library.any_layout &&
           library.refuses(make_call(graph, node), types_of(graph, node.inputs), types_of(graph, node.outputs)).empty();
  }

  double copy_seconds(ValueId id) const {
    return pass_.model.copy_seconds(2 * pass_.model.bytes(graph_.type(id))) + pass_.model.start_seconds();
  }

  // Whether a product's filters should lie with their output channel innermost: a map operand that is small beside its result.
  std::vector<ValueId> filters_of(const Node& node) const {
    std::vector<ValueId> filters;
    if (!node.is_map()) return filters;
    for (const Access& access : accesses_of(node)) {
      const bool chosen = access.reduced && access.index.size() >= 3 && (uses_.producer(access.value) < 0 || !is_of_data(access.value)) &&
                          can_be_activation(graph_.type(access.value)) && plain_axis(access.index[0]) >= 0 &&
                          access.reduced_over.count(plain_axis(access.index[0])) == 0 && access.value != node.outputs[0] &&
                          makes_channel(node, access);
      if (chosen && std::find(filters.begin(), filters.end(), access.value) == filters.end()) filters.push_back(access.value);
    }
    return filters;
  }

  // Whether its first index is the channel of the result: axis 1 of what the map writes.
  static bool makes_channel(const Node& node, const Access& access) {
    const Stage& stage = node.map->stages[0];
    return stage.index.size() > 1 && plain_axis(stage.index[1]) == plain_axis(access.index[0]);
  }

  static Layout filter_layout(int rank) {
    // r, s, c, k: spatial axes outermost, then inner channels, output channels innermost.
    Layout layout;
    for (int axis = 2; axis < rank; ++axis) layout.levels.push_back({axis, 0});
    layout.levels.push_back({1, 0});
    layout.levels.push_back({0, 0});
    return layout;
  }

  // Operands of a map that lay_operands will lay as it suits, whatever the layout of the activations: constants, and what another map makes
  // for it alone and is no activation.
  std::vector<bool> free_operands(const Node& node) {
    std::vector<bool> free;
    if (!node.is_map()) return free;
    for (const ValueId id : node.inputs) {
      const bool constant = id != no_value && graph_.value(id).constant.has_value();
      const bool made_for_it = id != no_value && !constant && uses_.producer(id) >= 0 && !uses_.is_output(id) &&
                               uses_.users(id).size() == 1 && graph_.nodes()[static_cast<std::size_t>(uses_.producer(id))]->is_map() &&
                               seeds_.count(groups_.of(id)) == 0;
      free.push_back(constant || made_for_it);
    }
    return free;
  }

  bool choose(const std::vector<ValueId>& values) {
    std::set<int> touched;
    for (const ValueId id : values) {
      touched.insert(uses_.producer(id));
      touched.insert(uses_.users(id).begin(), uses_.users(id).end());
    }
    const auto cost = [&] {
      double total = 0;
      for (const int at : touched) {
        const Node& node = *graph_.nodes()[static_cast<std::size_t>(at)];
        total += pass_.model.node(graph_, node, free_operands(node)).seconds;
      }
      return total;
    };
    const double before = cost();
    std::map<ValueId, Type> old;
    std::set<ValueId> filters;
    const auto set = [&](ValueId id, Layout layout) {
      Type type = old[id] = graph_.type(id);
      type.layout = std::move(layout);
      graph_.set_type(id, std::move(type));
    };
    for (const ValueId id : values) set(id, Layout::channels_last(graph_.type(id).rank()));
    double conversions = 0;
    for (const int at : touched) {
      const Node& node = *graph_.nodes()[static_cast<std::size_t>(at)];
      for (const ValueId id : filters_of(node)) {
        if (old.count(id) != 0 || filters_.count(id) != 0) continue;
        set(id, filter_layout(graph_.type(id).rank()));
        filters.insert(id);
        if (!graph_.value(id).constant) conversions += copy_seconds(id);
      }
    }
    for (const int at : touched) {
      const Node& node = *graph_.nodes()[static_cast<std::size_t>(at)];
      if (node.is_map() || takes(graph_, node)) continue;
      for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs}) {
        for (const ValueId id : *ids) conversions += old.count(id) != 0 ? copy_seconds(id) : 0;
      }
    }
    const double after = cost() + conversions;
    std::string prices =
        fmt::format("{} values around it: {:.3g} us channels-last, {:.3g} us row-major", values.size(), after * 1e6, before * 1e6);
    const Node& first = *graph_.nodes()[static_cast<std::size_t>(uses_.producer(values[0]))];
    // Inputs keep their layout: a copy takes it when the graph is written anew.
    for (const ValueId id : filters) graph_.set_type(id, old.at(id));
    if (after < before) {
      for (const ValueId id : filters) {
        if (!graph_.value(id).constant) filters_.insert(id);
      }
      changed_.insert(values.begin(), values.end());
      pass_.made(graph_, first, std::move(prices));
      return true;
    }
    for (const auto& [id, type] : old) graph_.set_type(id, type);
    pass_.refuse(graph_, first, std::move(prices));
    return false;
  }

  // A copy of a value in another layout: a map that reads and writes at the same index.
  Node conversion(ValueId from, ValueId to) const {
    Map map;
    Stage stage;
    std::vector<Expr> index;
    for (const Dim& size : graph_.type(from).shape) {
      map.axes.push_back({static_cast<int>(map.axes.size()), fmt::format("i{}", map.axes.size()), size, nullptr});
      index.push_back(axis_position(map.axes.back()));
    }
    stage.index = index;
    stage.value = read(0, graph_.type(from).dtype, index);
    map.stages.push_back(std::move(stage));
    Node node;
    node.map = std::make_shared<const Map>(std::move(map));
    node.inputs = {from};
    node.outputs = {to};
    node.origin = {"layout"};
    return node;
  }

  ValueId value_like(ValueId id, Layout layout) {
    Type type = graph_.type(id);
    type.layout = std::move(layout);
    return graph_.add_value(std::move(type));
  }

  void write() {
    const std::vector<NodePtr> nodes = graph_.nodes();
    std::vector<NodePtr> made;
    const auto append = [&](Node node) { made.push_back(std::make_shared<const Node>(std::move(node))); };
    std::map<ValueId, ValueId> laid;  // filters -> their copies
    for (const NodePtr& node : nodes) {
      Node copy = *node;
      const auto is_changed = [&](ValueId id) { return changed_.count(id) != 0; };
      const bool touched = std::any_of(copy.inputs.begin(), copy.inputs.end(), is_changed) ||
                           std::any_of(copy.outputs.begin(), copy.outputs.end(), is_changed);
      if (!touched) {
        made.push_back(node);
        continue;
      }
      std::vector<Node> behind;
      if (copy.is_map()) {
        const std::vector<ValueId> filters = filters_of(copy);
        for (ValueId& id : copy.inputs) {
          if (filters_.count(id) == 0 || std::find(filters.begin(), filters.end(), id) == filters.end()) continue;
          if (laid.count(id) == 0) {
            laid[id] = value_like(id, filter_layout(graph_.type(id).rank()));
            append(conversion(id, laid[id]));
          }
          id = laid[id];
        }
      } else if (!takes(graph_, copy)) {
        for (ValueId& id : copy.inputs) {
          if (!is_changed(id)) continue;
          const ValueId plain = value_like(id, {});
          append(conversion(id, plain));
          id = plain;
        }
        for (ValueId& id : copy.outputs) {
          if (!is_changed(id)) continue;
          const ValueId plain = value_like(id, {});
          behind.push_back(conversion(plain, id));
          id = plain;
        }
      }
      append(std::move(copy));
      for (Node& node_behind : behind) append(std::move(node_behind));
    }
    graph_.set_nodes(std::move(made));
    graph_.compact();
  }

  Graph& graph_;
  const Uses uses_;
  Pass& pass_;
  Groups groups_;
  std::vector<bool> of_data_;  // by value: whether it depends on the graph's data, not on parameters and constants alone
  std::vector<ValueId> spatial_;
  std::set<ValueId> seeds_;  // of the groups that hold one of those
  std::set<ValueId> changed_, filters_;
};

const RegisterTransformation channels_last{
    {.name = "channels_last",
     .level = 3,
     .about = "lets activations of images lie with their channels innermost where that is quicker",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return ChannelsLast(graph, pass).run(); }}};

}  // namespace
}  // namespace neap::channels_last_transformation

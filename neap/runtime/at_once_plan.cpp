#include "neap/runtime/at_once_plan.h"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "neap/base/error.h"
#include "neap/ir/map_walk.h"
#include "neap/ops/builder.h"

namespace neap {
namespace {

Type row_major(Type type) {
  type.layout = {};
  return type;
}

std::string place(const Graph& graph, const Node& node) {
  return fmt::format("node %{} ({}{}) of graph {}", node.outputs.empty() ? no_value : node.outputs[0], node.is_map() ? "map" : node.op,
                     node.origin.empty() ? "" : ", from " + node.origin[0], graph.name);
}

// Consecutive maps over one space, each reading the others' results only where it stands: they run as one map, whose inner values never
// reach memory.
class Group {
 public:
  using Count = std::int64_t;
  struct Member {
    std::shared_ptr<const Map> map;
    std::vector<int> inputs, outputs;
    std::vector<Type> types;
    std::string place;
  };

  // Whether the map could be in any group: no scope, one element of each output a point, in order.
  static bool groupable(const Map& map, const std::vector<Type>& types) {
    const bool dense = std::none_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
    if (!map.locals.empty() || !dense) return false;
    return std::all_of(map.stages.begin(), map.stages.end(), [&](const Stage& stage) {
      if (stage.target < 0 || !stage.axes.empty() || stage.accumulate != Accumulate::none) return false;
      const Shape& shape = types[static_cast<std::size_t>(stage.target)].shape;
      return stage.index.size() == map.axes.size() && shape.size() == map.axes.size() && at_the_point(stage.index, map.axes);
    });
  }

  bool takes(const Member& member, const std::vector<Count>& extents) const {
    constexpr std::size_t most_members = 24;
    if (members_.empty()) return true;
    if (members_.size() >= most_members || extents != extents_) return false;
    bool fits = true;
    for (const Stage& stage : member.map->stages) {
      visit(stage.value, [&](const Expr& e) {
        if (e->op != Scalar::read || made_.count(member.inputs[static_cast<std::size_t>(e->integer)]) == 0) return;
        fits &= e->rank == static_cast<int>(member.map->axes.size()) &&
                at_the_point({e->args.begin(), e->args.begin() + e->rank}, member.map->axes);
      });
    }
    return fits;
  }

  void add(Member member, std::vector<Count> extents) {
    if (members_.empty()) {
      extents_ = std::move(extents);
      for (const Axis& axis : member.map->axes) axes_.push_back({next_axis_++, axis.name, axis.extent, nullptr});
    }
    for (const Stage& stage : member.map->stages) {
      const int slot = member.outputs[static_cast<std::size_t>(stage.target)];
      made_[slot] = moved_here(stage.value, member);
    }
    members_.push_back(std::move(member));
  }

  bool empty() const { return members_.empty(); }
  const std::vector<Member>& members() const { return members_; }
  const std::vector<int>& inputs() const { return inputs_; }

  // The one map; its outputs are the given slots.
  Map map(const std::vector<int>& outputs) const {
    Map map{axes_, {}, {}};
    std::vector<Expr> index;
    for (const Axis& axis : axes_) index.push_back(axis_position(axis));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      map.stages.push_back({{}, static_cast<int>(i), index, made_.at(outputs[i]), Accumulate::none});
    return map;
  }

 private:
  static bool at_the_point(const std::vector<Expr>& index, const std::vector<Axis>& axes) {
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index[i]->op != Scalar::axis || index[i]->integer != axes[i].id) return false;
    }
    return true;
  }

  int operand(int slot) {
    const auto found = std::find(inputs_.begin(), inputs_.end(), slot);
    if (found != inputs_.end()) return static_cast<int>(found - inputs_.begin());
    inputs_.push_back(slot);
    return static_cast<int>(inputs_.size()) - 1;
  }

  // A member's expression in the group's axes and operands.
  Expr moved_here(const Expr& value, const Member& member) {
    std::map<int, Expr> renamed;
    for (std::size_t i = 0; i < axes_.size(); ++i) renamed[member.map->axes[i].id] = axis_position(axes_[i]);
    visit(value, [&](const Expr& e) {
      for (const Axis& axis : e->axes) renamed.emplace(axis.id, axis_position({next_axis_++, axis.name, axis.extent, nullptr}));
    });
    return rewrite(substitute_axes(value, renamed), [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read) return {};
      const int slot = member.inputs[static_cast<std::size_t>(e->integer)];
      const auto made = made_.find(slot);
      if (made != made_.end()) return made->second;
      return read_of(e, operand(slot));
    });
  }

  std::vector<Member> members_;
  std::vector<Count> extents_;
  std::vector<Axis> axes_;
  std::map<int, Expr> made_;  // by slot
  std::vector<int> inputs_;
  int next_axis_ = 0;
};

class Planner {
 public:
  explicit Planner(const Symbols& symbols) { plan_.symbols = symbols; }

  AtOncePlan plan(const Graph& graph) {
    std::unordered_map<ValueId, int> slots;
    for (const Input& input : graph.inputs) plan_.inputs.push_back(slots[input.value] = add_slot(graph.type(input.value)));
    write(graph, slots, true);
    for (const Output& output : graph.outputs) plan_.outputs.push_back(slot_of(graph, output.value, slots, true));
    gather_steps();
    free_slots();
    return std::move(plan_);
  }

 private:
  // Members of groups wait until all uses are known; other steps are ready.
  struct Pending {
    std::optional<Group> group;
    AtOncePlan::Step step;
  };

  int add_slot(const Type& type) {
    plan_.slots.push_back({type.dtype, evaluate(type.shape, plan_.symbols)});
    return static_cast<int>(plan_.slots.size()) - 1;
  }

  int slot_of(const Graph& graph, ValueId id, std::unordered_map<ValueId, int>& slots, bool outermost) {
    if (id == no_value) return -1;
    const auto found = slots.find(id);
    if (found != slots.end()) return found->second;
    const Value& value = graph.value(id);
    NEAP_ASSERT(value.constant.has_value(), " value %{} is used before it is made", id);
    const int slot = slots[id] = add_slot(value.type);
    if (outermost) {
      plan_.constants.emplace_back(slot, id);
    } else {
      plan_.own_constants.emplace_back(slot, *value.constant);
    }
    return slot;
  }

  void write(const Graph& graph, std::unordered_map<ValueId, int>& slots, bool outermost) {
    for (const NodePtr& node : graph.nodes()) {
      if (outermost) place_ = place(graph, *node);
      std::vector<int> inputs, outputs;
      for (const ValueId id : node->inputs) inputs.push_back(slot_of(graph, id, slots, outermost));
      std::vector<Type> types;
      for (const ValueId id : node->outputs) types.push_back(row_major(graph.type(id)));
      for (std::size_t i = 0; i < types.size(); ++i) outputs.push_back(add_slot(types[i]));
      std::vector<int> made = outputs;
      if (node->epilogue != nullptr) made[0] = add_slot(types[0]);
      if (node->is_map()) {
        if (outermost) plan_.kept.push_back(node->map);
        write_map(node->map, inputs, made, types);
      } else {
        write_call(graph, *node, inputs, made, types);
      }
      if (node->epilogue != nullptr) {
        if (outermost) plan_.kept.push_back(node->epilogue);
        std::vector<int> operands{made[0]};
        operands.insert(operands.end(), inputs.begin() + node->epilogue_first, inputs.end());
        write_map(node->epilogue, operands, {outputs[0]}, {types[0]});
      }
      for (std::size_t i = 0; i < outputs.size(); ++i) slots[node->outputs[i]] = outputs[i];
    }
  }

  void write_call(const Graph& graph, const Node& node, const std::vector<int>& inputs, const std::vector<int>& outputs,
                  const std::vector<Type>& types) {
    std::vector<Type> input_types;
    std::vector<bool> present;
    for (const ValueId id : node.inputs) {
      present.push_back(id != no_value);
      input_types.push_back(id == no_value ? Type{} : row_major(graph.type(id)));
    }
    const Call call(find_operator(node.op), input_types, present, node.attributes);
    if (node.op == "reshape") {
      AtOncePlan::Step step;
      step.same_elements = true;
      add_step(std::move(step), inputs, outputs);
    } else if (const Implementation* library = choose_implementation(call, input_types, types)) {
      AtOncePlan::Step step;
      step.library = library->prepare(call, input_types, types, plan_.symbols);
      add_step(std::move(step), inputs, outputs);
    } else if (call.op().define != nullptr) {
      write_map(std::make_shared<const Map>(define(call).map), inputs, outputs, types);
    } else {
      write_composite(call, inputs, outputs);
    }
  }

  void write_composite(const Call& call, const std::vector<int>& inputs, const std::vector<int>& outputs) {
    Graph body;
    Builder build(body);
    std::vector<Var> arguments;
    std::unordered_map<ValueId, int> slots;
    for (int i = 0; i < call.input_count(); ++i) {
      arguments.push_back(call.has(i) ? build.input(fmt::format("x{}", i), call.input(i)) : Var());
      if (call.has(i)) slots[arguments.back().id()] = inputs[static_cast<std::size_t>(i)];
    }
    const std::vector<Var> results = call.op().compose(build, arguments, call);
    write(body, slots, false);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const int from = slot_of(body, results[i].id(), slots, false);
      AtOncePlan::Step step;
      step.same_elements = true;
      add_step(std::move(step), {from}, {outputs[i]});
    }
  }

  void add_step(AtOncePlan::Step step, std::vector<int> inputs, std::vector<int> outputs) {
    step.inputs = std::move(inputs);
    step.outputs = std::move(outputs);
    step.place = place_;
    pending_.push_back({std::nullopt, std::move(step)});
  }

  void write_map(const std::shared_ptr<const Map>& map, const std::vector<int>& inputs, const std::vector<int>& outputs,
                 const std::vector<Type>& types) {
    std::vector<std::int64_t> extents;
    for (const Axis& axis : map->axes) extents.push_back(axis.extent.evaluate(plan_.symbols));
    Group::Member member{map, inputs, outputs, types, place_};
    const bool groupable = Group::groupable(*map, types);
    Pending* const last = pending_.empty() || !pending_.back().group ? nullptr : &pending_.back();
    if (groupable && last != nullptr && last->group->takes(member, extents)) {
      last->group->add(std::move(member), std::move(extents));
      return;
    }
    pending_.push_back({Group(), {}});
    pending_.back().group->add(std::move(member), std::move(extents));
    if (!groupable) close(pending_.back());
  }

  // A map that cannot be in a group stands alone.
  void close(Pending& pending) {
    const Group::Member member = pending.group->members()[0];
    pending.group.reset();
    pending.step = alone(member);
  }

  std::vector<Type> types_of(const std::vector<int>& slots) const {
    std::vector<Type> types;
    for (const int slot : slots) {
      if (slot < 0) {
        types.emplace_back();
        continue;
      }
      const AtOncePlan::Slot& known = plan_.slots[static_cast<std::size_t>(slot)];
      types.push_back({known.dtype, Shape(known.sizes.begin(), known.sizes.end()), {}});
    }
    return types;
  }

  AtOncePlan::Step alone(const Group::Member& member) {
    AtOncePlan::Step step;
    step.inputs = member.inputs;
    step.outputs = member.outputs;
    step.place = member.place;
    step.blocked = BlockedMap::make(*member.map, types_of(step.inputs), types_of(step.outputs), plan_.symbols);
    if (step.blocked == nullptr) {
      step.interpreted = member.map;
      step.types = types_of(step.outputs);
    }
    return step;
  }

  void gather_steps() {
    std::unordered_map<int, std::size_t> last_reader;  // slot -> position in pending_
    constexpr std::size_t at_the_end = SIZE_MAX;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const auto note = [&](const std::vector<int>& inputs) {
        for (const int slot : inputs) last_reader[slot] = i;
      };
      if (!pending_[i].group) note(pending_[i].step.inputs);
      if (pending_[i].group) note(pending_[i].group->inputs());
    }
    for (const int slot : plan_.outputs) last_reader[slot] = at_the_end;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if (!pending_[i].group) {
        plan_.steps.push_back(std::move(pending_[i].step));
        continue;
      }
      const Group& group = *pending_[i].group;
      if (!write_group(group, i, last_reader)) {
        for (const Group::Member& member : group.members()) plan_.steps.push_back(alone(member));
      }
    }
  }

  bool write_group(const Group& group, std::size_t position, const std::unordered_map<int, std::size_t>& last_reader) {
    AtOncePlan::Step step;
    for (const Group::Member& member : group.members()) {
      for (const int slot : member.outputs) {
        const auto reader = last_reader.find(slot);
        if (reader != last_reader.end() && reader->second > position) step.outputs.push_back(slot);
      }
    }
    if (step.outputs.empty()) return true;  // nobody wants any of it
    step.inputs = group.inputs();
    step.place = group.members().back().place;
    step.blocked = BlockedMap::make(group.map(step.outputs), types_of(step.inputs), types_of(step.outputs), plan_.symbols);
    if (step.blocked == nullptr) return false;
    plan_.steps.push_back(std::move(step));
    return true;
  }

  void free_slots() {
    std::unordered_set<int> kept(plan_.outputs.begin(), plan_.outputs.end());
    for (std::size_t i = plan_.steps.size(); i-- > 0;) {
      AtOncePlan::Step& step = plan_.steps[i];
      for (const std::vector<int>* slots : {&step.inputs, &step.outputs}) {
        for (const int slot : *slots) {
          if (slot >= 0 && kept.insert(slot).second) step.last_used.push_back(slot);
        }
      }
    }
  }

  AtOncePlan plan_;
  std::vector<Pending> pending_;
  std::string place_;
};

void add_dim(Hasher& hasher, const Dim& dim) {
  if (dim.is_constant()) {
    hasher.add(static_cast<std::uint64_t>(dim.constant()));
  } else {
    hasher.add(dim.to_string());
  }
}

void add_attribute(Hasher& hasher, const Attribute& attribute) {
  hasher.add(attribute.index());
  const auto add = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, double>) {
      hasher.add(std::bit_cast<std::uint64_t>(value));
    } else if constexpr (std::is_same_v<T, std::string>) {
      hasher.add(std::string_view(value));
    } else if constexpr (std::is_same_v<T, Dim>) {
      add_dim(hasher, value);
    } else {
      hasher.add(static_cast<std::uint64_t>(value));
    }
  };
  std::visit(
      [&](const auto& value) {
        if constexpr (requires { value.begin(); } && !std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
          hasher.add(value.size());
          for (const auto& item : value) add(item);
        } else {
          add(value);
        }
      },
      attribute);
}

void add_type(Hasher& hasher, const Type& type) {
  hasher.add(static_cast<std::uint64_t>(type.dtype)).add(type.shape.size());
  for (const Dim& size : type.shape) add_dim(hasher, size);
}

}  // namespace

Hash at_once_signature(const Graph& graph, const std::vector<Array>& inputs) {
  Hasher hasher;
  hasher.add(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i < graph.inputs.size()) {
      hasher.add(static_cast<std::uint64_t>(graph.inputs[i].value));
      add_type(hasher, graph.type(graph.inputs[i].value));
    }
    hasher.add(static_cast<std::uint64_t>(inputs[i].dtype())).add(inputs[i].sizes().size());
    for (const std::int64_t size : inputs[i].sizes()) hasher.add(static_cast<std::uint64_t>(size));
  }
  // What a node makes follows from its operator and what it reads; a constant's type is said where it is read first.
  for (const NodePtr& node : graph.nodes()) {
    if (node->is_map()) {
      hasher.add(reinterpret_cast<std::uintptr_t>(node->map.get()));
      for (const ValueId id : node->outputs) add_type(hasher, graph.type(id));
    } else {
      hasher.add(std::string_view(node->op)).add(node->attributes.size());
      for (const auto& [name, value] : node->attributes) {
        hasher.add(std::string_view(name));
        add_attribute(hasher, value);
      }
    }
    if (node->epilogue != nullptr)
      hasher.add(reinterpret_cast<std::uintptr_t>(node->epilogue.get())).add(static_cast<std::uint64_t>(node->epilogue_first));
    hasher.add(node->inputs.size());
    for (const ValueId id : node->inputs) {
      hasher.add(static_cast<std::uint64_t>(id));
      if (id != no_value && graph.value(id).constant.has_value()) add_type(hasher, graph.type(id));
    }
    hasher.add(node->outputs.size());
    for (const ValueId id : node->outputs) hasher.add(static_cast<std::uint64_t>(id));
  }
  for (const Output& output : graph.outputs) hasher.add(static_cast<std::uint64_t>(output.value));
  return hasher.finish();
}

AtOncePlan plan_at_once(const Graph& graph, const Symbols& symbols) { return Planner(symbols).plan(graph); }

}  // namespace neap

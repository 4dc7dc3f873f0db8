#include "neap/ir/verify_map.h"

#include <algorithm>
#include <bitset>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/ir/scalar.h"

namespace neap {
namespace {

constexpr std::size_t most_axes = 256;
constexpr std::int64_t largest_index = 10000;  // nodes of an index expression, written out

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fmt::format(text, std::forward<Args>(args)...));
}

using AxisSet = std::bitset<most_axes>;

// What is known of an expression from below.
struct Facts {
  AxisSet free, bound;    // axes that it uses from around, and that its reductions run over
  std::int64_t size = 1;  // nodes, shared ones counted each time
  bool bounds_checked = false;
};

class MapVerifier {
 public:
  MapVerifier(const Map& map, const std::vector<const Type*>& operands, const std::vector<const Type*>& outputs,
              const std::function<void(const Dim&, std::string_view)>& check_size)
      : map_(map), operands_(operands), outputs_(outputs), check_size_(check_size) {}

  void run(const Schedule* schedule) {
    for (const Local& local : map_.locals) {
      for (const Dim& size : local.shape) check_size_(size, "a local");
      locals_.push_back({local.dtype, local.shape, {}});
    }
    AxisSet scope;
    const AxisSet used = enter(map_.axes, scope);
    expect_in_scope(used, scope);
    if (map_.stages.empty()) fail("a map does nothing");
    std::vector<int> accumulates(outputs_.size() + locals_.size(), -1);
    for (const Stage& stage : map_.stages) check(stage, scope, accumulates);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (accumulates[i] < 0) fail("result {} of the map is never written", i);
    }
    if (schedule != nullptr) check(*schedule, scope);
  }

 private:
  const Type& target_type(int target) const {
    if (target >= 0 && static_cast<std::size_t>(target) < outputs_.size()) return *outputs_[static_cast<std::size_t>(target)];
    if (target < 0 && static_cast<std::size_t>(-1 - target) < locals_.size()) return locals_[static_cast<std::size_t>(-1 - target)];
    fail("a stage writes {} {}, which the map does not have", target >= 0 ? "result" : "local", target >= 0 ? target : -1 - target);
  }

  const Type& operand_type(std::int64_t operand) const {
    if (operand >= 0 && operand < static_cast<std::int64_t>(operands_.size())) {
      if (operands_[static_cast<std::size_t>(operand)] == nullptr) fail("operand {} is absent, but read", operand);
      return *operands_[static_cast<std::size_t>(operand)];
    }
    if (operand < 0 && operand >= -static_cast<std::int64_t>(locals_.size())) return locals_[static_cast<std::size_t>(-1 - operand)];
    fail("{} {} is read, which the map does not have", operand >= 0 ? "operand" : "local", operand >= 0 ? operand : -1 - operand);
  }

  std::string name_of(std::size_t axis) const {
    return axes_[axis]->name.empty() ? fmt::format("axis {}", axes_[axis]->id) : axes_[axis]->name;
  }

  std::size_t number(int id) {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) fail("axis {} is used outside of its loop", id);
    return found->second;
  }

  // Puts axes into scope, outermost first; gives the axes that their bounds use from around.
  AxisSet enter(const std::vector<Axis>& axes, AxisSet& scope) {
    AxisSet used;
    for (const Axis& axis : axes) {
      if (axis.id < 0) fail("an axis has the id {}", axis.id);
      const auto [known, fresh] = numbers_.emplace(axis.id, axes_.size());
      if (fresh) {
        if (axes_.size() == most_axes) fail("a map has more than {} axes", most_axes);
        axes_.push_back(&axis);
        check_size_(axis.extent, "an axis");
      } else if (axes_[known->second] != &axis && !same_axis(*axes_[known->second], axis)) {
        fail("axis {} stands for two different loops", axis.id);
      }
      if (scope.test(known->second)) fail("axis {} stands inside itself", axis.id);
      if (axis.ragged != nullptr) {
        for (const Expr* bound : {&axis.ragged->first, &axis.ragged->second})
          used |= index_facts(*bound, "a bound of a ragged axis", true).free;
      }
      scope.set(known->second);
    }
    return used;
  }

  static bool same_axis(const Axis& a, const Axis& b) {
    if (!(a.extent == b.extent) || (a.ragged == nullptr) != (b.ragged == nullptr)) return false;
    if (a.ragged == nullptr || a.ragged == b.ragged) return true;
    return same(a.ragged->first, b.ragged->first) && same(a.ragged->second, b.ragged->second);
  }

  void expect_in_scope(const AxisSet& used, const AxisSet& scope) const {
    if (const AxisSet missing = used & ~scope; missing.any()) fail("{} is used outside of its loop", name_of(first(missing)));
  }

  void check_scope(const Facts& facts, const AxisSet& scope) const {
    expect_in_scope(facts.free, scope);
    if (const AxisSet twice = facts.bound & scope; twice.any()) fail("{} stands inside itself", name_of(first(twice)));
  }

  static std::size_t first(const AxisSet& set) {
    std::size_t at = 0;
    while (!set.test(at)) ++at;
    return at;
  }

  void check(const Stage& stage, const AxisSet& around, std::vector<int>& accumulates) {
    AxisSet scope = around;
    const AxisSet used = enter(stage.axes, scope);
    expect_in_scope(used, scope);
    const Type& target = target_type(stage.target);
    int& accumulate = accumulates[stage.target >= 0 ? static_cast<std::size_t>(stage.target)
                                                    : outputs_.size() + static_cast<std::size_t>(-1 - stage.target)];
    const int kind = static_cast<int>(stage.accumulate);
    if (kind > 0 && target.dtype == DType::boolean) fail("a stage accumulates in bool");
    if (accumulate > 0 && kind > 0 && accumulate != kind) fail("a result is accumulated in two ways");
    accumulate = std::max(accumulate, kind);
    if (!stage.value) fail("a stage has no value");
    if (static_cast<int>(stage.index.size()) != target.rank())
      fail("a stage writes at {} indices, but its target has rank {}", stage.index.size(), target.rank());
    if (stage.value.dtype() != target.dtype)
      fail("a stage's value is {}, but its target is {}", name(stage.value.dtype()), name(target.dtype));
    const Facts value = facts(stage.value, true);
    check_scope(value, scope);
    AxisSet placed = stage.target < 0 ? around : AxisSet();  // each point of the axes around a local has one of its own
    for (std::size_t i = 0; i < stage.index.size(); ++i) {
      const Facts index = index_facts(stage.index[i], "an index", true);
      check_scope(index, scope);
      check_bounds(stage.index[i], target.shape[i], "a stage writes");
      placed |= index.free;
    }
    if (stage.accumulate == Accumulate::none) expect_one_value(value.free & ~with_rows(placed));
  }

  // An entry of a ragged axis belongs to one row: who writes at the entry writes at its row.
  AxisSet with_rows(AxisSet placed) {
    for (std::size_t axis = axes_.size(); axis-- > 0;) {
      if (!placed.test(axis) || axes_[axis]->ragged == nullptr) continue;
      placed |= facts(axes_[axis]->ragged->first, true).free;
    }
    return placed;
  }

  // Points run in any order: those that write one element without accumulating have to write the same.
  void expect_one_value(const AxisSet& differs) const {
    for (std::size_t axis = 0; axis < axes_.size(); ++axis) {
      if (differs.test(axis) && !(axes_[axis]->extent == Dim(1)))
        fail("the points of {} write one element, each another value", name_of(axis));
    }
  }

  Facts index_facts(const Expr& index, const char* what, bool certain) {
    if (!index) fail("{} is empty", what);
    if (index.dtype() != DType::i64) fail("{} is {}, not i64", what, name(index.dtype()));
    const Facts of = facts(index, certain);
    if (of.size > largest_index) fail("{} is too large an expression", what);
    return of;
  }

  // `certain`: evaluated at every point, so that reads must be in bounds; not so in a branch of a select.
  Facts facts(const Expr& e, bool certain) {
    if (!e) fail("an expression lacks a part");
    const bool shared = !e->args.empty() && e.node().use_count() > 1;
    if (shared) {
      const auto found = known_.find(e.node().get());
      if (found != known_.end() && (found->second.bounds_checked || !certain)) return found->second;
    }
    Facts of;
    of.bounds_checked = certain;
    switch (e->op) {
      case Scalar::constant:
        expect_leaf(e);
        break;
      case Scalar::size:
        expect_leaf(e);
        check_size_(e->dim, "an expression");
        break;
      case Scalar::axis:
        expect_leaf(e);
        of.free.set(number(static_cast<int>(e->integer)));
        break;
      case Scalar::read:
        of = read_facts(e, certain);
        break;
      case Scalar::reduce:
        of = reduce_facts(e, certain);
        break;
      default:
        of = operation_facts(e, certain);
    }
    of.bounds_checked = certain;
    if (shared) known_.insert_or_assign(e.node().get(), of);
    return of;
  }

  void expect_leaf(const Expr& e) const {
    if (!e->args.empty()) fail("a {} has arguments", name(e->op));
    if (e->op != Scalar::constant && e->dtype != DType::i64) fail("a {} is {}, not i64", name(e->op), name(e->dtype));
  }

  static void absorb(Facts& into, const Facts& part) {
    into.free |= part.free;
    into.bound |= part.bound;
    into.size = std::min(into.size + part.size, std::int64_t{1} << 40);
  }

  Facts operation_facts(const Expr& e, bool certain) {
    Facts of;
    if (static_cast<int>(e->args.size()) != arity(e->op)) fail("{} has {} arguments, not {}", name(e->op), e->args.size(), arity(e->op));
    for (std::size_t i = 0; i < e->args.size(); ++i) absorb(of, facts(e->args[i], certain && (e->op != Scalar::select || i == 0)));
    if (e->op == Scalar::cast) return of;
    if (const DType wanted = result_type(e->op, e->args); wanted != e->dtype)
      fail("a {} is {}, but its arguments make it {}", name(e->op), name(e->dtype), name(wanted));
    return of;
  }

  Facts read_facts(const Expr& e, bool certain) {
    Facts of;
    const Type& type = operand_type(e->integer);
    const auto rank = static_cast<std::size_t>(e->rank);
    const bool guarded = e->args.size() == rank + 1;
    if (e->rank < 0 || (e->args.size() != rank && !guarded)) fail("a read has {} arguments for rank {}", e->args.size(), e->rank);
    if (e->rank != type.rank()) fail("a read has {} indices, but its operand is {}", e->rank, type.to_string());
    if (e->dtype != type.dtype) fail("a read is {}, but its operand is {}", name(e->dtype), type.to_string());
    for (std::size_t i = 0; i < rank; ++i) {
      absorb(of, index_facts(e->args[i], "an index", certain));
      if (certain && !guarded) check_bounds(e->args[i], type.shape[i], "a stage reads");
    }
    if (!guarded) return of;
    absorb(of, facts(e->args[rank], certain));
    if (e->args[rank].dtype() != e->dtype) fail("a read is {}, but {} outside of its operand", name(e->dtype), name(e->args[rank].dtype()));
    return of;
  }

  Facts reduce_facts(const Expr& e, bool certain) {
    if (e->args.size() != 1 || e->axes.empty()) fail("a reduction needs one argument and at least one axis");
    const bool position = e->reduction == Reduction::argmax || e->reduction == Reduction::argmin;
    const bool logical = e->reduction == Reduction::any || e->reduction == Reduction::all;
    if (position && e->axes.size() != 1) fail("{} runs over {} axes, not one", name(e->reduction), e->axes.size());
    AxisSet own;
    const AxisSet bounds = enter(e->axes, own);
    const Facts body = facts(e->args[0], certain);
    const DType value = e->args[0].dtype(), wanted = position ? DType::i64 : logical ? DType::boolean : value;
    if (logical && value != DType::boolean) fail("{} is taken of {}, not of bool", name(e->reduction), name(value));
    if (value == DType::boolean && !position && !logical) fail("{} is taken of bool", name(e->reduction));
    if (e->dtype != wanted) fail("a reduction is {}, but its argument makes it {}", name(e->dtype), name(wanted));
    if (const AxisSet twice = body.bound & own; twice.any()) fail("{} stands inside itself", name_of(first(twice)));
    Facts of;
    of.free = (body.free | bounds) & ~own;
    of.bound = body.bound | own;
    of.size = body.size + 1;
    return of;
  }

  // Affine indices must lie in bounds at every point whatever the symbols are, as far as that can be told; ragged axes are not known here.
  void check_bounds(const Expr& index, const Dim& size, const char* what) {
    if (index->op == Scalar::axis) {
      const Axis& axis = *axes_[number(static_cast<int>(index->integer))];
      if (axis.ragged != nullptr || axis.extent == size) return;
    }
    const Affine at = affine(index);
    if (!at.affine) return;
    Dim lowest = at.rest, highest = at.rest;
    for (const auto& [id, coefficient] : at.coefficients) {
      const Axis& axis = *axes_[number(id)];
      if (axis.ragged != nullptr || !coefficient.is_constant()) return;
      if (axis.extent == Dim(0)) return;
      (coefficient.constant() > 0 ? highest : lowest) += coefficient * (axis.extent - Dim(1));
    }
    const Dim beyond = highest - size;
    const bool before = lowest.is_constant() && lowest.constant() < 0, behind = beyond.is_constant() && beyond.constant() >= 0;
    if (!before && !behind) return;
    if (std::any_of(axes_.begin(), axes_.end(), [](const Axis* axis) { return axis->extent == Dim(0); })) return;  // nothing may run at all
    if (before) fail("{} at {}, before the first element", what, lowest.constant());
    fail("{} at {}, but the size there is {}", what, highest.to_string(), size.to_string());
  }

  void check(const Schedule& schedule, const AxisSet& scope) {
    const auto known = [&](int id) {
      if (const auto found = numbers_.find(id); found == numbers_.end())
        fail("the schedule names an axis {} that the map does not have", id);
    };
    for (std::size_t i = 0; i < schedule.order.size(); ++i) {
      known(schedule.order[i]);
      if (!scope.test(number(schedule.order[i]))) fail("the schedule orders an axis that is not the map's own");
      if (std::count(schedule.order.begin(), schedule.order.end(), schedule.order[i]) > 1) fail("the schedule orders an axis twice");
    }
    if (schedule.vector_axis != -1) known(schedule.vector_axis);
    if (schedule.parallel_axis != -1) known(schedule.parallel_axis);
    for (const auto& [axis, size] : schedule.tile) {
      known(axis);
      if (size < 1) fail("the schedule has a tile of {}", size);
    }
    if (schedule.vector_width < 0 || schedule.unroll < 0) fail("the schedule has a negative width or unrolling");
  }

  const Map& map_;
  const std::vector<const Type*>& operands_;
  const std::vector<const Type*>& outputs_;
  const std::function<void(const Dim&, std::string_view)>& check_size_;
  std::vector<Type> locals_;
  std::vector<const Axis*> axes_;                 // every loop of the map, by number
  std::unordered_map<int, std::size_t> numbers_;  // of axis ids
  std::unordered_map<const Expr::Node*, Facts> known_;
};

}  // namespace

void verify_map(const Map& map, const std::vector<const Type*>& operands, const std::vector<const Type*>& outputs, const Schedule* schedule,
                const std::function<void(const Dim&, std::string_view)>& check_size) {
  MapVerifier(map, operands, outputs, check_size).run(schedule);
}

}  // namespace neap

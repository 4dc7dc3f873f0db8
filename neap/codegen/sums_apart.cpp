#include "neap/codegen/sums_apart.h"

#include <algorithm>
#include <set>

#include "neap/codegen/access.h"
#include "neap/ir/map_walk.h"

namespace neap {
namespace {

constexpr std::int64_t most_sums = 1024;  // of one buffer

class SumsApart {
 public:
  SumsApart(const Map& map, const std::vector<Type>& inputs, int width) : map_(map), inputs_(inputs), width_(width) {
    next_axis_ = highest_axis(map) + 1;
  }

  Map run() {
    std::vector<Stage> stages;
    stages.swap(map_.stages);
    for (std::size_t from = 0; from < stages.size();) {
      const std::size_t to = end_of_nest(stages, from);
      take_out(stages, from, to);
      map_.stages.insert(map_.stages.end(), stages.begin() + static_cast<std::ptrdiff_t>(from),
                         stages.begin() + static_cast<std::ptrdiff_t>(to));
      from = to;
    }
    return std::move(map_);
  }

 private:
  struct Sum {
    Expr value;
    Axis around;
    int local = 0;  // that it becomes, as an operand
  };
  // Sums of as many over as many, which share a nest.
  struct Nest {
    Axis along;
    Dim summed;
    std::vector<Stage> stages;
  };

  // Nests of sums alone fold in lanes as they are.
  void take_out(std::vector<Stage>& stages, std::size_t from, std::size_t to) {
    const auto begin = stages.begin() + static_cast<std::ptrdiff_t>(from), end = stages.begin() + static_cast<std::ptrdiff_t>(to);
    if (std::all_of(begin, end, [](const Stage& stage) { return stage.value->op == Scalar::reduce; })) return;
    std::vector<Sum> sums;
    std::vector<Nest> nests;
    for (auto stage = begin; stage != end; ++stage) {
      stage->value = rewrite(stage->value, [&](const Expr& e) -> Expr {
        if (e->op != Scalar::reduce) return {};
        const auto around =
            std::find_if(stage->axes.begin(), stage->axes.end(), [&](const Axis& axis) { return folds(e, stage->axes, axis); });
        if (around == stage->axes.end()) return {};
        const auto known = std::find_if(sums.begin(), sums.end(), [&](const Sum& sum) { return same_sum(sum.value, e); });
        const int local = known != sums.end() ? known->local : add(sums, nests, e, *around);
        return read(local, e.dtype(), {axis_position(*around)});
      });
    }
    for (Nest& nest : nests) map_.stages.insert(map_.stages.end(), nest.stages.begin(), nest.stages.end());
  }

  int add(std::vector<Sum>& sums, std::vector<Nest>& nests, const Expr& sum, const Axis& around) {
    const Dim& summed = sum->axes[0].extent;
    auto nest =
        std::find_if(nests.begin(), nests.end(), [&](const Nest& n) { return n.along.extent == around.extent && n.summed == summed; });
    if (nest == nests.end()) nest = nests.insert(nests.end(), {{next_axis_++, around.name, around.extent, nullptr}, summed, {}});
    const int local = -1 - static_cast<int>(map_.locals.size());
    map_.locals.push_back({sum.dtype(), {around.extent}});
    const Expr position = axis_position(nest->along);
    nest->stages.push_back({{nest->along}, local, {position}, substitute_axes(sum, {{around.id, position}})});
    sums.push_back({sum, around, local});
    return local;
  }

  // Of sums that fold: whether they differ in the number of their own axis at most.
  static bool same_sum(const Expr& a, const Expr& b) {
    const Axis &first = a->axes[0], &second = b->axes[0];
    return a->reduction == b->reduction && first.extent == second.extent &&
           same(a->args[0], substitute_axes(b->args[0], {{second.id, axis_position(first)}}));
  }

  // Whether the sum's own axis and the one around it are one behind the other in what it reads.
  bool folds(const Expr& sum, const std::vector<Axis>& axes, const Axis& around) const {
    if (sum->axes.size() != 1 || !accumulation_of(sum->reduction) || (sum.dtype() != DType::f32 && sum.dtype() != DType::f64)) return false;
    const Axis& own = sum->axes[0];
    if (own.ragged != nullptr || around.ragged != nullptr || !own.extent.is_constant() || !around.extent.is_constant()) return false;
    const std::int64_t group = own.extent.constant(), width = sum.dtype() == DType::f64 ? width_ / 2 : width_;
    if (group < 2 || group > width || width % group != 0 || around.extent.constant() < 2 || around.extent.constant() > most_sums)
      return false;
    if (std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id != around.id && uses_axis(sum, axis.id); }))
      return false;
    bool fits = true, both = false;
    visit(sum->args[0], [&](const Expr& e) {
      fits &= e->op != Scalar::reduce;
      if (e->op != Scalar::read) return;
      const Expr offset = storage_offset(operand_type(e->integer), index_of(e));
      const auto far = coefficient_of(offset, around.id), near = coefficient_of(offset, own.id);
      const bool behind = far && near && *near == Dim(1) && *far == own.extent;
      fits &= !has_outside(e) && far && near && (behind || (*near == Dim(0) && (*far == Dim(0) || *far == Dim(1))));
      both |= behind;
    });
    return fits && both;
  }

  Type operand_type(std::int64_t operand) const {
    if (operand >= 0) return inputs_[static_cast<std::size_t>(operand)];
    const Local& local = map_.locals[static_cast<std::size_t>(-1 - operand)];
    return {local.dtype, local.shape, {}};
  }

  Map map_;
  const std::vector<Type>& inputs_;
  int width_;
  int next_axis_ = 0;
};

}  // namespace

std::size_t end_of_nest(const std::vector<Stage>& stages, std::size_t from) {
  std::set<std::int64_t> written{stages[from].target};
  std::size_t to = from + 1;
  for (; to < stages.size(); ++to) {
    const bool alike = std::equal(stages[from].axes.begin(), stages[from].axes.end(), stages[to].axes.begin(), stages[to].axes.end(),
                                  [](const Axis& a, const Axis& b) { return a.id == b.id; });
    bool reads = false;
    visit(stages[to].value, [&](const Expr& e) { reads |= e->op == Scalar::read && e->integer < 0 && written.count(e->integer) != 0; });
    if (!alike || reads || !written.insert(stages[to].target).second) break;
  }
  return to;
}

Map with_sums_apart(const Map& map, const std::vector<Type>& inputs, int width) {
  return is_scope(map) ? SumsApart(map, inputs, width).run() : map;
}

}  // namespace neap

#include "neap/ir/overwrite.h"

#include <algorithm>

namespace neap {
namespace {

class Overwriting {
 public:
  Overwriting(const Node& node, ValueId value, ValueId result) : node_(node), map_(*node.map), value_(value) {
    const auto output = std::find(node.outputs.begin(), node.outputs.end(), result) - node.outputs.begin();
    for (const Stage& stage : map_.stages) {
      if (stage.target != output) continue;
      alone_ = writing_ == nullptr && stage.accumulate == Accumulate::none;
      writing_ = &stage;
    }
  }

  bool fits() const {
    if (!alone_ || !writes_once()) return false;
    for (const Stage& stage : map_.stages) {
      if (reads_it(stage.index) || bounds_read_it(stage.axes)) return false;
      const bool after = &stage > writing_;
      bool good = true;
      visit(stage.value, [&](const Expr& e) {
        if (is_it(e)) good &= !after && (at_the_point(e) || (!runs_along(stage) && at_the_outer_point(e)));
      });
      if (!good) return false;
    }
    return !bounds_read_it(map_.axes);
  }

 private:
  bool is_it(const Expr& e) const {
    return e->op == Scalar::read && e->integer >= 0 && node_.inputs[static_cast<std::size_t>(e->integer)] == value_;
  }

  bool reads_it(const Expr& root) const {
    bool found = false;
    visit(root, [&](const Expr& e) { found |= is_it(e); });
    return found;
  }
  bool reads_it(const std::vector<Expr>& all) const {
    return std::any_of(all.begin(), all.end(), [&](const Expr& e) { return reads_it(e); });
  }
  bool bounds_read_it(const std::vector<Axis>& axes) const {
    return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) {
      return axis.ragged != nullptr && (reads_it(axis.ragged->first) || reads_it(axis.ragged->second));
    });
  }

  // Points that write one element would read what another has written.
  bool writes_once() const {
    for (const std::vector<Axis>* axes : {&map_.axes, &writing_->axes}) {
      for (const Axis& axis : *axes) {
        const auto at_axis = [&](const Expr& index) { return is_axis(index, axis.id); };
        if (!(axis.extent == Dim(1)) && std::none_of(writing_->index.begin(), writing_->index.end(), at_axis)) return false;
      }
    }
    return true;
  }

  bool at_the_point(const Expr& read) const {
    return std::equal(read->args.begin(), read->args.end(), writing_->index.begin(), writing_->index.end(), same);
  }

  // Of a scope: another loop, ahead of the one that writes, may read all elements that belong to the same point of the outer axes.
  bool at_the_outer_point(const Expr& read) const {
    if (read->args.size() != writing_->index.size()) return false;
    for (const Axis& axis : map_.axes) {
      for (std::size_t d = 0; d < writing_->index.size(); ++d) {
        const Expr& index = writing_->index[d];
        if (is_axis(index, axis.id) && !same(read->args[d], index)) return false;
      }
    }
    return true;
  }

  // Whether a stage runs in one loop with the one that writes.
  bool runs_along(const Stage& stage) const {
    return std::equal(stage.axes.begin(), stage.axes.end(), writing_->axes.begin(), writing_->axes.end(),
                      [](const Axis& a, const Axis& b) { return a.id == b.id; });
  }

  const Node& node_;
  const Map& map_;
  ValueId value_;
  const Stage* writing_ = nullptr;
  bool alone_ = false;
};

}  // namespace

bool may_overwrite(const Node& node, ValueId value, ValueId result) { return node.is_map() && Overwriting(node, value, result).fits(); }

}  // namespace neap

#include "neap/ir/ranges.h"

#include <span>

#include "neap/base/error.h"

namespace neap {
namespace {

class Ranges {
 public:
  Ranges(const Graph& graph, const Node& node, const Symbols& symbols) : graph_(graph), node_(node), symbols_(symbols) {}

  void check() {
    const Map& map = *node_.map;
    for (const Stage& stage : map.stages) {
      extents_.clear();
      if (!enter(map.axes) || !enter(stage.axes)) continue;
      if (stage.target >= 0) check_access({stage.index.data(), stage.index.size()}, node_.outputs[at(stage.target)], "write");
      for (const Expr& index : stage.index) look(index);
      look(stage.value);
    }
  }

 private:
  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  // False where there is no point at all. A ragged axis has no range that is known here.
  bool enter(const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      const std::int64_t extent = axis.extent.evaluate(symbols_);
      if (extent <= 0) return false;
      if (axis.ragged == nullptr) extents_[axis.id] = extent;
    }
    return true;
  }

  void look(const Expr& e) {
    if (e->op == Scalar::select) return look(e->args[0]);
    if (e->op == Scalar::reduce) {
      if (!enter(e->axes)) return;
      return look(e->args[0]);
    }
    if (e->op == Scalar::read) {
      const bool guarded = static_cast<int>(e->args.size()) > e->rank;
      for (int i = 0; i < e->rank; ++i) look(e->args[at(i)]);
      if (!guarded && e->integer >= 0) check_access({e->args.data(), at(e->rank)}, node_.inputs[at(e->integer)], "read");
      return;
    }
    if (!e->args.empty() && e.node().use_count() > 1 && !seen_.insert(e.node().get()).second) return;
    for (const Expr& arg : e->args) look(arg);
  }

  void check_access(std::span<const Expr> index, ValueId value, const char* what) const {
    for (std::size_t d = 0; d < index.size(); ++d) {
      const Affine position = affine(index[d]);
      if (!position.affine) continue;
      std::int64_t low = position.rest.evaluate(symbols_), high = low;
      bool known = true;
      for (const auto& [axis, coefficient] : position.coefficients) {
        const auto extent = extents_.find(axis);
        known &= extent != extents_.end();
        if (!known) break;
        const std::int64_t reach = coefficient.evaluate(symbols_) * (extent->second - 1);
        (reach < 0 ? low : high) += reach;
      }
      const Type& type = graph_.type(value);
      const std::int64_t size = type.shape[d].evaluate(symbols_);
      if (!known || (low >= 0 && high < size)) continue;
      throw Error(fmt::format("a {} would touch positions {} to {} of axis {} of {}, which has {} elements", what, low, high, d,
                              type.to_string(), size),
                  place_of(graph_, node_), "give sizes with which the positions fit");
    }
  }

  const Graph& graph_;
  const Node& node_;
  const Symbols& symbols_;
  std::map<int, std::int64_t> extents_;  // by axis id
  std::unordered_set<const Expr::Node*> seen_;
};

}  // namespace

void check_ranges(const Graph& graph, const Node& map_node, const Symbols& symbols) { Ranges(graph, map_node, symbols).check(); }

}  // namespace neap

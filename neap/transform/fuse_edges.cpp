// Makes one pass over the rows of a sparse pattern of all sums that a row's entries (a vertex's edges) bring it: at each entry what they
// need is computed in buffers of that entry, from the values of its two ends, and added to the row's sums. Values with an element for each
// edge (logits, their exponentials, normalised weights) are not stored; what a later pass needs of them it computes again, as
// FlashAttention (Dao et al., arXiv 2205.14135) does for dense attention.
#include <algorithm>
#include <optional>

#include "neap/base/error.h"
#include "neap/codegen/access.h"
#include "neap/transform/edge_maps.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_edges_transformation {
namespace {

constexpr std::int64_t most_entry_bytes = 64 << 10;  // of an entry's buffers
constexpr std::size_t most_operands = 48, most_stages = 32;
constexpr int largest_value = 256;  // scalar operations of one stage's value

// The sizes of a space of features that are not one, and what runs over them.
using Sizes = std::vector<Dim>;

class RowPass {
 public:
  RowPass(Draft& draft, const EdgeMaps& edges) : draft_(draft), edges_(edges) {}

  // "", or why these sinks cannot share a pass.
  std::string build(const std::vector<int>& sinks) {
    for (const int at : sinks) {
      if (std::string reason = add(at); !reason.empty()) return reason;
    }
    read_buffers();
    std::int64_t bytes = 0;
    for (const Local& local : locals_) bytes += element_count(local.shape).constant() * size_of(local.dtype);
    if (bytes > most_entry_bytes) return fmt::format("an entry's buffers would take {} kB", bytes >> 10);
    if (stages_.size() > most_stages) return "the pass would have too many stages";
    for (const Stage& stage : stages_) {
      if (expression_size(stage.value) > largest_value) return "an entry's expression would be too long";
    }
    return "";
  }

  std::vector<Node> nodes() {
    for (Type& type : sums_) draft_.add_value(std::move(type));
    OpenMap open{{{*row_, *entry_}, locals_, in_order()}, origin_, {}};
    std::vector<Node> all{opener_.close(open)};
    all.insert(all.end(), behind_.begin(), behind_.end());
    return all;
  }

 private:
  struct Made {
    Expr value;  // at the entry, on the axes of its space
    Sizes space;
    int local = 0;  // the buffer that holds it; 0: none does
  };

  // ---- opening maps onto the pass's own axes ------------------------------------------------------------------------------------

  // A map opened, with the positions of its axes in the pass.
  struct Opened {
    OpenMap open;
    std::map<int, Expr> position;
    std::vector<int> features;  // its axes of the space
    Sizes space;
    std::set<int> entries;  // its axes over entries, of reductions too
  };

  Opened open(int at) {
    const Node& node = draft_.node(at);
    const EdgeMap& edges = *edges_.find(at);
    Opened opened;
    opened.open = opener_.open(node);
    const Map& map = opened.open.map;
    const int shift = first_axis(map) - first_axis(*node.map);
    for (const int id : edges.entries) {
      opened.entries.insert(id + shift);
      opened.position.emplace(id + shift, axis_position(*entry_));
    }
    if (edges.row >= 0) opened.position.emplace(edges.row + shift, axis_position(*row_));
    const Stage& stage = map.stages[0];
    for (std::size_t d = 0; d < stage.index.size(); ++d) {
      if (stage.index[d]->op != Scalar::axis || opened.position.count(static_cast<int>(stage.index[d]->integer)) != 0) continue;
      const Axis& axis = *std::find_if(map.axes.begin(), map.axes.end(), [&](const Axis& a) { return a.id == stage.index[d]->integer; });
      if (axis.extent == Dim(1)) continue;
      opened.features.push_back(axis.id);
      opened.space.push_back(axis.extent);
    }
    const std::vector<Axis>& axes = axes_of(opened.space);
    for (std::size_t i = 0; i < axes.size(); ++i) opened.position.emplace(opened.features[i], axis_position(axes[i]));
    for (const Axis& axis : map.axes) opened.position.emplace(axis.id, Expr(0));  // of size one
    origin_ = merge_origins(origin_, opened.open.origin);
    return opened;
  }

  // The id of an axis of the map's own or of its first reduction.
  static int first_axis(const Map& map) {
    if (!map.axes.empty()) return map.axes[0].id;
    int id = -1;
    visit(map.stages[0].value, [&](const Expr& e) {
      if (id < 0 && !e->axes.empty()) id = e->axes[0].id;
    });
    return id;
  }

  // The same axes for all values of these sizes, so that what is computed on them shares loops.
  const std::vector<Axis>& axes_of(const Sizes& space) {
    for (const auto& [sizes, axes] : spaces_) {
      if (sizes == space) return axes;
    }
    std::vector<Axis> axes;
    for (const Dim& size : space) axes.push_back({opener_.fresh_axis(), fmt::format("f{}", axes.size() + 1), size, nullptr});
    spaces_.emplace_back(space, std::move(axes));
    return spaces_.back().second;
  }

  // A map that has rows, among this one and those that make what it reads at the entry.
  int with_rows(int at) const {
    if (edges_.find(at)->row >= 0) return at;
    for (const ValueId id : draft_.node(at).inputs) {
      if (!edges_.joined(id)) continue;
      if (const int found = with_rows(draft_.producer(id)); found >= 0) return found;
    }
    return -1;
  }

  // The row and the entry are those of the first map that has both.
  bool take_axes(int at) {
    at = with_rows(at);
    if (at < 0) return false;
    const OpenMap open = opener_.open(draft_.node(at));
    const auto take = [&](const std::vector<Axis>& axes) {
      for (const Axis& axis : axes) {
        if (axis.ragged != nullptr) entry_ = axis;
      }
    };
    take(open.map.axes);
    visit(open.map.stages[0].value, [&](const Expr& e) { take(e->axes); });
    row_ = *std::find_if(open.map.axes.begin(), open.map.axes.end(), [&](const Axis& axis) { return axis.id == row_entries(*entry_).row; });
    return true;
  }

  // ---- values at an entry -------------------------------------------------------------------------------------------------------

  Made& made(ValueId value) {
    if (const auto known = made_.find(value); known != made_.end()) return known->second;
    const Opened opened = open(draft_.producer(value));
    const Expr here = with_sums_in_buffers(at_entry(opened.open.map.stages[0].value, opened), opened.space);
    return made_.emplace(value, Made{here, opened.space}).first->second;
  }

  // What is summed over features is made in a buffer, by loops that other values with these features share.
  Expr with_sums_in_buffers(const Expr& value, const Sizes& space) {
    return rewrite(value, [&](const Expr& e) -> Expr {
      if (e->op != Scalar::reduce || !is_float(e.dtype())) return {};
      const std::optional<Accumulate> accumulate = accumulation_of(e->reduction);
      Sizes inner = space;
      for (const Axis& axis : e->axes) {
        if (axis.ragged != nullptr || axis.extent == Dim(1) || !axis.extent.is_constant()) return {};
        inner.push_back(axis.extent);
      }
      const std::vector<Axis> outer_axes = axes_of(space), axes = axes_of(inner);
      std::map<int, Expr> position;
      std::set<int> known{row_->id, entry_->id};
      for (const Axis& axis : outer_axes) known.insert(axis.id);
      const std::set<int> used = free_axes(e);
      if (!accumulate || !std::includes(known.begin(), known.end(), used.begin(), used.end())) return {};
      for (std::size_t i = 0; i < outer_axes.size(); ++i) position.emplace(outer_axes[i].id, axis_position(axes[i]));
      for (std::size_t i = 0; i < e->axes.size(); ++i) position.emplace(e->axes[i].id, axis_position(axes[space.size() + i]));
      Stage stage{axes, -1 - static_cast<int>(locals_.size()), {}, substitute_axes(e->args[0], position), *accumulate};
      locals_.push_back({e.dtype(), space});
      for (std::size_t i = 0; i < space.size(); ++i) stage.index.push_back(axis_position(axes[i]));
      stages_.push_back(stage);
      std::vector<Expr> index;
      for (const Axis& axis : outer_axes) index.push_back(axis_position(axis));
      return read(stage.target, e.dtype(), std::move(index));
    });
  }

  // An expression of an opened map on the pass's axes, what it reads at the entry computed in place or read from the entry's buffers.
  Expr at_entry(const Expr& value, const Opened& opened) {
    const Expr here = substitute_axes(value, opened.position);
    std::set<ValueId> needed;
    visit(here, [&](const Expr& e) {
      if (e->op == Scalar::read && e->integer >= 0 && edges_.joined(opener_.value(e->integer))) needed.insert(opener_.value(e->integer));
    });
    for (const ValueId id : needed) made(id);
    const std::vector<Axis>& axes = axes_of(opened.space);
    return rewrite(here, [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read || e->integer < 0) return {};
      const auto found = made_.find(opener_.value(e->integer));
      if (found == made_.end()) return {};
      Made& from = found->second;
      std::vector<Expr> index;
      const Shape& shape = draft_.type(found->first).shape;
      for (std::size_t d = 1; d < shape.size(); ++d) {
        if (!(shape[d] == Dim(1))) index.push_back(e->args[d]);
      }
      const bool in_place = from.space == opened.space && std::equal(index.begin(), index.end(), axes.begin(),
                                                                     [](const Expr& at, const Axis& axis) { return is_axis(at, axis.id); });
      return in_place ? from.value : read(buffer(from), e.dtype(), std::move(index));
    });
  }

  int buffer(Made& made) {
    if (made.local != 0) return made.local;
    const std::vector<Axis>& axes = axes_of(made.space);
    made.local = -1 - static_cast<int>(locals_.size());
    locals_.push_back({made.value.dtype(), made.space});
    Stage stage{axes, made.local, {}, made.value};
    for (const Axis& axis : axes) stage.index.push_back(axis_position(axis));
    stages_.push_back(std::move(stage));
    return made.local;
  }

  // ---- sinks --------------------------------------------------------------------------------------------------------------------

  std::string add(int at) {
    const Node& node = draft_.node(at);
    const EdgeMap& edges = *edges_.find(at);
    for (const ValueId id : node.inputs) operands_.insert(id);
    if (operands_.size() > most_operands) return "the pass would have too many operands";
    if (!row_ && !take_axes(at)) return "it has no rows";
    const Opened opened = open(at);
    Stage stage = opened.open.map.stages[0];
    for (Expr& index : stage.index) index = substitute_axes(index, opened.position);
    if (const Dim size = element_count(opened.space); !size.is_constant())
      return fmt::format("an entry has {} features: a size that is not known", size.to_string());
    stage.axes = axes_of(opened.space);
    if (edges.kind > EdgeMap::ragged) return add_sums(opened, stage.target);
    stage.value = at_entry(stage.value, opened);
    stages_.push_back(std::move(stage));
    return "";
  }

  // Each reduction over entries becomes an accumulation; what is made of them, a map behind.
  std::string add_sums(const Opened& opened, int target) {
    const Stage& whole = opened.open.map.stages[0];
    const auto over_entries = [&](const Axis& axis) { return opened.entries.count(axis.id) != 0; };
    std::vector<Expr> found;
    visit(whole.value, [&](const Expr& e) {
      if (e->op == Scalar::reduce && std::any_of(e->axes.begin(), e->axes.end(), over_entries) &&
          std::none_of(found.begin(), found.end(), [&](const Expr& other) { return same(other, e); }))
        found.push_back(e);
    });
    const bool plain = found.size() == 1 && same(found[0], whole.value);
    Stage last = whole;
    for (const Expr& e : found) {
      if (size_of(e.dtype()) < 4) return fmt::format("it sums {}, which would be rounded at every entry", name(e.dtype()));
      Opened at = opened;
      std::vector<int> ids = opened.features;
      for (const Axis& axis : e->axes) {
        if (over_entries(axis)) continue;
        if (!axis.extent.is_constant()) return fmt::format("it sums over {} features: a size that is not known", axis.extent.to_string());
        ids.push_back(axis.id);
        at.space.push_back(axis.extent);
      }
      Stage sum;
      sum.axes = axes_of(at.space);
      for (std::size_t i = 0; i < ids.size(); ++i) at.position[ids[i]] = axis_position(sum.axes[i]);
      for (const Expr& index : whole.index) sum.index.push_back(substitute_axes(index, at.position));
      sum.target = target;
      sum.value = with_sums_in_buffers(at_entry(e->args[0], at), at.space);
      sum.accumulate = *accumulation_of(e->reduction);
      if (!plain) {
        Type type = draft_.type(target);
        type.dtype = e.dtype();
        sum.target = draft_.value_count() + static_cast<ValueId>(sums_.size());
        sums_.push_back(type);
        const Expr total = read(opener_.operand(sum.target), e.dtype(), whole.index);
        last.value = rewrite(last.value, [&](const Expr& other) { return same(other, e) ? total : Expr(); });
      }
      stages_.push_back(std::move(sum));
    }
    if (plain) return "";
    behind_.push_back(opener_.close({{opened.open.map.axes, {}, {last}}, opened.open.origin, {}}));
    return "";
  }

  // A stage that waits for buffers runs in loops of its own: it takes from buffers what is in them, and does not compute it again.
  void read_buffers() {
    std::vector<const Made*> held;
    for (const auto& [value, made] : made_) {
      if (made.local != 0) held.push_back(&made);
    }
    std::sort(held.begin(), held.end(), [](const Made* a, const Made* b) {
      return expression_size(a->value) > expression_size(b->value);
    });  // the whole before its parts
    for (Stage& stage : stages_) {
      bool waits = false;
      visit(stage.value, [&](const Expr& e) { waits |= e->op == Scalar::read && e->integer < 0; });
      for (const Made* made : held) {
        if (!waits || stage.target == made->local) continue;
        std::vector<Expr> index;
        for (const Axis& axis : axes_of(made->space)) index.push_back(axis_position(axis));
        const Expr buffered = read(made->local, made->value.dtype(), std::move(index));
        stage.value = rewrite(stage.value, [&](const Expr& e) { return e.node() == made->value.node() ? buffered : Expr(); });
      }
    }
  }

  // Buffers before who reads them; stages over the same axes together, where that can be.
  std::vector<Stage> in_order() const {
    std::vector<Stage> ordered;
    std::vector<bool> taken(stages_.size(), false);
    std::set<std::int64_t> ready;
    const auto runs_now = [&](const Stage& stage) {
      bool can = true;
      visit(stage.value, [&](const Expr& e) { can &= e->op != Scalar::read || e->integer >= 0 || ready.count(e->integer) != 0; });
      return can;
    };
    const auto alike = [](const Stage& a, const Stage& b) {
      return std::equal(a.axes.begin(), a.axes.end(), b.axes.begin(), b.axes.end(),
                        [](const Axis& x, const Axis& y) { return x.id == y.id; });
    };
    while (ordered.size() < stages_.size()) {
      std::size_t next = stages_.size();
      for (std::size_t i = 0; i < stages_.size(); ++i) {
        if (taken[i] || !runs_now(stages_[i])) continue;
        if (next == stages_.size()) next = i;
        if (!ordered.empty() && alike(ordered.back(), stages_[i])) {
          next = i;
          break;
        }
      }
      NEAP_ASSERT(next < stages_.size(), " buffers that wait for each other");
      taken[next] = true;
      if (stages_[next].target < 0) ready.insert(stages_[next].target);
      ordered.push_back(stages_[next]);
    }
    return ordered;
  }

  Draft& draft_;
  const EdgeMaps& edges_;
  Opener opener_;
  std::optional<Axis> row_, entry_;
  std::vector<std::pair<Sizes, std::vector<Axis>>> spaces_;
  std::map<ValueId, Made> made_;
  std::vector<Local> locals_;
  std::vector<Stage> stages_;
  std::vector<Type> sums_;  // of new values
  std::vector<Node> behind_;
  std::set<ValueId> operands_;
  std::vector<std::string> origin_;
};

// Whether a sink needs what another makes, by whatever way.
bool depend_on_each_other(const Draft& draft, const std::vector<int>& sinks) {
  std::set<int> seen;
  std::vector<int> pending = sinks;
  const int first = *std::min_element(sinks.begin(), sinks.end(), [&](int a, int b) { return draft.before(a, b); });
  while (!pending.empty()) {
    const int at = pending.back();
    pending.pop_back();
    for (const ValueId id : draft.node(at).inputs) {
      const int maker = id == no_value ? -1 : draft.producer(id);
      if (maker < 0 || draft.before(maker, first) || !seen.insert(maker).second) continue;
      if (std::find(sinks.begin(), sinks.end(), maker) != sinks.end()) return true;
      pending.push_back(maker);
    }
  }
  return false;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const EdgeMaps edges(draft);
  std::vector<int> sinks;
  for (const ValueId id : site.at) {
    const int at = draft.producer(id);
    const EdgeMap* map = at < 0 ? nullptr : edges.find(at);
    if (map == nullptr || map->offsets == no_value || edges.joined(id)) return "it is no sum over the entries of rows";
    if (!sinks.empty() && map->offsets != edges.find(sinks[0])->offsets) return "their rows are those of several patterns";
    sinks.push_back(at);
  }
  if (sinks.empty()) return "a site has a sum at least";
  std::sort(sinks.begin(), sinks.end(), [&](int a, int b) { return draft.before(a, b); });
  if (std::adjacent_find(sinks.begin(), sinks.end()) != sinks.end()) return "a sum is named twice";
  if (depend_on_each_other(draft, sinks)) return "one needs the sums of another, which are known when its pass has run";
  RowPass pass(draft, edges);
  if (std::string reason = pass.build(sinks); !reason.empty()) return reason;
  std::set<ValueId> read;
  for (const int at : sinks) read.insert(draft.node(at).inputs.begin(), draft.node(at).inputs.end());
  draft.replace_group(sinks, pass.nodes());
  for (const ValueId id : read) {
    if (id != no_value && draft.producer(id) >= 0) draft.erase_unused(draft.producer(id));
  }
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (const std::vector<int>& sinks : EdgeMaps(draft).passes()) {
    Site site;
    for (const int at : sinks) site.at.push_back(draft.node(at).outputs[0]);
    sites.push_back(std::move(site));
  }
  return sites;
}

const RegisterTransformation fuse_edges{
    {.name = "fuse_edges",
     .level = 2,
     .about = "sums over the edges of vertices in one pass, in which what they need of each edge is computed",
     .find = find,
     .apply = apply,
     .needs_gain = false}};

}  // namespace
}  // namespace neap::fuse_edges_transformation

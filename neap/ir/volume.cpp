// What a map moves. An access touches, along each dimension of its operand, an arithmetic progression of positions; a box of progressions
// has an exact count, and so has the union of a few boxes. Everything else is bounded from above.
#include <algorithm>
#include <set>
#include <span>

#include "neap/base/error.h"
#include "neap/ir/boxes.h"
#include "neap/ir/by_node.h"
#include "neap/ir/graph.h"

namespace neap {
namespace {

constexpr std::int64_t most_enumerated = 1 << 14;  // points of an index that is counted one by one

// The axes that an access may use, at the sizes for which the map is counted. A later one of the same id takes the earlier one's place.
class Axes {
 public:
  struct Known {
    const Axis* axis;
    Dim extent;
  };
  explicit Axes(const SizesAt& at) : at_(&at) {}
  void add(const Axis& axis) {
    Known known{&axis, *at_ ? (*at_)(axis.extent) : axis.extent};
    for (Known& there : axes_) {
      if (there.axis->id == axis.id) return void(there = std::move(known));
    }
    axes_.push_back(std::move(known));
  }
  const Known* find(int id) const {
    const auto found = std::find_if(axes_.begin(), axes_.end(), [&](const Known& known) { return known.axis->id == id; });
    return found == axes_.end() ? nullptr : &*found;
  }
  const Known& at(int id) const { return *find(id); }
  Affine affine(const Expr& index) const {
    Affine made = neap::affine(index);
    if (!*at_) return made;
    for (auto& [axis, coefficient] : made.coefficients) coefficient = (*at_)(coefficient);
    std::erase_if(made.coefficients, [](const auto& term) { return is_zero(term.second); });
    made.rest = (*at_)(made.rest);
    return made;
  }

 private:
  const SizesAt* at_;
  std::vector<Known> axes_;
};

// What one index touches along its dimension; not `regular`: only how many positions at most.
struct Touched {
  bool regular = false;
  Steps steps;
};

// The positions of an affine index inside [0, size).
Touched touched_by(const Affine& index, const Axes& axes, const Dim& size) {
  struct Term {
    Dim coefficient, extent;
  };
  std::vector<Term> terms;
  Dim first = index.rest;
  for (const auto& [axis, coefficient] : index.coefficients) {
    const Dim& extent = axes.at(axis).extent;
    if (is_zero(extent)) return {true, {}};
    const bool backwards = typical(coefficient) < 0;
    if (backwards) first += coefficient * (extent - Dim(1));
    terms.push_back({backwards ? Dim(0) - coefficient : coefficient, extent});
  }
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return typical(a.coefficient) < typical(b.coefficient); });
  Dim step = terms.empty() ? Dim(1) : terms[0].coefficient, count = 1;
  bool regular = true;
  for (const Term& term : terms) {
    Dim stride;  // of this term, in steps
    const Dim apart = count * term.extent;
    if (is_one(term.extent)) continue;
    if (is_one(count)) step = term.coefficient;
    if (!regular || !Dim::divide_exactly(term.coefficient, step, stride)) {
      regular = false;
      count = apart;
      continue;
    }
    // Copies of the run so far, `stride` steps apart: they touch or overlap, or leave gaps.
    const Dim together = count + stride * (term.extent - Dim(1));
    if (surely_at_most(stride, count)) {
      count = together;
    } else {
      regular = false;
      count = smaller(apart, together);
    }
  }
  if (regular && step.is_constant()) return {true, clip({first, step.constant(), count}, size)};
  return {false, {0, 1, smaller(count, size)}};
}

std::set<int> axes_of(const Expr& index) {
  std::set<int> used;
  visit(index, [&](const Expr& e) {
    if (e->op == Scalar::axis) used.insert(static_cast<int>(e->integer));
  });
  return used;
}

// One read or write: an index expression a dimension.
struct Access {
  std::span<const Expr> index;
  const Axes* axes;
};

// What an access touches: a box, or (not `regular`) at most `count` elements.
struct Region {
  bool regular = true;
  Box box;
  Dim count = 1;
};

// Dimensions whose indices share axes, counted together.
struct Group {
  std::vector<std::size_t> dims;
  std::set<int> axes;
};

std::vector<Group> groups_of(const Access& access) {
  std::vector<Group> groups;
  for (std::size_t d = 0; d < access.index.size(); ++d) {
    Group merged{{d}, axes_of(access.index[d])};
    std::erase_if(merged.axes, [&](int axis) {
      const Axes::Known* known = access.axes->find(axis);
      return known == nullptr || is_one(known->extent);
    });
    std::erase_if(groups, [&](const Group& group) {
      if (std::none_of(group.axes.begin(), group.axes.end(), [&](int axis) { return merged.axes.count(axis) != 0; })) return false;
      merged.dims.insert(merged.dims.end(), group.dims.begin(), group.dims.end());
      merged.axes.insert(group.axes.begin(), group.axes.end());
      return true;
    });
    groups.push_back(std::move(merged));
  }
  return groups;
}

Dim points_of(const std::set<int>& ids, const Axes& axes) {
  std::vector<Axis> space;
  for (const int id : ids) {
    space.push_back(*axes.at(id).axis);
    space.back().extent = axes.at(id).extent;
  }
  return points(space);
}

// Counts the distinct positions of a group by going through its points; -1 where they are too many or not known.
std::int64_t enumerate(const Group& group, const std::vector<Affine>& indices, const Axes& axes, const Shape& shape) {
  std::int64_t points = 1;
  std::vector<std::int64_t> extents, at(group.axes.size(), 0);
  for (const int id : group.axes) {
    const Axes::Known& axis = axes.at(id);
    if (axis.axis->ragged != nullptr || !axis.extent.is_constant() || axis.extent.constant() > most_enumerated) return -1;
    extents.push_back(axis.extent.constant());
    points *= extents.back();
    if (points > most_enumerated) return -1;
  }
  struct Row {
    std::vector<std::int64_t> coefficients;
    std::int64_t rest, size;
  };
  std::vector<Row> rows;
  for (const std::size_t d : group.dims) {
    const Affine& index = indices[d];
    if (!index.affine || !index.rest.is_constant() || !shape[d].is_constant()) return -1;
    rows.push_back({{}, index.rest.constant(), shape[d].constant()});
    for (const int id : group.axes) {
      const auto found = index.coefficients.find(id);
      if (found != index.coefficients.end() && !found->second.is_constant()) return -1;
      rows.back().coefficients.push_back(found == index.coefficients.end() ? 0 : found->second.constant());
    }
  }
  std::set<std::vector<std::int64_t>> distinct;
  std::vector<std::int64_t> position(rows.size());
  for (std::int64_t point = 0; point < points; ++point) {
    bool inside = true;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      position[r] = rows[r].rest;
      for (std::size_t i = 0; i < at.size(); ++i) position[r] += rows[r].coefficients[i] * at[i];
      inside = inside && position[r] >= 0 && position[r] < rows[r].size;
    }
    if (inside) distinct.insert(position);
    for (std::size_t i = at.size(); i-- > 0;) {
      if (++at[i] < extents[i]) break;
      at[i] = 0;
    }
  }
  return static_cast<std::int64_t>(distinct.size());
}

// The commonest access: each dimension whole by an axis of its own, or at one position. Then nothing needs to be grouped.
bool plain_region(const Access& access, const Shape& shape, Region& region) {
  std::vector<std::int64_t> taken;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const Expr& index = access.index[d];
    if (index->op == Scalar::axis) {
      const Axes::Known* found = access.axes->find(static_cast<int>(index->integer));
      if (found == nullptr) return false;
      if (found->axis->ragged != nullptr || !(found->extent == shape[d])) return false;
      if (std::find(taken.begin(), taken.end(), index->integer) != taken.end()) return false;
      taken.push_back(index->integer);
      region.box.push_back({0, 1, found->extent});
      region.count *= found->extent;
    } else if (index->op == Scalar::constant && shape[d].is_constant() && index->integer >= 0 && index->integer < shape[d].constant()) {
      region.box.push_back({index->integer, 1, 1});
    } else {
      return false;
    }
  }
  return true;
}

Region region_of(const Access& access, const Shape& shape) {
  if (Region plain; plain_region(access, shape, plain)) return plain;
  Region region;
  region.box.resize(shape.size());
  std::vector<Affine> indices;
  for (const Expr& index : access.index) indices.push_back(access.axes->affine(index));
  for (const Group& group : groups_of(access)) {
    Dim bound = 1, whole = 1;
    bool regular = group.dims.size() == 1;
    for (const std::size_t d : group.dims) {
      const Touched touched = indices[d].affine ? touched_by(indices[d], *access.axes, shape[d]) : Touched{false, {0, 1, shape[d]}};
      region.box[d] = touched.steps;
      regular = regular && touched.regular;
      bound *= touched.steps.count;
      whole *= shape[d];
    }
    if (!regular) {
      const std::int64_t counted = enumerate(group, indices, *access.axes, shape);
      bound = counted >= 0 ? Dim(counted) : smaller(points_of(group.axes, *access.axes), bound);
      regular = bound == whole;
      for (const std::size_t d : group.dims) region.box[d] = {0, 1, shape[d]};
    }
    region.regular = region.regular && regular;
    region.count *= bound;
  }
  return region;
}

bool same_index(const Access& a, const Access& b) {
  return a.axes == b.axes && std::equal(a.index.begin(), a.index.end(), b.index.begin(), b.index.end(), same);
}

// Distinct elements that the accesses touch together.
Dim count_distinct(const std::vector<Access>& accesses, const Shape& shape) {
  std::vector<Box> boxes;
  std::vector<const Access*> irregular;
  Dim total = 0;
  for (const Access& access : accesses) {
    if (access.index.size() != shape.size()) return element_count(shape);
    const Region region = region_of(access, shape);
    if (is_zero(region.count)) continue;
    if (region.regular) {
      if (std::find(boxes.begin(), boxes.end(), region.box) == boxes.end()) boxes.push_back(region.box);
    } else if (std::none_of(irregular.begin(), irregular.end(), [&](const Access* other) { return same_index(*other, access); })) {
      irregular.push_back(&access);
      total += region.count;
    }
  }
  return smaller(total + count_union(std::move(boxes)), element_count(shape));
}

// Every access of a map, by operand.
struct Accesses {
  std::vector<std::vector<Access>> reads, writes;
  std::vector<Axes> scopes;  // one a stage

  Accesses(const Node& node, const SizesAt& at)
      : reads(node.inputs.size()), writes(node.outputs.size()), scopes(node.map->stages.size() + 1, Axes(at)) {
    const Map& map = *node.map;
    declare(map.axes, scopes.back());
    add_bounds(map.axes, scopes.back());
    for (std::size_t i = 0; i < map.stages.size(); ++i) {
      const Stage& stage = map.stages[i];
      Axes& scope = scopes[i];
      scope = scopes.back();
      declare(stage.axes, scope);
      add_bounds(stage.axes, scope);
      add(stage.value, scope);
      for (const Expr& index : stage.index) add(index, scope);
      if (stage.target >= 0 && static_cast<std::size_t>(stage.target) < writes.size())
        writes[static_cast<std::size_t>(stage.target)].push_back({stage.index, &scope});
    }
  }

  void declare(const std::vector<Axis>& axes, Axes& scope) {
    for (const Axis& axis : axes) {
      scope.add(axis);
    }
  }
  // Accesses, and the axes of reductions that they use.
  void add(const Expr& root, Axes& scope) {
    visit_nodes(root, [&](const Expr& e) {
      for (const Axis& axis : e->axes) scope.add(axis);
      if (e->op != Scalar::read || e->integer < 0 || static_cast<std::size_t>(e->integer) >= reads.size()) return;
      reads[static_cast<std::size_t>(e->integer)].push_back({{e->args.data(), static_cast<std::size_t>(e->rank)}, &scope});
    });
  }
  void add_bounds(const std::vector<Axis>& axes, Axes& scope) {
    for (const Axis& axis : axes) {
      if (axis.ragged == nullptr) continue;
      add(axis.ragged->first, scope);
      add(axis.ragged->second, scope);
    }
  }
};

// Whether an access runs over all of a shape, by an axis of its own in each dimension of more than one element.
bool is_whole(const Access& access, const Shape& shape) {
  if (access.index.size() != shape.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const Expr& index = access.index[d];
    if (index->op == Scalar::constant && index->integer == 0 && is_one(shape[d])) continue;
    const Axes::Known* known = index->op == Scalar::axis ? access.axes->find(static_cast<int>(index->integer)) : nullptr;
    if (known == nullptr || known->axis->ragged != nullptr || !(known->extent == shape[d])) return false;
    for (std::size_t other = 0; other < d; ++other) {
      if (access.index[other]->op == Scalar::axis && access.index[other]->integer == index->integer) return false;
    }
  }
  return true;
}

// `shape`: memory to work in.
Dim bytes_of(const std::vector<Access>& accesses, const Type& type, const SizesAt& at, Shape& shape) {
  if (accesses.empty()) return 0;
  shape.clear();
  for (const Dim& size : type.shape) shape.push_back(at ? at(size) : size);
  // Mostly an element is read where another is written: there is nothing to count.
  if (type.layout.row_major() &&
      std::any_of(accesses.begin(), accesses.end(), [&](const Access& access) { return is_whole(access, shape); }))
    return element_count(shape) * Dim(size_of(type.dtype));
  return smaller(count_distinct(accesses, shape) * Dim(size_of(type.dtype)), storage_bytes({type.dtype, shape, type.layout}));
}

}  // namespace

Dim Volume::bytes() const {
  Dim total = 0;
  for (const Dim& read : reads) total += read;
  for (const Dim& write : writes) total += write;
  return total;
}

Volume volume(const Graph& graph, const Node& map_node, const SizesAt& at) {
  NEAP_ASSERT(map_node.is_map(), " {} is a call", map_node.op);
  Volume moved;
  const Accesses accesses(map_node, at);
  Shape shape;
  for (std::size_t i = 0; i < map_node.inputs.size(); ++i) {
    const ValueId id = map_node.inputs[i];
    moved.reads.push_back(id == no_value ? Dim(0) : bytes_of(accesses.reads[i], graph.type(id), at, shape));
  }
  for (std::size_t i = 0; i < map_node.outputs.size(); ++i) {
    moved.writes.push_back(bytes_of(accesses.writes[i], graph.type(map_node.outputs[i]), at, shape));
  }
  return moved;
}

}  // namespace neap

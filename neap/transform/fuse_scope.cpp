// Puts maps that share an outer axis (the images of a batch, the rows of a matrix) into one scope: each point of the axis runs through all
// of them while what they hand on is in cache, in buffers of the scope's own. Sums over the axis go on as accumulations. A pass over the
// entries of rows (fuse_edges) becomes loops over a row's entries inside, so that what is made of the row's sums, and another pass over
// them, can follow.
#include <algorithm>
#include <iterator>
#include <set>

#include "neap/base/error.h"
#include "neap/codegen/access.h"
#include "neap/ir/map_nodes.h"
#include "neap/transform/buffer_copies.h"
#include "neap/transform/entry_rows.h"
#include "neap/transform/map_accesses.h"
#include "neap/transform/neighbours.h"
#include "neap/transform/scope_rows.h"
#include "neap/transform/transformation.h"

namespace neap::fuse_scope_transformation {
namespace {

constexpr std::size_t most_operands = 96, most_stages = 64, most_readers = 32;
constexpr std::int64_t fewest_points = 8;  // of the outer axis: they are what threads share

// Two maps, the first of which runs before the second.
struct Pair {
  const Node &one, &two;
  MapAccesses a{one}, b{two};
};

// An axis of each, by which they can run together.
struct OuterAxis {
  int a = 0, b = 0;
};

// An access to a value in which dimension `dim` is exactly one axis.
struct Access {
  int dim = 0, axis = 0;
  Dim extent;
};

// Accesses of a map to a value with a plain axis at some dimension.
std::vector<Access> accesses(const MapAccesses& touches, ValueId value) {
  std::vector<Access> found;
  for (const MapAccess& touch : touches.of(value)) {
    for (std::size_t d = 0; d < touch.index.size(); ++d) {
      if (touch.index[d]->op != Scalar::axis) continue;
      const int dim = static_cast<int>(d), axis = static_cast<int>(touch.index[d]->integer);
      const Dim* extent = touches.extent(axis);
      const auto is_it = [&](const Access& access) { return access.dim == dim && access.axis == axis; };
      if (extent != nullptr && std::none_of(found.begin(), found.end(), is_it)) found.push_back({dim, axis, *extent});
    }
  }
  return found;
}

// Whether all that belongs to one point of a dimension lies in one run, or its runs are whole lines, or the value is small.
bool whole_lines(const Type& type, int dim) {
  constexpr std::int64_t line = 16, small = 65536;  // elements
  const Dim run = run_length(type, dim);
  if (!run.is_constant() || run.constant() >= line) return true;
  Dim point = 1;
  for (int d = 0; d < type.rank(); ++d) point *= d == dim ? Dim(1) : type.shape[static_cast<std::size_t>(d)];
  if (run == point) return true;
  const Dim all = point * type.shape[static_cast<std::size_t>(dim)];
  return all.is_constant() && all.constant() < small;
}

// Every value that the map touches lies in rows along the outer axis: one point of it reads whole cache lines.
bool reads_whole_lines(const Draft& draft, const MapAccesses& touches, int outer) {
  std::set<std::pair<ValueId, std::size_t>> known;
  for (const MapAccess& touch : touches.all()) {
    for (std::size_t dim = 0; dim < touch.index.size(); ++dim) {
      if (!uses_axis(touch.index[dim], outer) || !known.emplace(touch.value, dim).second) continue;
      if (!whole_lines(draft.type(touch.value), static_cast<int>(dim))) return false;
    }
  }
  return true;
}

// A value that no index along the outer axis cuts is read whole at every point: it should be no more than a cache holds beside the buffers.
std::string reads_again(const Draft& draft, const Node& node, const MapAccesses& touches, int outer) {
  constexpr std::int64_t most = 48 << 10;  // bytes
  std::set<int> cutting{outer};            // entries of a row are its own
  for (const auto& [id, axis] : axes_by_id(*node.map)) {
    if (axis.ragged != nullptr && uses_axis(axis.ragged->first, outer)) cutting.insert(id);
  }
  const auto is_cut = [&](const MapAccess& touch) {
    return !touch.is_write && std::any_of(touch.index.begin(), touch.index.end(), [&](const Expr& index) {
      return std::any_of(cutting.begin(), cutting.end(), [&](int axis) { return uses_axis(index, axis); });
    });
  };
  for (auto first = touches.all().begin(); first != touches.all().end();) {
    const ValueId value = first->value;
    const auto end = std::find_if(first, touches.all().end(), [&](const MapAccess& touch) { return touch.value != value; });
    const bool is_read = !std::prev(end)->is_write;
    if (is_read && std::none_of(first, end, is_cut)) {
      const Dim count = element_count(draft.type(value).shape);
      const bool is_small = count.is_constant() && count.constant() * size_of(draft.type(value).dtype) <= most;
      if (!is_small) return fmt::format("each point of the outer axis would read all of {} again", draft.type(value).to_string());
    }
    first = end;
  }
  return "";
}

std::string fits_rows(const Draft& draft, const Node& node, const MapAccesses& touches, int outer) {
  if (std::string reason = check_rows(draft, node, outer); !reason.empty()) return reason;
  if (!reads_whole_lines(draft, touches, outer)) return "a point of the outer axis would read elements that do not lie together";
  return reads_again(draft, node, touches, outer);
}

// Whether the map writes at places that are read from an operand.
bool places_by(const Node& node, ValueId value) {
  bool found = false;
  for (const Stage& stage : node.map->stages) {
    for (const Expr& index : stage.index) {
      visit_nodes(index, [&](const Expr& e) {
        found |= e->op == Scalar::read && e->integer >= 0 && node.inputs[static_cast<std::size_t>(e->integer)] == value;
      });
    }
  }
  return found;
}

// The order of a value's other dimensions in memory.
std::vector<int> stored_order(const Type& type, int without) {
  std::vector<int> order;
  if (type.layout.row_major()) {
    for (int d = 0; d < type.rank(); ++d) order.push_back(d);
  } else {
    for (const Layout::Level& level : type.layout.levels) order.push_back(level.axis);
  }
  std::erase(order, without);
  return order;
}

// A value that the second takes from the first at the same point of the outer axis, which is its dimension `dim`; the buffer for it.
struct Handed {
  ValueId value = no_value;
  int dim = 0;
  RowBuffer buffer = {};
  Local local = {};
};

bool is_own_axis(const Node& node, int axis) {
  const std::vector<Axis>& axes = node.map->axes;
  return std::any_of(axes.begin(), axes.end(), [&](const Axis& own) { return own.id == axis; });
}

// Whether a value, which the map reads, is read at each point of an axis: what stands around sums over it is computed behind the scope.
bool reads_along(const Node& node, int axis, ValueId value) {
  const auto is_it = [&](const Expr& e) {
    return e->op == Scalar::read && e->integer >= 0 && node.inputs[static_cast<std::size_t>(e->integer)] == value;
  };
  if (is_own_axis(node, axis)) return true;
  bool found = false;
  visit_map_nodes(*node.map, [&](const Expr& e) {
    const auto over = [&](const Axis& summed) { return summed.id == axis; };
    if (std::any_of(e->axes.begin(), e->axes.end(), over)) visit_nodes(e, [&](const Expr& inner) { found |= is_it(inner); });
  });
  return found;
}

// Whether they can run together along an axis, and everything that the second then takes from the first.
std::string fits(const Draft& draft, const Pair& pair, const OuterAxis& outer, std::vector<Handed>& handed) {
  if (std::string reason = fits_rows(draft, pair.one, pair.a, outer.a); !reason.empty()) return reason;
  if (std::string reason = fits_rows(draft, pair.two, pair.b, outer.b); !reason.empty()) return reason;
  handed.clear();
  for (const ValueId value : pair.one.outputs) {
    if (pair.b.of(value).empty() || !reads_along(pair.two, outer.b, value)) continue;
    if (!is_own_axis(pair.one, outer.a)) return "the second reads what is computed from the first's sum over the outer axis";
    // In a buffer it would not say any more that each point of the outer axis has places of its own.
    if (places_by(pair.two, value)) return "the second writes at places that the first makes";
    int dim = 0;
    const int rank = draft.type(value).rank();
    while (dim < rank && !(pair.a.aligned(value, dim, outer.a) && pair.b.aligned(value, dim, outer.b))) ++dim;
    if (dim == rank) return "the second reads the first's result at other points of the outer axis";
    handed.push_back({value, dim});
  }
  return "";
}

// The first axis that they share by a value and along which they can run together.
std::string find_outer(const Draft& draft, const Pair& pair, OuterAxis& outer, std::vector<Handed>& handed) {
  std::vector<ValueId> shared(pair.one.outputs);
  shared.insert(shared.end(), pair.one.inputs.begin(), pair.one.inputs.end());
  std::string reason = "they share no outer axis";
  for (const ValueId value : shared) {
    if (value == no_value || pair.b.of(value).empty() || draft.type(value).rank() < 2) continue;
    for (const Access& at : accesses(pair.a, value)) {
      // A row of a single number is no work to hand on.
      if (at.extent.is_constant() && at.extent.constant() < fewest_points) continue;
      for (const Access& bt : accesses(pair.b, value)) {
        if (at.dim != bt.dim || !(at.extent == bt.extent)) continue;
        outer = {at.axis, bt.axis};
        reason = fits(draft, pair, outer, handed);
        if (reason.empty()) return "";
      }
    }
  }
  return reason;
}

// Makes the buffer that stands for a value; `number` of the scope's.
std::string make_buffer(const Draft& draft, Handed& handed, std::size_t number) {
  const Type& type = draft.type(handed.value);
  for (const Layout::Level& level : type.layout.levels) {
    if (level.block != 0) return "a value has a blocked layout";
  }
  handed.buffer = {handed.value, -1 - static_cast<int>(number), stored_order(type, handed.dim)};
  handed.local.dtype = type.dtype;
  for (const int d : handed.buffer.dimensions) handed.local.shape.push_back(type.shape[static_cast<std::size_t>(d)]);
  const Dim count = element_count(handed.local.shape);
  if (!count.is_constant()) return fmt::format("a row of {} has a size that is not known: {}", type.to_string(), count.to_string());
  return "";
}

std::int64_t bytes_of(const Local& local) { return element_count(local.shape).constant() * size_of(local.dtype); }

std::int64_t buffer_bytes(const Pair& pair, const std::vector<Handed>& handed) {
  std::int64_t bytes = 0;
  for (const Handed& h : handed) bytes += bytes_of(h.local);
  for (const Node* node : {&pair.one, &pair.two}) {
    for (const Local& local : node->map->locals) bytes += bytes_of(local);
  }
  return bytes;
}

// The map writes a buffer in place of a value, and the value too where somebody else needs it.
void write_buffer(Map& map, const RowBuffer& buffer, DType dtype, bool needed) {
  std::vector<Stage> copies;
  for (Stage& stage : map.stages) {
    if (stage.target != buffer.value) continue;
    std::vector<Expr> place = buffer.place(stage.index);
    if (needed) {
      const bool after_sums = stage.accumulate != Accumulate::none;
      Stage copy = stage;
      copy.accumulate = Accumulate::none;
      copy.value = read(buffer.local, dtype, place);
      if (after_sums)
        std::erase_if(copy.axes, [&](const Axis& axis) {
          return std::none_of(stage.index.begin(), stage.index.end(), [&](const Expr& i) { return uses_axis(i, axis.id); });
        });
      copies.push_back(std::move(copy));
    }
    stage.index = std::move(place);
    stage.target = buffer.local;
  }
  map.stages.insert(map.stages.end(), std::make_move_iterator(copies.begin()), std::make_move_iterator(copies.end()));
}

// Both maps as one scope over the outer axis, and what is behind it.
std::vector<Node> join(Draft& draft, const Pair& pair, const OuterAxis& outer, const std::vector<Handed>& handed) {
  Joining joining{outer.b, outer.a, static_cast<int>(pair.one.map->locals.size() + handed.size()), {}};
  for (const Handed& h : handed) joining.buffers.push_back(h.buffer);
  Opener opener;
  Rows a{opener.open(pair.one)}, b{opener.open(pair.two, joining)};
  make_rows(draft, opener, outer.a, draft.value_count(), a);
  make_rows(draft, opener, outer.a, draft.value_count() + static_cast<ValueId>(a.sums.size()), b);

  Map& scope = a.open.map;
  const int second = draft.producer(pair.two.outputs[0]);
  for (const Handed& h : handed) {
    const std::vector<int>& users = draft.users(h.value);
    const bool needed = draft.is_output(h.value) || std::any_of(users.begin(), users.end(), [&](int at) { return at != second; });
    scope.locals.push_back(h.local);
    write_buffer(scope, h.buffer, h.local.dtype, needed);
  }
  scope.locals.insert(scope.locals.end(), b.open.map.locals.begin(), b.open.map.locals.end());
  std::move(b.open.map.stages.begin(), b.open.map.stages.end(), std::back_inserter(scope.stages));
  drop_buffer_copies(scope);
  a.open.origin = merge_origins(a.open.origin, b.open.origin);
  a.open.schedule = {};
  std::vector<Node> made{opener.close(std::move(a.open))};
  for (Rows* rows : {&a, &b}) {
    std::move(rows->behind.begin(), rows->behind.end(), std::back_inserter(made));
    for (const Type& type : rows->sums) draft.add_value(type);
  }
  return made;
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  if (site.at.size() != 2) return "a pair of nodes is wanted";
  int first = draft.producer(site.at[0]), second = draft.producer(site.at[1]);
  if (first < 0 || second < 0 || first == second) return "a node is gone";
  if (!draft.before(first, second)) std::swap(first, second);
  const NodePtr kept_one = draft.pointer(first), kept_two = draft.pointer(second);
  const Node &one = *kept_one, &two = *kept_two;
  if (!one.is_map() || !two.is_map()) return fmt::format("{} is a library call", one.is_map() ? two.op : one.op);
  if (one.inputs.size() + two.inputs.size() > most_operands) return "the scope would have too many operands";
  if (one.map->stages.size() + two.map->stages.size() > most_stages) return "the scope would have too many stages";
  if (draft.depends_through_others(first, second)) return "other nodes stand between them";
  const auto rows = [&](const Node& node) { return is_entry_pass(draft, node) ? as_rows(draft, node) : node; };
  const Node rows_of_one = rows(one), rows_of_two = rows(two);
  const Pair pair{rows_of_one, rows_of_two};
  OuterAxis outer;
  std::vector<Handed> handed;
  if (std::string reason = find_outer(draft, pair, outer, handed); !reason.empty()) return reason;
  for (std::size_t i = 0; i < handed.size(); ++i) {
    if (std::string reason = make_buffer(draft, handed[i], rows_of_one.map->locals.size() + i); !reason.empty()) return reason;
  }
  const std::int64_t bytes = buffer_bytes(pair, handed);
  if (bytes > parameters.at("buffer_kib") << 10)
    return fmt::format("its buffers would take {} kB, which does not stay in cache", bytes >> 10);
  draft.replace_pair(first, second, join(draft, pair, outer, handed));
  return "";
}

std::vector<Site> find(const Draft& draft) { return neighbouring_maps(draft, 2, most_readers); }

const RegisterTransformation fuse_scope{
    {.name = "fuse_scope",
     .level = 2,
     .about = "runs maps that share an outer axis point by point of it, handing on what they make in buffers that stay in cache",
     .parameters = {{"buffer_kib", 512, 1, 1024, "most that a point's buffers may take, in KiB"}},
     .find = find,
     .apply = apply}};

}  // namespace
}  // namespace neap::fuse_scope_transformation

#include "neap/transform/gathers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "neap/codegen/emitter.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/ir/map_walk.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr double line = 64;          // bytes that come at a time
constexpr double place_bytes = 320;  // of an entry's row in one more table than one, which lies at a place of its own
constexpr double entry_bytes = 50;   // that a stream moves while a loop goes to one entry more, whatever that brings
constexpr double work_bytes = 0.3;   // that a stream moves while an entry computes a flop: rows that come sooner wait for it

// Of slabs: what is read is for the most part there, and asked for by who waits for nothing else.
constexpr double from_slab[] = {1.5, 1.125, 0.875, 0.625};  // of the rate at which rows come from the smallest table
constexpr double slab_bytes[] = {512 << 10, 1 << 20, 2 << 20, 4 << 20};
constexpr double visit_bytes = 64;  // of finding what a row has in a slab

class Gathers {
 public:
  // As the map would be.
  struct Change {
    bool joined = false;    // tables that one list points into lie side by side, as join_tables will have them
    int entry = -1;         // the axis that is walked by slabs
    std::int64_t rows = 0;  // of a slab
    int cut = -1;           // the axis along tables' rows that is cut to panels
    double panels = 1;      // how many
  };
  Gathers(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands, const GatherRates& rates,
          const Change& change)
      : rates_(rates),
        size_(size),
        graph_(graph),
        map_(map),
        operands_(operands),
        change_(change),
        slices_(slice_axis(map)),
        axes_(axes_by_id(map)),
        emit_(map, types_of(graph, operands), {}, symbols_, Isa::avx2) {
    if (change.entry >= 0) {
      walk_slabs(axes_.at(change.entry), static_cast<double>(change.rows));
    } else if (map.axes.size() == 3 && map.axes[0].ragged == nullptr && map.axes[1].ragged == nullptr && map.axes[2].ragged != nullptr) {
      walk_slabs(map.axes[2], 0);
    }
    for (const Stage& stage : map.stages) visit(stage.value, [&](const Expr& e) { add(stage, e); });
    bytes += from_places;
    const double slices = change.panels * (slices_ >= 0 ? size(axes_.at(slices_).extent) : 1);
    if (slices > 1) bytes += (slices - 1) * read_of_entries();
  }
  // What an entry brings by the list that brings the most.
  struct Tables {
    std::int64_t list = -1;
    double row_bytes = 0, rows = 0, bytes = 0;
    std::set<std::int64_t> operands;
  };
  Tables tables_of(const Axis& entry) const {
    const auto type_of = [&](std::int64_t operand) { return graph_.type(operands_[static_cast<std::size_t>(operand)]); };
    const std::vector<GatheredRows> all = gathered_rows(map_.stages, entry, type_of);
    Tables found{heaviest_list(all)};
    for (const GatheredRows& table : all) {
      if (table.list->integer != found.list) continue;
      found.row_bytes += static_cast<double>(table.bytes);
      found.rows = size_(type_of(table.table).shape[0]);
      found.bytes += size_(storage_bytes(type_of(table.table)));
      found.operands.insert(table.table);
    }
    return found;
  }
  double bytes = 0, from_places = 0;  // all; of what comes at places from data

 private:
  double slab_rate(double bytes) const {
    for (std::size_t i = 0; i < std::size(slab_bytes); ++i) {
      if (bytes <= slab_bytes[i]) return from_slab[i] * rates_.rates[0];
    }
    return rates_.of(bytes);
  }

  // What slabs cost besides what is read from them: each comes into the near cache, and each row is looked at, its sums taken up.
  void walk_slabs(const Axis& entry, double rows) {
    const Tables tables = tables_of(entry);
    if (tables.list < 0) return;
    const double slabs = rows > 0 ? std::ceil(tables.rows / rows) : size_(map_.axes[0].extent);
    if (rows == 0) rows = std::ceil(tables.rows / slabs);
    tiled_ = tables.operands;
    slab_rate_ = slab_rate(tables.row_bytes * rows);
    double sums = 0, of_rows = 0;  // bytes; how many
    for (const Stage& stage : map_.stages) {
      if (stage.target < 0 || stage.index.empty()) continue;
      const auto extent = [&](const Expr& index) {
        return index->op == Scalar::axis ? size_(axes_.at(static_cast<int>(index->integer)).extent) : 1;
      };
      double elements = size_of(stage.value.dtype());
      for (const Expr& index : stage.index) elements *= extent(index);
      sums += elements;
      of_rows = extent(stage.index[0]);
    }
    const double own = read_of_rows();
    bytes += tables.bytes / rates_.of(tables.bytes) + of_rows * slabs * visit_bytes + 2 * slabs * sums / rates_.of(sums) +
             slabs * own / rates_.of(own);
  }

  // Bytes of what entries read of their own row, which is read again at each slab.
  double read_of_rows() const {
    std::set<std::int64_t> operands;
    const auto is_row = [&](const Expr& index) {
      const auto at = [&](const Axis& axis) { return axis.ragged == nullptr && index->op == Scalar::axis && index->integer == axis.id; };
      return std::any_of(map_.axes.begin(), map_.axes.end(), at);
    };
    for (const Stage& stage : map_.stages) {
      visit(stage.value, [&](const Expr& e) {
        if (map_.axes.size() > 1 && e->op == Scalar::read && e->integer >= 0 && e->rank > 0 && is_row(e->args[0]))
          operands.insert(e->integer);
      });
    }
    double all = 0;
    for (const std::int64_t operand : operands) all += size_(storage_bytes(graph_.type(operands_[static_cast<std::size_t>(operand)])));
    return all;
  }

  // What each slice takes besides: going to the entries, their lists, and where rows of entries begin.
  double read_of_entries() const {
    double all = 0;
    std::set<std::int64_t> lists;
    std::set<int> rows;
    for (const auto& [id, axis] : axes_) {
      if (axis.ragged == nullptr) continue;
      if (rows.empty()) all += size_(axis.extent) * entry_bytes;
      rows.merge(free_axes(axis.ragged->first));
      for (const Stage& stage : map_.stages) {
        visit(stage.value, [&, id = id](const Expr& e) {
          if (e->op == Scalar::read && e->integer >= 0 && e->rank == 1 && e->args[0]->op == Scalar::axis && e->args[0]->integer == id)
            lists.insert(e->integer);
        });
      }
    }
    double of_rows = rows.empty() ? 0 : visit_bytes;
    for (const std::int64_t list : lists) all += size_(storage_bytes(graph_.type(operands_[static_cast<std::size_t>(list)])));
    for (const int row : rows) of_rows *= size_(axes_.at(row).extent);
    return all + of_rows;
  }

  // On one axis of all that run over the same entries: what one loop over them has read is near when the next comes.
  Expr on_first_loop(const Expr& e) const {
    std::map<int, Expr> positions;
    for (const auto& [id, axis] : axes_) {
      if (axis.ragged == nullptr || !uses_axis(e, id)) continue;
      for (const auto& [other, first] : axes_) {
        if (first.ragged == nullptr || !same(first.ragged->first, axis.ragged->first) || !same(first.ragged->second, axis.ragged->second))
          continue;
        if (other != id) positions.emplace(id, axis_position(first));
        break;
      }
    }
    return positions.empty() ? e : substitute_axes(e, positions);
  }

  void add(const Stage& stage, const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || e->integer >= static_cast<std::int64_t>(operands_.size())) return;
    const Type& type = graph_.type(operands_[static_cast<std::size_t>(e->integer)]);
    std::set<int> pointing, walking;  // axes that say which row; axes along it
    bool from_data = false;
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      const std::set<int> used = free_axes(index);
      const bool points = has_read(index);
      from_data |= points;
      (points ? pointing : walking).insert(used.begin(), used.end());
    }
    if (!from_data || std::any_of(seen_.begin(), seen_.end(), [&](const Expr& other) { return same(other, e); })) return;
    seen_.push_back(e);  // what several stages read is near at the second time
    double elements = 1, slices = 1;
    std::vector<Axis> space;
    for (const int id : pointing) {
      space.push_back(axes_.at(id));
      walking.erase(id);
    }
    if (walking.erase(slices_) != 0) slices = size_(axes_.at(slices_).extent);
    for (const int id : walking) elements *= size_(axes_.at(id).extent);
    if (walking.count(change_.cut) != 0) {
      slices *= change_.panels;
      elements /= change_.panels;
    }
    const double rate = tiled_.count(e->integer) != 0 ? slab_rate_ : rates_.of_lists(size_(storage_bytes(type)) / slices);
    const double times = size_(points(space)) * slices / rate;
    from_places += times * (by_element(stage, pointing, walking) ? elements * line : fetched(*e, type, elements * size_of(type.dtype)));
  }

  // In bytes, of so many of a row: of whole lines, each once for all reads of that row.
  double fetched(const Expr::Node& read, const Type& type, double of_row) {
    const Dim elements = element_count(Shape(type.shape.begin() + 1, type.shape.end()));
    const bool laid_on_lines = change_.joined || change_.panels > 1 || !type.layout.row_major();
    const auto step = laid_on_lines ? static_cast<std::int64_t>(line) : static_cast<std::int64_t>(size_(elements)) * size_of(type.dtype);
    const auto lines = [&](double bytes) { return lines_of_row(static_cast<std::int64_t>(bytes), step); };
    const Expr pointer = on_first_loop(read.args[0]);
    bool is_first = true;  // of the tables that the pointer points into
    for (Place& place : places_) {
      if (!same(place.pointer, pointer)) continue;
      if (place.table == read.integer || change_.joined) {
        const double before = lines(place.bytes);
        place.bytes += of_row;
        return (lines(place.bytes) - before) * line;
      }
      is_first = false;
    }
    places_.push_back({pointer, read.integer, of_row});
    return lines(of_row) * line + (is_first ? GatherRates::row_bytes : place_bytes);
  }

  // Whether a sum over rows is made for one element of them after the other, as no vectors can run along them: each element then brings
  // a line of its own.
  bool by_element(const Stage& stage, const std::set<int>& pointing, const std::set<int>& walking) {
    const auto is_own = [&](int id) {
      const auto named = [&](const std::vector<Axis>& axes) {
        return std::any_of(axes.begin(), axes.end(), [&](const Axis& axis) { return axis.id == id; });
      };
      return named(map_.axes) || named(stage.axes);
    };
    const auto carries_vectors = [&](int id) {
      std::optional<DType> dtype;
      return !is_own(id) || emit_.vectorises(stage.value, id, dtype);
    };
    return !std::all_of(pointing.begin(), pointing.end(), is_own) && std::none_of(walking.begin(), walking.end(), carries_vectors);
  }

  const GatherRates& rates_;
  const SizeAsPlain& size_;
  const Graph& graph_;
  const Map& map_;
  const std::vector<ValueId>& operands_;
  const Change change_;
  const int slices_;  // the map's axis; -1
  const std::map<int, Axis> axes_;
  const std::vector<std::string> symbols_;  // none is named: sizes are not written out
  Emitter emit_;
  struct Place {
    Expr pointer;
    std::int64_t table = 0;
    double bytes = 0;  // that are read of a row
  };
  std::vector<Expr> seen_;  // reads
  std::vector<Place> places_;
  std::set<std::int64_t> tiled_;  // operands whose rows come by slabs
  double slab_rate_ = 1;
};

// Whether all that the map makes are sums over the entries of rows.
bool sums_rows(const Map& map, int entry) {
  const auto is_entry = [&](const Axis& axis) { return axis.id == entry; };
  if (std::none_of(map.axes.begin(), map.axes.end(), is_entry))
    return map.stages.size() == 1 && map.stages[0].accumulate == Accumulate::none && map.locals.empty();
  return map.axes.size() == 2 && map.axes[0].ragged == nullptr &&
         std::all_of(map.stages.begin(), map.stages.end(), [&](const Stage& stage) {
           return stage.target < 0 ||
                  (stage.accumulate != Accumulate::none && !stage.index.empty() && uses_axis(stage.index[0], map.axes[0].id));
         });
}

}  // namespace

// Rows begin at all multiples of the greatest divisor that the step and a line have in common, equally often.
double lines_of_row(std::int64_t bytes, std::int64_t step) {
  const auto between = static_cast<double>(std::gcd(step, static_cast<std::int64_t>(line)));
  return bytes == 0 ? 0 : (std::ceil(static_cast<double>(bytes) / between) * between - between) / line + 1;
}

bool is_gather(const Expr& read) {
  return std::any_of(read->args.begin(), read->args.begin() + read->rank,
                     [](const Expr& index) { return !index->args.empty() && has_read(index); });
}

double gathered_bytes(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands,
                      const GatherRates& rates) {
  return Gathers(size, graph, map, operands, rates, {}).bytes;
}

SlabChoice best_slab(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands,
                     std::int64_t wanted) {
  const GatherRates usual;
  const Gathers plain(size, graph, map, operands, usual, {.joined = true});
  const double work = work_bytes * size(flops(map));
  const auto bytes_of = [&](const Gathers& gathers) { return gathers.bytes + std::max(0.0, work - gathers.from_places); };
  SlabChoice best;
  best.bytes = bytes_of(plain);
  for (const auto& [id, axis] : axes_by_id(map)) {
    if (axis.ragged == nullptr || !sums_rows(map, id)) continue;
    const Gathers::Tables tables = plain.tables_of(axis);
    if (tables.list < 0) continue;
    const auto look_at = [&, id = id](std::int64_t rows) {
      const double bytes = bytes_of(Gathers(size, graph, map, operands, usual, {.joined = true, .entry = id, .rows = rows}));
      if (bytes < best.bytes || wanted > 0)
        best = {id, tables.list, rows, static_cast<std::int64_t>(std::ceil(tables.rows / static_cast<double>(rows))), bytes};
    };
    if (wanted > 0) look_at(wanted);
    for (const double bytes : slab_bytes) {
      const auto rows = static_cast<std::int64_t>(bytes / tables.row_bytes);
      if (wanted == 0 && rows >= 1 && static_cast<double>(rows) < tables.rows) look_at(rows);
    }
  }
  return best;
}

double panel_bytes(const SizeAsPlain& size, const Graph& graph, const Map& map, const std::vector<ValueId>& operands, int axis,
                   std::int64_t columns) {
  const double panels = size(axes_by_id(map).at(axis).extent) / static_cast<double>(columns);
  double made = 0;
  std::set<std::int64_t> tables;
  visit_map(map, [&](const Expr& e) {
    if (e->op == Scalar::read && e->integer >= 0 && is_gather(e) && uses_axis(e, axis) && tables.insert(e->integer).second)
      made += 2 * size(storage_bytes(graph.type(operands[static_cast<std::size_t>(e->integer)])));
  });
  return Gathers(size, graph, map, operands, GatherRates(), {.cut = axis, .panels = panels}).bytes + made;
}

}  // namespace neap

// The loops of a nest: tiles and vectors with what is left over, sums that stay in registers while inner loops run.
#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/exchange.h"

namespace neap {
namespace {

class NestWriter {
 public:
  NestWriter(Emitter& emit, const Nest& nest, const Ranges& ranges) : emit_(emit), nest_(nest), ranges_(ranges) {
    for (const Assignment& a : nest.body) {
      // The first of the innermost loops over which the target stays the same.
      std::size_t from = nest.loops.size();
      while (from > 0 && !uses(a, nest.loops[from - 1].axis.id)) --from;
      held_from_.push_back(a.accumulate == Accumulate::none ? nest.loops.size() : from);
    }
    sums_.resize(nest.body.size());
    if (exchanges_tiles(emit, nest, ranges)) tiles_from_ = nest.loops.size() - 2;
  }

  void write(LoopLevel& root) {
    if (nest_.block_axis < 0) {
      loop(0, root, tile_positions(), root.lanes);
      return;
    }
    const auto [begin, end] = range(nest_.block_axis);
    const std::string at = axis_name(nest_.block_axis);
    const auto block = root.inner(fmt::format(
        "for (i64 {0}_from = {1}; {0}_from < {2}; {0}_from += {3}) {{\nconst i64 {0}_to = {0}_from + {3} < {2} ? {0}_from + {3} : {2};\n",
        at, begin, end, nest_.block));
    ranges_[nest_.block_axis] = {at + "_from", at + "_to"};
    loop(0, *block, tile_positions(), block->lanes);
    root.text += block->close();
  }

 private:
  using Rows = std::vector<Expr>;  // positions of a tile's rows; one empty row where nothing is tiled

  static bool uses(const Assignment& a, int axis) {
    return std::any_of(a.index.begin(), a.index.end(), [&](const Expr& index) { return uses_axis(index, axis); });
  }
  static Rows tile_positions() { return {Expr()}; }

  std::pair<std::string, std::string> range(int axis) const {
    const auto found = ranges_.find(axis);
    if (found != ranges_.end()) return found->second;
    return {"0l", emit_.dim(emit_.axes().at(axis).extent)};
  }
  bool whole(int axis) const { return ranges_.count(axis) == 0 && emit_.axes().at(axis).extent.is_constant(); }

  // Loops from position k on. `rows` are the tile's, `parts` the vectors side by side that `here` (or what is inside) holds.
  void loop(std::size_t k, LoopLevel& here, const Rows& rows, const Lanes& lanes, int parts = 1) {
    std::vector<std::size_t> starting;
    for (std::size_t s = 0; s < nest_.body.size(); ++s) {
      if (held_from_[s] == k && k < nest_.loops.size()) starting.push_back(s);
    }
    if (!starting.empty()) {
      // Sums begin here and are added to their places when the loops inside have run: text of its own, in between.
      const auto held = here.inner();
      held->lanes = lanes;
      for (const std::size_t s : starting) declare_sums(s, *held, rows, parts);
      loop_inside(k, *held, rows, lanes, parts);
      for (const std::size_t s : starting) finish_sums(s, *held, rows);
      here.text += held->close();
      return;
    }
    loop_inside(k, here, rows, lanes, parts);
  }

  void loop_inside(std::size_t k, LoopLevel& here, const Rows& rows, const Lanes& lanes, int parts) {
    if (k == nest_.loops.size()) {
      write_body(here, rows, parts);
      return;
    }
    if (k == tiles_from_) {
      write_tiles(emit_, here, nest_);
      return;
    }
    const Loop& at = nest_.loops[k];
    if (at.kind == Loop::tile) {
      tile_loop(k, here, lanes, parts);
    } else if (at.kind == Loop::vector) {
      vector_loop(k, here, rows);
    } else if (at.kind == Loop::unrolled && whole(at.axis.id)) {
      for (std::int64_t i = 0; i < at.axis.extent.constant(); ++i) {
        fixed_[at.axis.id] = Expr(i);
        loop(k + 1, here, rows, lanes, parts);
      }
      fixed_.erase(at.axis.id);
    } else {
      std::string begin, end;
      if (at.axis.ragged != nullptr) {
        std::tie(begin, end) = emit_.range_of(here, at.axis);
      } else {
        std::tie(begin, end) = range(at.axis.id);
      }
      const char* hint = nest_.lanes.axis < 0 && k + 1 == nest_.loops.size() && independent() ? "#pragma GCC ivdep\n" : "";
      const auto level = here.loop(at.axis.id, begin, end, hint);
      level->text += emit_.entry_text(at.axis.id);
      loop(k + 1, *level, rows, lanes, parts);
      here.text += level->close();
    }
  }

  // The loop's text. A few short passes that write buffers of a scope are written out, which leaves these in registers.
  std::string close(const LoopLevel& loop, std::int64_t passes) const {
    constexpr std::int64_t most_passes = 8, most_text = 4000;  // the compiler's time goes with the text
    const bool in_buffers = std::all_of(nest_.body.begin(), nest_.body.end(), [](const Assignment& a) { return is_buffer(a.base); });
    const bool written_out =
        in_buffers && passes > 1 && passes <= most_passes && static_cast<std::int64_t>(loop.text.size()) * passes <= most_text;
    return (written_out ? fmt::format("#pragma GCC unroll {}\n", passes) : "") + loop.close();
  }

  // Whether passes of the innermost loop write places of their own.
  bool independent() const {
    return std::all_of(nest_.body.begin(), nest_.body.end(), [&](const Assignment& a) {
      return a.accumulate == Accumulate::none &&
             std::all_of(a.index.begin(), a.index.end(), [](const Expr& index) { return affine(index).affine; });
    });
  }

  // Whether a point may be computed twice: what it writes is read by none, and replaced by the same.
  bool repeatable() const {
    const auto is_target = [&](const Expr& e) {
      return e->op == Scalar::read &&
             std::any_of(nest_.body.begin(), nest_.body.end(), [&](const Assignment& a) { return a.base == operand_name(e->integer); });
    };
    return std::none_of(nest_.body.begin(), nest_.body.end(), [&](const Assignment& a) {
      bool reads = false;
      visit(a.value, [&](const Expr& e) { reads |= is_target(e); });
      return reads || a.accumulate != Accumulate::none || a.folded || a.in_place || streams(a);
    });
  }

  // Whether lanes have to stay where they are: several of them share elements, or vectors in registers hold them.
  bool lanes_stay() const {
    const auto stays = [&](const std::string& base, const Type& type, const std::vector<Expr>& index) {
      return emit_.vectors(base) > 0 || shares_lanes(storage_offset(type, index), nest_.lanes.axis);
    };
    return std::any_of(nest_.body.begin(), nest_.body.end(), [&](const Assignment& a) {
      bool found = stays(a.base, a.type, a.index);
      visit(a.value, [&](const Expr& e) {
        found |= e->op == Scalar::read && stays(operand_name(e->integer), emit_.operand_type(e->integer), index_of(e));
      });
      return found;
    });
  }

  void tile_loop(std::size_t k, LoopLevel& here, const Lanes& lanes, int parts) {
    const Loop& at = nest_.loops[k];
    const std::string name = axis_name(at.axis.id);
    const auto rows_from = [&](const Expr& start, int count) {
      Rows rows;
      for (int i = 0; i < count; ++i) rows.push_back(start + Expr(i));
      return rows;
    };
    const auto constant_rows = [&](std::int64_t from, std::int64_t count) {
      const auto level = here.inner();
      loop(k + 1, *level, rows_from(Expr(from), static_cast<int>(count)), lanes, parts);
      here.text += level->close();
    };
    // GCC 12 makes vectors of scalar rows that are read under conditions, and reads beside them: such loops are told to stay as they are.
    const char* stays = at.window && nest_.lanes.axis < 0 ? "__asm__ volatile(\"\");\n" : "";
    if (!whole(at.axis.id)) {
      const auto [begin, end] = range(at.axis.id);
      const auto around = here.inner(fmt::format("{{\ni64 {} = {};\n", name, begin));
      std::string text;
      for (const int count : {at.factor, 1}) {
        // Where a tile begins its last row is there too: reads of it need no condition.
        Axis starts = emit_.axes().at(at.axis.id);
        starts.extent = starts.extent - Dim(count - 1);
        emit_.set_axes({starts});
        const auto level = around->inner(fmt::format("for (; {0} + {1} <= {2}; {0} += {1}) {{\n{3}", name, count, end, stays));
        level->axes.insert(at.axis.id);
        loop(k + 1, *level, rows_from(axis_position(at.axis), count), lanes, parts);
        around->text += level->close();
        emit_.set_axes({at.axis});
      }
      here.text += around->close();
      return;
    }
    const std::int64_t extent = at.axis.extent.constant(), tiles = extent / at.factor, rest = extent % at.factor;
    std::int64_t first = 0, last = tiles;
    if (at.peel && tiles > 0) {
      constant_rows(0, at.factor);
      first = 1;
      if (tiles > 1 && rest == 0) --last;
    }
    if (last - first == 1) {
      constant_rows(first * at.factor, at.factor);
    } else if (last > first) {
      // Counted from the first of these tiles on, so that bounds say which conditions always hold within them.
      Axis between = at.axis;
      between.extent = (last - first - 1) * at.factor + 1;
      emit_.set_axes({between});
      const auto level =
          here.inner(fmt::format("for (i64 {0} = 0; {0} < {1}; {0} += {2}) {{\n{3}", name, (last - first) * at.factor, at.factor, stays));
      level->axes.insert(at.axis.id);
      loop(k + 1, *level, rows_from(axis_position(at.axis) + Expr(first * at.factor), at.factor), lanes, parts);
      here.text += level->close();
      emit_.set_axes({at.axis});
    }
    if (last < tiles && last >= first) constant_rows(last * at.factor, at.factor);
    if (rest > 0) constant_rows(tiles * at.factor, rest);
  }

  void vector_loop(std::size_t k, LoopLevel& here, const Rows& rows) {
    const Loop& at = nest_.loops[k];
    const std::string name = axis_name(at.axis.id);
    const int width = emit_.width(nest_.lanes);
    // What is left over may begin earlier in place of being masked: masked moves may reach into a line that nobody has fetched.
    const bool overlaps = whole(at.axis.id) && at.axis.extent.constant() >= width && repeatable() && !lanes_stay();
    if (overlaps) {
      const std::int64_t extent = at.axis.extent.constant(), step = at.factor * width;
      const bool same_work = (extent + step - 1) / step * at.factor == (extent + width - 1) / width;
      if (extent > step && extent % step != 0 && same_work) {
        overlapping_loop(k, here, rows, extent, step);
        return;
      }
    }
    const std::pair<std::string, std::string> bounds = range(at.axis.id);
    const std::string &begin = bounds.first, &end = bounds.second;
    const auto around = here.inner(fmt::format("{{\ni64 {} = {};\n", name, begin));
    const auto pass = [&](const std::string& head, int parts, bool masked, std::int64_t passes = 1) {
      const auto level = around->inner(head);
      level->axes.insert(at.axis.id);
      level->lanes = nest_.lanes;
      if (masked && overlaps) {
        level->lanes.early = parts - 1;
        level->lanes.begins = static_cast<int>(at.axis.extent.constant() % (at.factor * width)) - width;
      } else if (masked) {
        level->lanes.masked = parts - 1;
        level->lanes.count = fmt::format("(int)({} - {} - {})", end, name, (parts - 1) * width);
      }
      loop(k + 1, *level, rows, level->lanes, parts);
      around->text += close(*level, passes);
    };
    const auto repeat = [&](int parts) {
      const std::int64_t passes = whole(at.axis.id) ? at.axis.extent.constant() / (parts * width) : 1;
      pass(fmt::format("for (; {0} + {1} <= {2}; {0} += {1}) {{\n", name, parts * width, end), parts, false, passes);
    };
    if (whole(at.axis.id)) {
      const std::int64_t extent = at.axis.extent.constant(), step = at.factor * width, rest = extent % step;
      if (extent >= step) repeat(at.factor);
      if (rest > 0) pass("{\n", static_cast<int>((rest + width - 1) / width), rest % width != 0);
    } else {
      repeat(at.factor);
      if (at.factor > 1) repeat(1);
      pass(fmt::format("if ({} < {}) {{\n", name, end), 1, true);
    }
    here.text += around->close();
  }

  // The last pass begins early enough to be a whole one: half the text of a loop and a part for what is left, and no masks.
  void overlapping_loop(std::size_t k, LoopLevel& here, const Rows& rows, std::int64_t extent, std::int64_t step) {
    const Loop& at = nest_.loops[k];
    const auto level =
        here.inner(fmt::format("for (i64 {0}_from = 0l; {0}_from < {1}l; {0}_from += {2}) {{\nconst i64 {0} = min({0}_from, {3}l);\n",
                               axis_name(at.axis.id), extent, step, extent - step));
    level->axes.insert(at.axis.id);
    level->lanes = nest_.lanes;
    loop(k + 1, *level, rows, level->lanes, at.factor);
    here.text += close(*level, (extent + step - 1) / step);
  }

  // ---- sums -------------------------------------------------------------------------------------------------------------------

  bool inside(std::size_t s, Loop::Kind kind) const {  // whether the loop of this kind runs while sum s is held
    for (std::size_t k = held_from_[s]; k < nest_.loops.size(); ++k) {
      if (nest_.loops[k].kind == kind) return true;
    }
    return false;
  }
  int factor(Loop::Kind kind) const {
    for (const Loop& at : nest_.loops) {
      if (at.kind == kind) return at.factor;
    }
    return 1;
  }
  bool in_lanes(std::size_t s) const { return nest_.lanes.axis >= 0 && (uses(nest_.body[s], nest_.lanes.axis) || inside(s, Loop::vector)); }

  void declare_sums(std::size_t s, LoopLevel& at, const Rows& rows, int parts) {
    const Assignment& a = nest_.body[s];
    const int count_rows = inside(s, Loop::tile) ? factor(Loop::tile) : static_cast<int>(rows.size());
    const int count_parts = inside(s, Loop::vector) ? factor(Loop::vector) : parts;
    const Form form = in_lanes(s) ? Form::vector : Form::scalar;
    const std::string type = compute_type(form == Form::vector ? nest_.lanes.dtype : a.value.dtype(), form);
    const std::string start = identity_literal(reduction_of(a.accumulate), a.value.dtype());
    sums_[s].assign(static_cast<std::size_t>(count_rows), {});
    for (auto& row : sums_[s]) {
      for (int part = 0; part < count_parts; ++part) {
        row.push_back(emit_.fresh("s"));
        at.text += fmt::format("{} {} = {};\n", type, row.back(), form == Form::vector ? fmt::format("splat<{}>({})", type, start) : start);
      }
    }
  }

  // Rows and parts that ran while the sum was held are folded; what is left is added to its places.
  void finish_sums(std::size_t s, LoopLevel& at, const Rows& rows) {
    const Assignment& a = nest_.body[s];
    const Reduction reduction = reduction_of(a.accumulate);
    const DType dtype = a.value.dtype();
    const auto fold = [&](const std::vector<std::string>& names) {
      std::string whole = names[0];
      for (std::size_t i = 1; i < names.size(); ++i) whole = fold_text(reduction, dtype, whole, names[i]);
      return whole;
    };
    std::vector<std::vector<std::string>> held = sums_[s];
    if (inside(s, Loop::tile)) {
      std::vector<std::string> one;
      for (std::size_t part = 0; part < held[0].size(); ++part) {
        std::vector<std::string> column;
        for (const auto& row : held) column.push_back(row[part]);
        one.push_back(fold(column));
      }
      held = {one};
    }
    for (std::size_t row = 0; row < held.size(); ++row) {
      if (inside(s, Loop::vector)) held[row] = {fmt::format("fold_lanes({}, {})", fold(held[row]), fold_function(reduction, dtype))};
      for (std::size_t part = 0; part < held[row].size(); ++part) {
        const Form form = in_lanes(s) && !inside(s, Loop::vector) ? Form::vector : Form::scalar;
        add_to(s, at, inside(s, Loop::tile) ? Expr() : rows[row], static_cast<int>(part), held[row][part], form);
      }
    }
  }

  // target = fold(target, element)
  void add_to(std::size_t s, LoopLevel& at, const Expr& row, int part, const std::string& element, Form form) {
    const Assignment& a = nest_.body[s];
    const Reduction reduction = reduction_of(a.accumulate);
    const Emitter::Place place = emit_.place(at, a.base, a.type, positioned(a.index, row), part, from_data(a));
    if (place.group > 1) {
      at.text += emit_.fold_groups_text(at, place, reduction, a.value.dtype(), part, element);
      return;
    }
    const std::string before = emit_.load_text(at, place, a.type.dtype, part);
    const std::string sum = fold_text(reduction, a.value.dtype(), element, before);  // what may be NaN is looked for in what is new
    at.text += emit_.store_text(at, place, a.type.dtype, part, {sum, at.depth, form});
  }

  // target = fold(target, value), where no sum is held.
  void add_value(std::size_t s, LoopLevel& here, const Expr& row, const Expr& value, int part) {
    const Assignment& a = nest_.body[s];
    const Form form = in_lanes(s) ? Form::vector : Form::scalar;
    const auto text = [&](const Expr& e) {
      const Term term = emit_.value(here, e, part);
      return form == Form::vector ? emit_.lanes_of(here, term, e.dtype()) : term.text;
    };
    const Emitter::Place place = emit_.place(here, a.base, a.type, positioned(a.index, row), part, from_data(a));
    if (a.accumulate != Accumulate::sum || !is_float(value.dtype()) || value->op != Scalar::mul || place.group > 1) {
      add_to(s, here, row, part, text(value), form);
      return;
    }
    const std::string first = text(value->args[0]), second = text(value->args[1]);
    const std::string sum = fmt::format("fma({}, {}, {})", first, second, emit_.load_text(here, place, a.type.dtype, part));
    here.text += emit_.store_text(here, place, a.type.dtype, part, {sum, here.depth, form});
  }

  // ---- the body ---------------------------------------------------------------------------------------------------------------

  const Axis* tiled_axis() const {
    for (const Loop& at : nest_.loops) {
      if (at.kind == Loop::tile) return &at.axis;
    }
    return nullptr;
  }
  Expr positioned(const Expr& e, const Expr& row) const {
    if (!row && fixed_.empty()) return e;
    std::map<int, Expr> positions = fixed_;
    if (row) positions.emplace(tiled_axis()->id, row);
    return substitute_axes(e, positions);
  }
  std::vector<Expr> positioned(std::vector<Expr> index, const Expr& row) const {
    for (Expr& i : index) i = positioned(i, row);
    return index;
  }
  static bool from_data(const Assignment& a) { return std::any_of(a.index.begin(), a.index.end(), has_read); }

  void write_body(LoopLevel& here, const Rows& rows, int parts) {
    std::vector<Instance> all;
    std::vector<std::vector<Instance>> of(nest_.body.size());
    for (std::size_t s = 0; s < nest_.body.size(); ++s) {
      for (const Expr& row : rows) {
        const Expr value = positioned(nest_.body[s].value, row);
        for (int part = 0; part < parts; ++part) of[s].push_back({value, part});
      }
      all.insert(all.end(), of[s].begin(), of[s].end());
    }
    emit_.prepare(here, all);
    for (std::size_t s = 0; s < nest_.body.size(); ++s) {
      const Assignment& a = nest_.body[s];
      if (folds_in_registers(a)) {
        fold_groups(a, here, parts);
        continue;
      }
      std::size_t next = 0;
      for (std::size_t row = 0; row < rows.size(); ++row) {
        for (int part = 0; part < parts; ++part) {
          const Expr value = of[s][next++].value;
          if (a.accumulate == Accumulate::none) {
            const Term term = emit_.value(here, value, part);
            Emitter::Place place = emit_.place(here, a.base, a.type, positioned(a.index, rows[row]), part, from_data(a));
            if (a.folded) {
              here.text +=
                  emit_.fold_groups_text(here, place, *a.folded, value.dtype(), part, emit_.lanes_of(here, term, value.dtype()), true);
              continue;
            }
            place.streams = streams(a);
            here.text += emit_.store_text(here, place, a.type.dtype, part, term);
          } else if (held_from_[s] < nest_.loops.size()) {
            add_to_sum(s, here, value, static_cast<int>(inside(s, Loop::tile) || sums_[s].size() > 1 ? row : 0), part);
          } else {
            add_value(s, here, rows[row], value, part);
          }
        }
      }
    }
  }

  bool folds_in_registers(const Assignment& a) const {
    const bool folds = a.folded.has_value() || a.accumulate != Accumulate::none;
    return folds && emit_.vectors(a.base) > 0 && group_of(storage_offset(a.type, a.index), nest_.lanes.axis) > 1;
  }

  void fold_groups(const Assignment& a, LoopLevel& here, int parts) {
    std::vector<Emitter::Place> places;
    std::vector<std::string> elements;
    for (int part = 0; part < parts; ++part) {
      const Term term = emit_.value(here, a.value, part);
      elements.push_back(emit_.lanes_of(here, term, a.value.dtype()));
      places.push_back(emit_.place(here, a.base, a.type, a.index, part, false));
    }
    const Reduction reduction = a.folded ? *a.folded : reduction_of(a.accumulate);
    here.text += emit_.fold_held_groups_text(places, reduction, a.value.dtype(), elements, a.folded.has_value());
  }

  void add_to_sum(std::size_t s, LoopLevel& here, const Expr& value, int row, int part) {
    const Assignment& a = nest_.body[s];
    const Reduction reduction = reduction_of(a.accumulate);
    const std::string& sum = sums_[s][static_cast<std::size_t>(row)][static_cast<std::size_t>(part)];
    const Form form = in_lanes(s) ? Form::vector : Form::scalar;
    const bool masked = form == Form::vector && here.lanes.masked == part && inside(s, Loop::vector);
    const std::string step = emit_.fold_into(here, reduction, sum, {value, part}, form, masked);
    here.text += step;
  }

  Emitter& emit_;
  const Nest& nest_;
  Ranges ranges_;
  std::optional<std::size_t> tiles_from_;                    // the first of two loops that go by tiles (exchange.h)
  std::map<int, Expr> fixed_;                                // positions on axes that are being written out
  std::vector<std::size_t> held_from_;                       // by assignment: loops from here on run while its sum is in registers
  std::vector<std::vector<std::vector<std::string>>> sums_;  // by assignment, row and part
};

}  // namespace

void write_nest(Emitter& emit, LoopLevel& root, const Nest& nest, const Ranges& ranges) {
  emit.set_axes(nest.axes);
  set_certain(emit, nest);
  if (nest.exchange) {
    root.text += exchange_text(emit, *nest.exchange);
    return;
  }
  if (nest.lanes.half && nest.lanes.pair < 0) root.text += "using f32v = f32h;\nusing i32v = i32h;\n";
  NestWriter(emit, nest, ranges).write(root);
}

}  // namespace neap

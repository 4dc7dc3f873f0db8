// Writes expressions as C++: each distinct value once, in the outermost loop that it depends on.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/base/machine.h"
#include "neap/codegen/access.h"
#include "neap/codegen/c_text.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/ir/row_entries.h"

namespace neap {

// A value in the text: its name (or a literal), and the depth of the loop in which it is known.
struct Term {
  std::string text;
  int depth = 0;
  Form form = Form::scalar;
};

// The axis along which vectors lie. A loop body may hold several vectors side by side: part p covers positions from p * width on.
struct Lanes {
  int axis = -1;  // -1: no vectors
  DType dtype = DType::f32;
  int masked = -1;  // the part of which only `count` lanes are there
  std::string count;
  int early = -1;     // the part that begins at `begins` instead, so that it is whole: it has some lanes of the part before
  int begins = 0;     // elements from the loop's position on
  bool half = false;  // in half a register: one row of as many lanes, of f32
  int pair = -1;      // the axis of which two positions side by side fill both halves, where `half` is set
  int of_pair = 0;    // which of two such positions this is, where their elements are read one after the other
};

// A loop on the way in: text that runs once a pass of it, ahead of the loops inside.
struct LoopLevel {
  LoopLevel* parent = nullptr;
  int depth = 0;
  std::set<int> axes;  // axes whose position is known from here on
  Lanes lanes;
  std::string head, begin, rest;  // opens it; `begin` is the position where a loop over an axis starts
  std::string behind;             // where it ends, if it is known to have a few passes only
  std::string text, tail;
  bool guards = false;                                // a condition of its position says whether an element is read
  std::unordered_map<std::string, std::string> made;  // definition -> name
  std::map<std::tuple<const Expr::Node*, int, const Expr::Node*>, Term> known;  // (node, part, guard)
  std::set<std::string> checked;                                                // indices from the data that were looked at
  std::map<std::string, int> positions;                                         // the same, each with the axis that stands for it

  std::unique_ptr<LoopLevel> inner(std::string head = "{\n") const;
  std::unique_ptr<LoopLevel> loop(int axis, const std::string& begin, const std::string& end, const std::string& hint = "") const;
  std::string close() const;
};

// What is written together: one expression for one part of the lanes.
struct Instance {
  Expr value;
  int part = 0;
  Expr guard = {};  // where it is not true, reads may be out of bounds
};

class Emitter {
 public:
  Emitter(const Map& map, std::vector<Type> inputs, std::vector<Type> outputs, const std::vector<std::string>& symbols, Isa isa);

  // Reductions inside these expressions, written as loops that all instances share.
  void prepare(LoopLevel& here, const std::vector<Instance>& instances);
  Term value(LoopLevel& here, const Expr& e, int part = 0, const Expr& guard = {});
  // As a vector (or mask) even where all lanes are the same.
  std::string lanes_of(const LoopLevel& here, const Term& term, DType dtype) const;
  // The text that loads or stores an element (or part of a row): address of the operand named `base`.
  struct Place {
    std::string pointer, offset;
    int depth = 0;
    Dim lane_stride = 0;
    int group = 1;         // lanes side by side that share an element
    int period = 0;        // or lanes after which the same elements come again; 0: they do not
    bool whole = false;    // of a buffer that is one row of vectors: the last is whole, whatever it holds behind the buffer's elements
    bool streams = false;  // stores go past the caches
    std::string held;      // the vector in a register that it is, or that its groups' elements are in, from this lane on
    int lane = 0;
    std::string second;    // of a pair of positions: the address for the second, where it is another
    bool is_pair = false;  // held for both positions of a pair
  };
  // `checked`: indices from the data are checked, where `asked` (if given) is true.
  Place place(LoopLevel& here, const std::string& base, const Type& type, const std::vector<Expr>& index, int part, bool checked,
              const Term& asked = {});
  std::string load_text(const LoopLevel& here, const Place& place, DType dtype, int part) const;
  std::string store_text(const LoopLevel& here, const Place& place, DType dtype, int part, const Term& value) const;
  // Buffers that are vectors in registers, and how many each is; vectors(): 0 for those in memory.
  void hold(std::map<std::string, std::int64_t> buffers) { held_ = std::move(buffers); }
  std::int64_t vectors(const std::string& base) const;
  // Those of them that hold elements of two positions side by side from here on.
  void hold_pairs(std::set<std::string> buffers) { paired_ = std::move(buffers); }
  // The statement that makes the vectors of such a buffer, each with `start` in its lanes.
  std::string declare_vectors(const std::string& base, DType dtype, const std::string& start) const;
  // Folds the lanes of each group, and the result into the group's element; `fresh`: in place of it.
  std::string fold_groups_text(const LoopLevel& here, const Place& place, Reduction reduction, DType dtype, int part,
                               const std::string& element, bool fresh = false) const;
  // The same for groups whose elements are in registers: of all vectors side by side.
  std::string fold_held_groups_text(const std::vector<Place>& places, Reduction reduction, DType dtype,
                                    const std::vector<std::string>& elements, bool fresh) const;

  // Where a loop begins and ends; of a ragged axis only the entries that are there.
  std::pair<std::string, std::string> range_of(LoopLevel& here, const Axis& axis);

  // Reports offsets that leave entries unwritten.
  void check_entries(LoopLevel& root, const std::vector<WrittenEntries>& written);

  // The statement that folds an instance's value into a running total; `masked`: lanes that are not there count as no element.
  std::string fold_into(LoopLevel& at, Reduction reduction, const std::string& total, const Instance& body, Form form, bool masked);

  std::string dim(const Dim& size) const { return dim_text(size, symbols_); }
  std::string fresh(const char* prefix) { return prefix + std::to_string(++count_); }
  std::string define(LoopLevel& at, const char* prefix, const std::string& type, const std::string& text);
  bool depends(const Expr& e, int axis) { return axis >= 0 && axes_of(e).count(axis) != 0; }
  const std::set<int>& axes_of(const Expr& e);
  Type operand_type(std::int64_t operand) const;
  const std::map<int, Axis>& axes() const { return axes_; }
  // The same, one position further along an axis.
  Expr at_next(const Expr& e, int axis) const { return substitute_axes(e, {{axis, axis_position(axes_.at(axis)) + Expr(1)}}); }
  // The sizes of axes from here on: nests merge axes, each in its own way.
  void set_axes(const std::vector<Axis>& axes);
  int width(DType dtype) const { return vector_bytes_ / (dtype == DType::f64 ? 8 : 4); }
  std::string times(const std::string& factor, const Dim& by) const { return by == Dim(1) ? factor : factor + " * " + dim(by); }
  int width(const Lanes& lanes) const { return width(lanes.dtype) / (lanes.half ? 2 : 1); }
  int first_lane(const Lanes& lanes, int part) const { return part == lanes.early ? lanes.begins : part * width(lanes); }
  int registers() const { return vector_bytes_ == 64 ? 32 : 16; }
  // What is evaluated at every point of the nest that is planned or written from here on: what it reads is in bounds, also where a
  // condition chooses it.
  void set_certain(const std::vector<Expr>& values);
  // Whether it reads where nothing says that it is in bounds, which a condition around it has to.
  bool needs_guard(const Expr& e);
  // That `guard` (if any) is true, and then that `condition` is, or is not: the same again is the same expression.
  Expr guard_and(const Expr& guard, const Expr& condition, bool holds = true);
  // Whether lanes along `axis` read or write at `offset` in groups that share an element, several whole ones to a vector or one; or the
  // same elements again and again, whole in each vector.
  bool in_groups(const Expr& offset, int axis, DType lane) const;
  // Whether it compares integers of which one says the position on `axis`, and what is the same all along it: a mask of lanes.
  bool tests_position(const Expr& e, int axis);
  // Whether the expression can be computed in vectors along `axis`; gives the lanes' dtype by reference (unset: undecided so far).
  bool vectorises(const Expr& e, int axis, std::optional<DType>& dtype);

  const std::string& setup() const { return setup_; }  // at the start of the kernel: rows that stand for what is outside
  // Within a scope's loop over the entries of a ragged axis: fetches the rows that the stages will read at later entries, but what the
  // stages of a loop before it read at the same entries; `near`: a few entries ahead, from near caches too. `entries`: how many this pass
  // of the loop takes.
  void prefetch_entries(LoopLevel& here, const Axis& axis, const std::vector<Stage>& stages, const std::vector<Stage>& before, bool near,
                        int entries = 1);
  // Locals change from stage to stage: what is read from them is not kept in loops outside of this depth.
  void set_stage_depth(int depth) { stage_depth_ = depth; }
  // Buffers of which each position of an axis has its own; and the text that says where, with which loops over the axis begin from here on.
  void set_buffers_of_entry(int axis, const std::set<std::string>& buffers);
  bool has_buffers_of_entry(int axis) const;
  bool is_buffer_of_entry(const std::string& base) const { return of_entry_.count(base) != 0; }
  void set_entry_text(int axis, std::string text) { entry_text_[axis] = std::move(text); }
  std::string entry_text(int axis) const;

 private:
  Term read(LoopLevel& here, const Expr& e, int part, const Expr& guard);
  static std::string load_pair_text(const Place& at);
  Term position_test(LoopLevel& here, const Expr& e, int part, const Expr& guard);
  Term guarded_read(LoopLevel& here, const Expr& e, int part, const std::vector<Expr>& conditions);
  std::string fill_row(const Type& type, const Expr& outside, const Dim& span);
  void reductions(LoopLevel& here, const std::vector<Instance>& given);
  // Those that no loop around has made yet, each once; they are made in the loop `depth`.
  struct Reductions {
    std::vector<Instance> group;
    int depth = 0;
    bool in_lanes = false;
  };
  Reductions not_known(LoopLevel& here, const std::vector<Instance>& given);
  void window(LoopLevel& at, const std::vector<Instance>& group, bool in_lanes);
  bool adds_nothing(const Expr& term, Reduction reduction);
  void vector_reduction(LoopLevel& at, const std::vector<Instance>& group, std::size_t along);
  void loop_reduction(LoopLevel& at, const std::vector<Instance>& group, bool in_lanes);
  std::vector<Axis> axes_in_order(const Expr& reduction);
  std::optional<std::size_t> lane_axis_of(const Expr& reduction);
  std::optional<std::size_t> lane_axis_of(const std::vector<Instance>& group);
  std::int64_t failure_of(const std::string& base) const;
  std::string fail_text(const std::string& condition, std::int64_t failure) const;
  void check(LoopLevel& at, const std::string& condition, std::int64_t failure) const;  // reports it, once
  std::unique_ptr<LoopLevel> open_loop(LoopLevel& around, const Axis& axis);
  // Within a loop over the entries of a ragged axis: fetches the rows that later entries point at.
  void prefetch_rows(LoopLevel& here, const Axis& axis, const std::vector<Instance>& bodies);
  std::set<std::int64_t> lines_read(const std::vector<Stage>& stages, const GatheredRows& row);
  void fetch_row(LoopLevel& here, const Axis& axis, const GatheredRows& row, const std::set<std::int64_t>& lines, const char* how,
                 int ahead);
  // An axis that stands for a position; for an index from the data, where it is inside, else 0, and the failure is reported.
  int new_position(LoopLevel& at, const Dim& extent, const std::string& text);
  int position_inside(LoopLevel& at, const std::string& index, const Dim& extent, std::int64_t failure);
  // The axis that stands for what a list of positions gives some entries later.
  int position_later(LoopLevel& here, const Axis& axis, const Expr::Node* list, const Dim& rows, int ahead);
  bool is_certain(const Expr& read) const;
  void outer_reductions(const Expr& e, std::vector<Expr>& found, std::set<const Expr::Node*>& seen);
  LoopLevel& ancestor(LoopLevel& here, int depth) const;
  int depth_of_axis(const LoopLevel& here, int axis) const;
  // Of the outermost loop in which the elements of a buffer stay as they are; 0 for other operands.
  int depth_of_buffer(const LoopLevel& here, const std::string& base) const;

  const Map& map_;
  std::vector<Type> inputs_, outputs_;
  const std::vector<std::string>& symbols_;
  int vector_bytes_;
  std::map<int, Axis> axes_;
  std::unordered_map<const Expr::Node*, std::set<int>> free_;
  std::unordered_map<const Expr::Node*, bool> guarded_;
  std::map<std::tuple<const Expr::Node*, const Expr::Node*, bool>, Expr> guards_;
  std::vector<std::pair<Expr, Dim>> certain_;  // indices, each with the size that it is inside of
  std::vector<Expr> kept_;                     // expressions made here: their nodes are keys above and must live
  std::map<std::string, std::string> fills_;
  std::string setup_;
  std::map<std::string, std::int64_t> held_;
  std::set<std::string> paired_;
  std::map<std::string, int> of_entry_;  // buffer -> axis
  std::map<int, std::string> entry_text_;
  int count_ = 0, stage_depth_ = 0;
};

bool is_buffer(const std::string& base);         // of a scope, or of a row's sums: no operand or result
std::string operand_name(std::int64_t operand);  // "x3", or "l0" for a local
std::string axis_name(int id);
int vector_bytes(Isa isa);  // of one register

}  // namespace neap

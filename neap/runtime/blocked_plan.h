// What blocked_compile.cpp makes of a map and blocked_run.cpp runs: programs over lanes. A lane is a point of some axes, flattened
// row-major; a program's steps each work on a block of consecutive lanes, in registers of one element a lane.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "neap/ir/graph.h"
#include "neap/runtime/block_loops.h"

namespace neap::blocks {

constexpr std::size_t most_levels = 16;

// An integer that is affine in the lanes' axes and in axes that stand still during a block.
struct AffineLanes {
  struct Level {
    Count extent, step;
  };
  Count base = 0;
  std::vector<std::pair<int, Count>> outer;  // axis id, coefficient
  std::vector<Level> levels;                 // over the lanes, outermost first, merged where steps allow; empty: equal in all lanes

  bool linear() const { return levels.size() <= 1; }
  Count step() const { return levels.empty() ? 0 : levels.back().step; }
};

struct LaneAxis {
  int id;
  Count extent;
};

struct Program;

struct ComputeStep {
  Compute loop;
  int out, a, b, c;  // registers; b and c may be -1
};
struct LoadStep {
  int out, operand;
  AffineLanes offset;  // in elements
  DType dtype;
  bool in_place;  // the register is the operand's memory itself
};
struct PositionStep {
  int out;
  AffineLanes value;
};
struct Index {
  int position;  // register
  Count size, stride;
};
struct GatherStep {
  int out, operand;
  DType dtype;
  std::vector<Index> index;
  int outside, mask;  // registers or -1; mask: lanes in which an index out of bounds is an error
  bool guarded;       // out of bounds is none
  int offset, ok;     // registers to work in
};
// A guarded read with affine indices (padding): stretches of lanes are clipped to what is within bounds.
struct WindowStep {
  struct Axis {
    Count size, stride;  // of the operand
    Count base;
    std::vector<std::pair<int, Count>> outer;  // axis id, coefficient
    std::vector<Count> steps;                  // by lane axis
  };
  int out, operand;
  DType dtype;
  std::vector<LaneAxis> lanes;  // those with more than one element
  std::vector<Axis> axes;
  int outside;  // register
};
struct ReduceStep {
  int out;
  Reduction reduction;
  Kind kind;      // of the values
  DType element;  // whose lowest and highest a reduction over no points gives
  std::unique_ptr<Program> body;
  int value;        // the body's register
  bool over_lanes;  // the body's lanes are the reduction's points, once for each lane of ours; else lanes are ours, once for each point
  std::vector<LaneAxis> axes;
  int begin, end;  // registers, of a ragged axis; else -1
  int mask;        // register or -1: lanes that are asked for
  int part, best;  // registers to work in: partial sums; the extreme whose position is wanted
};
struct StoreStep {
  int value, output;
  AffineLanes offset;
  DType dtype;
};
struct ScatterStep {
  int value, output;
  DType dtype;
  std::vector<Index> index;
  bool accumulates;
  Reduction reduction;
  int offset, ok;
};
using Step = std::variant<ComputeStep, LoadStep, PositionStep, GatherStep, WindowStep, ReduceStep, StoreStep, ScatterStep>;

// A register that is an output's memory: its producer writes the result.
struct InPlace {
  int value, output;
  AffineLanes offset;
  DType dtype;
};

struct Program {
  std::vector<LaneAxis> lanes;
  Count lane_count = 1;
  std::vector<Step> steps;
  std::vector<InPlace> in_place;
  double work = 0;      // scalar operations a lane, roughly
  bool serial = false;  // lanes must run in order
  bool heavy = false;   // a lane is much work of its own
};

struct Constant {
  int out;
  Kind kind;
  double real;
  Count integer;
};

// A map that only reorders axes (blocked_transpose.cpp).
struct Transposition {
  struct Axis {
    Count extent, from, to;  // steps in elements of the operand and of the result
  };
  int operand, output;
  Count size;                 // bytes an element
  std::vector<Axis> outer;    // the others
  Axis along_from, along_to;  // of step one in the operand, in the result
};

struct Plan {
  std::optional<Transposition> transposition;  // then nothing below is used
  std::vector<Kind> registers;
  std::vector<int> place;    // by register: its memory, shared with registers that live at other times; -1: an operand's or output's memory
  std::vector<Kind> places;  // what each memory holds
  std::vector<Constant> constants;
  std::vector<Program> programs;
  std::vector<std::vector<Count>> input_sizes, output_sizes;  // for errors
  std::vector<bool> far_outputs;                              // which are too large to be found in a cache later
  struct Fill {
    int output;
    DType dtype;
    Count count;
    double real;
    Count integer;
  };
  std::vector<Fill> fills;  // outputs that are not written whole, or accumulated
  Count block = 0;          // lanes at a time
  int axes = 0;             // axis ids are below this
};

constexpr int size_of(Kind kind) { return kind == Kind::f32 ? 4 : kind == Kind::truth ? 1 : 8; }

// Null, with the reason in `why`, where a map does not fit.
std::unique_ptr<Plan> compile(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols,
                              std::string* why);
void assign_places(Plan& plan);
std::optional<Transposition> find_transposition(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                const Symbols& symbols);
void run(const Transposition& move, std::span<const void* const> inputs, std::span<void* const> outputs);
void run(const Plan& plan, std::span<const void* const> inputs, std::span<void* const> outputs);

}  // namespace neap::blocks

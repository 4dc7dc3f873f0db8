// How assignments become loops: which axes become one, their order, which is vectorised, which is tiled so that what is loaded serves
// several rows.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "neap/codegen/emitter.h"

namespace neap {

// A stage on its way into text: windows written out, axes merged, the name of what it writes to.
struct Assignment {
  Expr value;
  std::vector<Expr> index;
  Accumulate accumulate = Accumulate::none;
  Type type;         // of the target as it is stored here (partial results of 16-bit floats are f32)
  std::string base;  // "y0", "p1", "l2"
  // The value is to be folded over lanes side by side, those that share an element of the target, before it is stored.
  std::optional<Reduction> folded = std::nullopt;
  bool in_place = false;  // the target may lie over an operand of its type
};

struct Loop {
  enum Kind : std::uint8_t { serial, tile, vector, unrolled };
  Axis axis;
  Kind kind = serial;
  int factor = 1;       // rows of a tile; vectors side by side
  bool window = false;  // of a tile: its rows read under conditions
  bool peel = false;    // the first and last tile are written out apart: conditions at borders are then known
};

// A buffer that is a matrix, copied into another with its rows and columns exchanged (exchange.h).
struct Exchange {
  std::string to, from;
  std::int64_t rows = 0, elements = 0;  // of `from`
};

struct Nest {
  std::vector<Loop> loops;  // outermost first
  Lanes lanes;              // axis -1: element by element
  std::vector<Assignment> body;
  std::vector<Axis> axes;  // as merged, without those of size one
  int block_axis = -1;     // an axis of `loops` that runs in blocks, in a loop around all others: a block's rows stay in cache
  std::int64_t block = 0;
  std::vector<Axis> reduced;         // axes that no target has, run inside the others
  std::optional<Exchange> exchange;  // what its one assignment does, where it goes from vectors in registers to others
};

// Whether it is larger than caches are: where each element is stored once, the stores go past them.
bool exceeds_caches(const Type& type);
// Whether the assignment's stores do.
bool streams(const Assignment& assignment);

// Says to the emitter what all points of the nest evaluate.
void set_certain(Emitter& emit, const Nest& nest);

// Plans a nest over these axes. May resize axes in the emitter where several become one.
Nest plan_nest(Emitter& emit, std::vector<Axis> axes, std::vector<Assignment> body, const Schedule& schedule);

// The range of an axis that is cut: by a chunk of the work, or by a block.
using Ranges = std::map<int, std::pair<std::string, std::string>>;
// Appends the nest's text to `root`.
void write_nest(Emitter& emit, LoopLevel& root, const Nest& nest, const Ranges& ranges);

}  // namespace neap

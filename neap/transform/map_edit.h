// What fusions are made of: maps opened so that their reads name values of the graph, put together, and closed into nodes again.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "neap/ir/map_walk.h"

namespace neap {

// A map whose stages write graph values (ValueIds) in place of output numbers, and whose reads name operands that all maps opened by one
// `Opener` have in common. Locals keep their negative numbers. Axis ids are unique across maps opened by one `Opener`.
struct OpenMap {
  Map map;
  std::vector<std::string> origin;
  Schedule schedule;
};

// A buffer in place of a value, which it holds at one point of an axis.
struct RowBuffer {
  ValueId value = no_value;
  int local = 0;                                               // negative, as reads and targets name it
  std::vector<int> dimensions;                                 // of the value, in the buffer's order
  std::vector<Expr> place(std::span<const Expr> index) const;  // in the buffer, of a position in the value
};

// How a map becomes part of one that was opened before it.
struct Joining {
  int axis = -1, as = -1;          // one of its axes is this one of that map's
  int locals = 0;                  // its own buffers are numbered behind so many
  std::vector<RowBuffer> buffers;  // in which it reads values
};

class Opener {
 public:
  OpenMap open(const Node& node, const Joining& joining = {});
  // The node of an open map: operands numbered in order of first use, outputs in order of first write.
  Node close(OpenMap open) const;
  int fresh_axis() { return next_axis(), next_axis_++; }

  // Reads of a value name this number; `operand` makes it where there is none yet, `find_operand` then gives one that nothing reads.
  int operand(ValueId value);
  int find_operand(ValueId value) const;
  ValueId value(std::int64_t operand) const { return values_[static_cast<std::size_t>(operand)]; }
  bool reads_one_of(const Expr& read, const std::vector<ValueId>& values) const;  // of an open map's expressions

 private:
  int next_axis();

  int next_axis_ = 0;
  std::shared_ptr<const Map> uncounted_;
  std::vector<ValueId> values_;  // by operand: those of the first map as they are, so that its expressions stay as they are
};

// `value` with each of these expressions as what stands beside it.
Expr with_replaced(const Expr& value, const std::vector<std::pair<Expr, Expr>>& replaced);
// `value` with its reductions over axes of their own, numbered from `next_axis` on; nothing else changes.
Expr with_own_axes(const Expr& value, int& next_axis);
// The node without operands that nothing reads.
Node without_unread(Node map_node);
// The node without one of its results (not its last), and without the buffers and operands that were there for it alone.
Node without_result(Node map_node, ValueId result);

std::vector<std::string> merge_origins(const std::vector<std::string>& a, const std::vector<std::string>& b);

// If the stage writes each element of its target once, at a point of the map's axes: which axis stands at each dimension (-1: a dimension
// of size one). Empty optional, with the reason, where it does not.
std::optional<std::vector<int>> pointwise_axes(const Map& map, const Stage& stage, const Type& target, std::string& reason);

// Whether operand `operand` is read to say where something is read or written.
bool is_position(const Map& map, std::int64_t operand);

// Points of the map's axes and the stage's.
Dim points(const Map& map, const Stage& stage);

// Scalar operations of an expression, of all expressions of a map: in each, a distinct one once.
int expression_size(const Expr& value);
int map_size(const Map& map);

}  // namespace neap

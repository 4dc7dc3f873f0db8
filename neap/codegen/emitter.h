// Writes expressions as C++: each distinct node once, in the outermost loop that it depends on.
#pragma once
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/codegen/nest.h"

namespace neap {

constexpr int block_lanes = 256;  // a vector loop with a reduction in it runs in blocks of this many elements

// One loop body on the way in. `before` runs once a point of the loops around; `lane` inside the vector loop, if there is one.
struct Context {
  Context* parent = nullptr;
  std::set<int> axes;  // that this context's loops run over
  int vector_axis = -1;
  std::string before, block, lane;  // `block`: ahead of the vector loop, inside its blocks
  bool blocked = false;             // the vector loop must run in blocks
  std::map<std::pair<const Expr::Node*, const Expr::Node*>, std::string> known, known_lane;  // (node, guard) -> name
};

class Emitter {
 public:
  Emitter(const Map& map, std::vector<Type> inputs, std::vector<Type> outputs, const std::vector<std::string>& symbols, const Nest& nest);

  // The name (or literal) of a value in a context; its code has been added where it belongs.
  std::string value(Context& context, const Expr& e, const Expr& guard = {});
  // A reference to an element: "y3[...]", with its address worked out in the context. `base`: pointer name of the operand.
  std::string element(Context& context, const std::string& base, const Type& type, const std::vector<Expr>& index, bool checked);
  std::string dim(const Dim& size) const;
  std::string fresh(const char* prefix) { return prefix + std::to_string(++count_); }
  std::string setup() const { return setup_; }  // at the start of the kernel: rows that stand for what is outside
  bool checks() const { return checks_; }       // whether `bad` is used
  bool lane_dependent(const Context& context, const Expr& e);
  std::string operand_name(std::int64_t operand) const {
    return operand >= 0 ? "x" + std::to_string(operand) : "l" + std::to_string(-1 - operand);
  }

 private:
  struct Address {
    std::string base;   // does not depend on the vector axis
    std::string lane;   // "" or "[a3]" or "[a3 * 2]"
    bool unit = false;  // coefficient of the vector axis is 0 or 1
  };
  const std::set<int>& axes_of(const Expr& e);
  Context& home(Context& context, const Expr& e, bool& in_lane);
  std::string define(Context& where, bool in_lane, const char* prefix, const std::string& type, const std::string& text);
  std::string read_value(Context& context, const Expr& e, const Expr& guard);
  std::string reduce_value(Context& context, const Expr& e, const Expr& guard);
  std::string scalar_reduction(Context& where, const Expr& e, const Expr& guard);
  std::string blocked_reduction(Context& context, const Expr& e, const Expr& guard);
  std::string open_loops(Context& around, const std::vector<Axis>& axes, std::string& close, bool leave_last);
  Address address(Context& context, const Type& type, const std::vector<Expr>& index);
  Type operand_type(std::int64_t operand) const;
  bool surely_inside(const Expr& read);
  bool needs_guard(const Expr& e);
  Expr inside_condition(const Expr& read);

  const Map& map_;
  std::vector<Type> inputs_, outputs_;
  const std::vector<std::string>& symbols_;
  const Nest& nest_;
  std::map<int, Axis> axes_;  // all axes by id
  std::unordered_map<const Expr::Node*, std::set<int>> free_;
  std::unordered_map<const Expr::Node*, Expr> unrolled_;
  std::unordered_map<const Expr::Node*, bool> guarded_;
  std::vector<Expr> kept_;  // expressions made here: their nodes are keys above and must live
  std::map<std::string, std::string> fills_;
  std::string setup_;
  bool checks_ = false;
  int count_ = 0;
};

}  // namespace neap

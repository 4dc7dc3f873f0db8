// A map becomes a plan (blocked_plan.h): what its parts in several files share.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "neap/runtime/blocked_plan.h"

namespace neap::blocks {

struct Unsupported {
  std::string why;
};

inline Kind kind_of(DType dtype) {
  if (dtype == DType::boolean) return Kind::truth;
  if (dtype == DType::f64) return Kind::f64;
  return is_float(dtype) ? Kind::f32 : Kind::i64;
}

// Whether a register of this dtype looks as its memory does.
inline bool same_in_memory(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::i64 || dtype == DType::boolean;
}

struct Operand {
  DType dtype;
  std::vector<Count> sizes, strides;

  Operand(const Type& type, const Symbols& symbols) : dtype(type.dtype), sizes(evaluate(type.shape, symbols)), strides(sizes.size()) {
    Count stride = 1;
    for (std::size_t i = sizes.size(); i-- > 0; stride *= sizes[i]) strides[i] = stride;
  }
};

// An index with known coefficients.
struct KnownAffine {
  Count base = 0;
  std::map<int, Count> coefficients;

  void add(const KnownAffine& other, Count factor) {
    base += other.base * factor;
    for (const auto& [axis, coefficient] : other.coefficients) coefficients[axis] += coefficient * factor;
  }
};

class Compiler {
 public:
  Compiler(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols)
      : map_(map), symbols_(symbols), plan_(std::make_unique<Plan>()), loops_(loops()) {
    for (const Type& type : inputs) inputs_.emplace_back(type, symbols);
    for (const Type& type : outputs) outputs_.emplace_back(type, symbols);
  }

  std::unique_ptr<Plan> compile();

 private:
  struct Scope {
    Program* program;
    Scope* parent;          // with the same lanes; null: lanes of its own
    std::vector<int> axes;  // that change from run to run of this program within one of the parent's
    std::map<std::pair<const Expr::Node*, int>, int> made;
  };

  void enter(const Axis& axis);
  int fresh(Kind kind);
  int constant(Kind kind, double real, Count integer);
  int compute(Scope& scope, Compute loop, Kind result, int a, int b = -1, int c = -1, double cost = 1);
  int convert(Scope& scope, int value, Kind to);
  int round(Scope& scope, int value, DType dtype);
  std::optional<KnownAffine> known_affine(const Expr& index) const;
  bool within(const KnownAffine& index, Count size) const;
  static AffineLanes over_lanes(const KnownAffine& index, const Program& program);
  bool provable(const Expr& read) const;
  bool may_fail(const Expr& e);
  int value(const Expr& e, Scope& scope, int mask);
  int real_constant(const Expr& e);
  int make(const Expr& e, Scope& scope, int mask);

  Compute loop(Scalar op, Kind kind) const { return loops_.compute[static_cast<int>(op)][static_cast<int>(kind)]; }
  int negated(Scope& scope, int truth) { return compute(scope, loop(Scalar::logical_not, Kind::truth), Kind::truth, truth); }
  int both(Scope& scope, int mask, int truth) {
    return mask < 0 ? truth : compute(scope, loop(Scalar::logical_and, Kind::truth), Kind::truth, mask, truth);
  }

  int call(const Expr& e, Scope& scope, int mask);
  int read(const Expr& e, Scope& scope, int mask);
  std::optional<int> clipped(const Expr& e, const Operand& from, Scope& scope, int mask);
  bool lanes_should_be_points(const Expr& e, const Program& outer, Count points);
  int reduce(const Expr& e, Scope& scope, int mask);
  static bool is_float_kind(Kind kind) { return kind == Kind::f32 || kind == Kind::f64; }

  bool covers(const Stage& stage) const;
  void fill_first(const Stage& stage);
  void store(const Stage& stage, Scope& scope);
  static bool may_write_through(int made, const Program& program);
  void finish();

  const Map& map_;
  const Symbols& symbols_;
  std::unique_ptr<Plan> plan_;
  const Loops& loops_;
  std::vector<Operand> inputs_, outputs_;
  std::map<int, Count> extent_;
  std::vector<Scope> scopes_;
  std::map<const Expr::Node*, bool> may_fail_;
};

}  // namespace neap::blocks

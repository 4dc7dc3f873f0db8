// Positions as sums of axes, and points of spaces.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "neap/ir/expr.h"

namespace neap {
namespace {

class AffineForm {
 public:
  // Parts that are shared are taken apart once.
  Affine of(const Expr& e) {
    if (e->args.empty() || e.node().use_count() == 1) return made(e);
    const auto known = shared_.find(e.node().get());
    return known != shared_.end() ? known->second : shared_.emplace(e.node().get(), made(e)).first->second;
  }

 private:
  Affine made(const Expr& e) {
    switch (e->op) {
      case Scalar::constant:
        return is_float(e->dtype) ? Affine{} : Affine{true, {}, Dim(e->integer)};
      case Scalar::size:
        return {true, {}, e->dim};
      case Scalar::axis:
        return {true, {{static_cast<int>(e->integer), Dim(1)}}, Dim(0)};
      case Scalar::neg:
        return scaled(of(e->args[0]), Dim(-1));
      case Scalar::add:
        return sum(of(e->args[0]), of(e->args[1]));
      case Scalar::sub:
        return sum(of(e->args[0]), scaled(of(e->args[1]), Dim(-1)));
      case Scalar::mul: {
        const Affine a = of(e->args[0]), b = of(e->args[1]);
        if (!a.affine || !b.affine || !(a.coefficients.empty() || b.coefficients.empty())) return {};
        return b.coefficients.empty() ? scaled(a, b.rest) : scaled(b, a.rest);
      }
      default:
        return {};
    }
  }

  static Affine scaled(Affine a, const Dim& factor) {
    for (auto& [axis, coefficient] : a.coefficients) coefficient *= factor;
    std::erase_if(a.coefficients, [](const auto& term) { return term.second == Dim(0); });
    a.rest *= factor;
    return a;
  }

  static Affine sum(Affine a, const Affine& b) {
    if (!a.affine || !b.affine) return {};
    for (const auto& [axis, coefficient] : b.coefficients) {
      Dim& mine = a.coefficients[axis];
      mine += coefficient;
      if (mine == Dim(0)) a.coefficients.erase(axis);
    }
    a.rest += b.rest;
    return a;
  }

  std::unordered_map<const Expr::Node*, Affine> shared_;
};

}  // namespace

Affine affine(const Expr& index) { return AffineForm().of(index); }

Dim points(const std::vector<Axis>& space) {
  std::set<int> covered;  // by a ragged axis
  for (const Axis& axis : space) {
    if (axis.ragged == nullptr) continue;
    for (const Expr* bound : {&axis.ragged->first, &axis.ragged->second}) {
      visit(*bound, [&](const Expr& e) {
        if (e->op == Scalar::axis) covered.insert(static_cast<int>(e->integer));
      });
    }
  }
  Dim count = 1;
  for (const Axis& axis : space) {
    if (covered.count(axis.id) == 0) count *= axis.extent;
  }
  return count;
}

}  // namespace neap

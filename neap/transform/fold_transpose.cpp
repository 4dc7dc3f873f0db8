// A product of matrices reads its operands either way round, so that a transpose of the last two axes need not be stored.
#include <numeric>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fold_transpose_transformation {
namespace {

// Whether it exchanges the last two axes and leaves the others.
bool swaps_matrix(const Call& transpose) {
  const auto rank = static_cast<std::size_t>(transpose.input(0).rank());
  if (rank < 2) return false;
  std::vector<std::int64_t> order = transpose.integers("permutation");
  if (order.empty()) return rank == 2;
  for (std::int64_t& axis : order) axis += axis < 0 ? static_cast<std::int64_t>(rank) : 0;
  std::vector<std::int64_t> wanted(rank);
  std::iota(wanted.begin(), wanted.end(), 0);
  std::swap(wanted[rank - 2], wanted[rank - 1]);
  return order == wanted;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int product = call_at(draft, site.at, "matmul");
  if (product < 0) return "it is no product of matrices";
  Node call = draft.node(product);
  const Call described = call_of(draft, product);
  bool changed = false;
  static constexpr const char* flags[] = {"transpose_a", "transpose_b"};
  for (std::size_t k = 0; k < 2; ++k) {
    const int move = maker(draft, call.inputs[k], "transpose");
    if (move < 0 || !swaps_matrix(call_of(draft, move))) continue;
    call.inputs[k] = draft.node(move).inputs[0];
    call.attributes[flags[k]] = !described.flag(flags[k]);
    changed = true;
  }
  if (!changed) return "no operand is a transpose of its last two axes";
  become_call(draft, product, "matmul", call.inputs, call.attributes);
  return "";
}

std::vector<Site> find(const Draft& draft) { return calls_reading(draft, "matmul", "transpose"); }

const RegisterTransformation fold_transpose{{.name = "fold_transpose",
                                             .level = 3,
                                             .about = "reads a matrix the other way round in place of transposing it",
                                             .find = find,
                                             .apply = apply,
                                             .needs_gain = false}};

}  // namespace
}  // namespace neap::fold_transpose_transformation

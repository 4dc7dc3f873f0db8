#include "neap/ops/indexing.h"

namespace neap {

void check_indices(const Call& call, int input) {
  const DType dtype = call.input(input).dtype;
  if (!is_integer(dtype)) call.fail(fmt::format("indices are {}", name(dtype)), "cast them to i64");
}

Expr wrapped(const Expr& index, const Dim& size) {
  const Expr at = cast(index, DType::i64);
  return select(at < Expr(0), at + Expr(size), at);
}

Accumulate accumulation(const Call& call, std::string_view name) {
  const std::string& text = call.text(name);
  if (text == "add") return Accumulate::sum;
  if (text == "max") return Accumulate::max;
  if (text == "min") return Accumulate::min;
  call.fail(std::string(name) + " is none of add, max, min", "use one of these");
}

Var shared_by_ties(const Var& updates, const Var& best, const Var& cotangent, const std::function<Var(const Var&)>& spread,
                   const std::function<Var(const Var&)>& collect) {
  const Var wins = cast(updates.build().call("equal", {updates, spread(best)}), updates.dtype());
  return wins * spread(cotangent) / spread(collect(wins));
}

}  // namespace neap

// A product of matrices takes one matrix for all of a batch, so that it need not be stored once for each.
#include <algorithm>
#include <utility>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fold_expand_transformation {
namespace {

// What the operand was before it was repeated along axes of the batch; `no_value` where it was not, or a matrix itself was stretched.
ValueId before_expand(const Draft& draft, ValueId operand) {
  const int at = maker(draft, operand, "expand");
  if (at < 0) return no_value;
  const ValueId from = draft.node(at).inputs[0];
  const Shape &small = draft.type(from).shape, &large = draft.type(operand).shape;
  const bool same_matrix = small.size() >= 2 && std::equal(small.end() - 2, small.end(), large.end() - 2);
  return same_matrix ? from : no_value;
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int product = call_at(draft, site.at, "matmul");
  if (product < 0) return "it is no product of matrices";
  const Shape result = draft.type(draft.node(product).outputs[0]).shape;
  Node call = draft.node(product);
  bool changed = false;
  std::string reason = "no operand is repeated along the batch";
  for (ValueId& operand : call.inputs) {
    const ValueId from = before_expand(draft, operand);
    if (from == no_value) continue;
    const ValueId before = std::exchange(operand, from);
    if (infer(make_call(draft.shell(), call))[0].shape == result) {
      changed = true;
    } else {
      operand = before;
      reason = "the batch is that of the repeated operand alone";
    }
  }
  if (!changed) return reason;
  become_call(draft, product, "matmul", call.inputs, call.attributes);
  return "";
}

std::vector<Site> find(const Draft& draft) { return calls_reading(draft, "matmul", "expand"); }

const RegisterTransformation fold_expand{{.name = "fold_expand",
                                          .level = 3,
                                          .about = "takes one matrix for all of a batch in place of repeating it",
                                          .find = find,
                                          .apply = apply,
                                          .needs_gain = false}};

}  // namespace
}  // namespace neap::fold_expand_transformation

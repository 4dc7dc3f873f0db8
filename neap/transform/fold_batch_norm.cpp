// Batch normalisation with statistics that are known becomes part of the convolution ahead of it: filters and bias are scaled in its place.
#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap {
namespace {

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int norm = call_at(draft, site.at, "batch_norm_inference");
  if (norm < 0) return "it is no batch_norm_inference";
  const std::vector<ValueId> operands = draft.node(norm).inputs;
  const int conv = maker(draft, operands[0], "conv");
  if (conv < 0) return "its input is not made by a convolution";
  if (!used_once(draft, operands[0])) return "somebody else needs the convolution's result";
  for (std::size_t i = 1; i < operands.size(); ++i) {
    if (draft.producer(operands[i]) >= 0) return "its statistics or its scale are computed in the graph";
  }
  const Node call = draft.node(conv);
  const ValueId filters = call.inputs[1], bias = call.inputs.size() > 2 ? call.inputs[2] : no_value;
  const Type type = draft.type(filters);
  const ValueId scale = operands[1], shift = operands[2], mean = operands[3], variance = operands[4];
  const double epsilon = call_of(draft, norm).number("epsilon");

  // (conv(x, w) + b - mean) * f + shift = conv(x, w * f) + (b - mean) * f + shift, with f = scale / sqrt(variance + epsilon).
  const auto call_before = [&](std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes = {}) {
    return insert_call(draft, norm, op, inputs, std::move(attributes));
  };
  const ValueId spread = call_before("rsqrt", {call_before("add", {variance, number_constant(draft, type.dtype, epsilon)})});
  const ValueId factor = call_before("mul", {scale, spread});
  Shape along(type.shape.size(), Dim(1));
  along[0] = type.shape[0];
  const ValueId scaled = call_before("mul", {filters, call_before("reshape", {factor}, {{"shape", along}})});
  const ValueId offset = bias == no_value ? call_before("neg", {mean}) : call_before("sub", {bias, mean});
  const ValueId moved = call_before("add", {call_before("mul", {offset, factor}), shift});
  become_call(draft, norm, "conv", {call.inputs[0], scaled, moved}, call.attributes);
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (draft.node(at).op == "batch_norm_inference") sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

const RegisterTransformation fold_batch_norm{{.name = "fold_batch_norm",
                                              .level = 3,
                                              .about = "scales a convolution's filters in place of normalising its result",
                                              .find = find,
                                              .apply = apply}};

}  // namespace
}  // namespace neap

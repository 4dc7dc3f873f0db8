// Batch normalisation with statistics that are known becomes part of the convolution ahead of it: filters and bias are scaled in its place,
// now where they are constants, else by nodes of the graph.
#include <cmath>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fold_batch_norm_transformation {
namespace {

struct Affine {
  ValueId filters = no_value, bias = no_value;  // of the convolution; the bias may be absent
  ValueId scale, shift, mean, variance;         // of the norm
  double epsilon = 0;
};

// (conv(x, w) + b - mean) * f + shift = conv(x, w * f) + (b - mean) * f + shift, with f = scale / sqrt(variance + epsilon).
std::vector<ValueId> folded_now(Draft& draft, const Affine& of) {
  const auto known = [&](ValueId id) -> const Array& { return *draft.value(id).constant; };
  Array filters = known(of.filters).clone(), bias(filters.dtype(), {filters.size(0)});
  const std::int64_t inner = filters.count() / std::max<std::int64_t>(filters.size(0), 1);
  for (std::int64_t k = 0; k < filters.size(0); ++k) {
    const double factor = known(of.scale).get(k) / std::sqrt(known(of.variance).get(k) + of.epsilon);
    for (std::int64_t i = k * inner; i < (k + 1) * inner; ++i) filters.set(i, filters.get(i) * factor);
    const double before = of.bias == no_value ? 0 : known(of.bias).get(k);
    bias.set(k, (before - known(of.mean).get(k)) * factor + known(of.shift).get(k));
  }
  return {draft.add_constant(std::move(filters)), draft.add_constant(std::move(bias))};
}

std::vector<ValueId> folded_by_nodes(Draft& draft, int before, const Affine& of) {
  const Type type = draft.type(of.filters);
  const auto call = [&](std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes = {}) {
    return insert_call(draft, before, op, inputs, std::move(attributes));
  };
  const ValueId spread = call("rsqrt", {call("add", {of.variance, number_constant(draft, type.dtype, of.epsilon)})});
  const ValueId factor = call("mul", {of.scale, spread});
  Shape along(type.shape.size(), Dim(1));
  along[0] = type.shape[0];
  const ValueId scaled = call("mul", {of.filters, call("reshape", {factor}, {{"shape", along}})});
  const ValueId offset = of.bias == no_value ? call("neg", {of.mean}) : call("sub", {of.bias, of.mean});
  return {scaled, call("add", {call("mul", {offset, factor}), of.shift})};
}

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
  const Affine of{.filters = call.inputs[1],
                  .bias = call.inputs.size() > 2 ? call.inputs[2] : no_value,
                  .scale = operands[1],
                  .shift = operands[2],
                  .mean = operands[3],
                  .variance = operands[4],
                  .epsilon = call_of(draft, norm).number("epsilon")};
  bool constant = true;
  for (const ValueId id : {of.filters, of.bias, of.scale, of.shift, of.mean, of.variance})
    constant &= id == no_value || draft.value(id).constant.has_value();
  const std::vector<ValueId> folded = constant ? folded_now(draft, of) : folded_by_nodes(draft, norm, of);
  become_call(draft, norm, "conv", {call.inputs[0], folded[0], folded[1]}, call.attributes);
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
}  // namespace neap::fold_batch_norm_transformation

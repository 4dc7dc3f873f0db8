// A gate (one factor a channel and image, as squeeze-and-excite has it) scales the filters of the 1x1 convolution behind it, per image, in
// place of the activations: that moves 2 filters * channels values an image where scaling moves 2 channels * pixels. It pays where a
// convolution has fewer filters than an image has pixels.
#include <algorithm>

#include "neap/transform/call_edit.h"
#include "neap/transform/expansion.h"
#include "neap/transform/transformation.h"

namespace neap::fold_gate_transformation {
namespace {

bool all_are(const std::vector<std::int64_t>& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](std::int64_t value) { return value == wanted; });
}

std::string is_pointwise_conv(const Draft& draft, int at) {
  const Call call = call_of(draft, at);
  const Shape& filters = call.input(1).shape;
  if (std::any_of(filters.begin() + 2, filters.end(), [](const Dim& tap) { return !(tap == Dim(1)); })) return "it is no 1x1 convolution";
  if (!all_are(call.integers("strides"), 1)) return "the convolution takes strides";
  if (!all_are(call.integers("pads"), 0)) return "the convolution pads";
  return call.integer("groups") == 1 ? "" : "the convolution has groups";
}

// Whether `gate` is one number a channel and image beside activations of this shape.
bool is_gate(const Shape& gate, const Shape& activations) {
  if (gate.size() != activations.size() || !(gate[0] == activations[0]) || !(gate[1] == activations[1])) return false;
  return std::all_of(gate.begin() + 2, gate.end(), [](const Dim& size) { return size == Dim(1); });
}

// The gate as it was before it was broadcast.
ValueId before_expand(const Draft& draft, ValueId value) {
  const int at = maker(draft, value, "expand");
  return at < 0 ? value : draft.node(at).inputs[0];
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int conv = call_at(draft, site.at, "conv");
  if (conv < 0) return "it is no convolution";
  if (std::string reason = is_pointwise_conv(draft, conv); !reason.empty()) return reason;
  const Node call = draft.node(conv);
  const int scaling = maker(draft, call.inputs[0], "mul");
  if (scaling < 0) return "its input is not scaled";
  if (!used_once(draft, call.inputs[0])) return "somebody else needs the scaled activations";
  std::vector<ValueId> factors = draft.node(scaling).inputs;
  const Shape shape = draft.type(call.inputs[0]).shape;
  if (is_gate(draft.type(before_expand(draft, factors[0])).shape, shape)) std::swap(factors[0], factors[1]);
  const ValueId activations = factors[0], gate = before_expand(draft, factors[1]);
  if (!is_gate(draft.type(gate).shape, shape) || !(draft.type(activations).shape == shape))
    return "the factor is not one a channel and image";

  const Shape filters = draft.type(call.inputs[1]).shape;
  const Dim &images = shape[0], &inner = filters[1], &outer = filters[0];
  const ValueId wide = insert_call(draft, conv, "reshape", {call.inputs[1]}, {{"shape", Shape{1, outer, inner}}});
  const ValueId flat = insert_call(draft, conv, "reshape", {gate}, {{"shape", Shape{images, 1, inner}}});
  const ValueId scaled = insert_call(draft, conv, "mul", {wide, flat});
  const std::string spatial = std::string("hwd").substr(0, shape.size() - 2);
  Node product;
  product.op = "sum_of_products";
  product.attributes = {{"equation", "nc" + spatial + ",nkc->nk" + spatial}};
  product.inputs = {activations, scaled};
  product.outputs = call.outputs;
  product.origin = call.origin;
  for (const std::string& name : draft.node(scaling).origin) product.origin.push_back(name);
  product = as_map(draft.shell(), product);
  if (call.inputs.size() > 2 && call.inputs[2] != no_value) {
    Map map = *product.map;
    product.inputs.push_back(call.inputs[2]);
    map.stages[0].value = map.stages[0].value + read(2, draft.type(call.inputs[2]).dtype, {axis_position(map.axes[1])});
    product.map = std::make_shared<const Map>(std::move(map));
  }
  draft.replace(conv, std::move(product));
  draft.erase_unused(scaling);
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.op == "conv" && maker(draft, node.inputs[0], "mul") >= 0) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation fold_gate{{.name = "fold_gate",
                                        .level = 3,
                                        .about = "scales the filters of a 1x1 convolution, per image, in place of its input",
                                        .find = find,
                                        .apply = apply}};

}  // namespace
}  // namespace neap::fold_gate_transformation

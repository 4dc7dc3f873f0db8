// The transpose of a convolution as a layer: what flows back through a convolution of the same attributes.
#include "neap/ops/composition.h"
#include "neap/ops/window.h"

namespace neap::conv_transpose_operator {
namespace {

std::vector<Var> compose(Builder& build, const std::vector<Var>& inputs, const Call& call) {
  const Var &x = inputs[0], &w = inputs[1];
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank()) {
    call.fail("takes operands of one rank, 3 to 5", "batch, channels, and 1 to 3 spatial axes");
  }
  const Window window(call, spatial_sizes(w.type()));
  std::vector<std::int64_t> extra = call.integers("output_padding");
  if (extra.empty()) extra.assign(static_cast<std::size_t>(window.rank()), 0);
  if (static_cast<int>(extra.size()) != window.rank())
    call.fail(fmt::format("output_padding has {} numbers, not {}", extra.size(), window.rank()));
  Shape sizes;
  for (int i = 0; i < window.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (extra[at] < 0 || extra[at] >= window.strides[at]) {
      call.fail(fmt::format("output_padding of {} with a stride of {}", extra[at], window.strides[at]), "at least 0 and below the stride");
    }
    sizes.push_back((x.size(i + 2) - 1) * Dim(window.strides[at]) + window.reach(i) + Dim(extra[at] - window.begins[at] - window.ends[at]));
    if (sizes.back().is_constant() && sizes.back().constant() < 1) call.fail("the padding leaves nothing of the result", "pad less");
  }
  Attributes attributes = attributes_of(call, window_attributes());
  attributes["groups"] = call.integer("groups");
  attributes["input_size"] = sizes;
  const Var y = build.call("conv_input_gradient", {x, w}, std::move(attributes));
  if (!call.has(2)) return {y};
  if (inputs[2].shape() != Shape{y.size(1)})
    call.fail("a bias of shape " + to_string(inputs[2].shape()), "one number a channel of the result");
  return {y + along_channels(inputs[2], y.rank())};
}

std::vector<AttributeSpec> attributes() {
  std::vector<AttributeSpec> all = window_attributes();
  all.push_back({"groups", std::int64_t{1}, "channels are cut into this many groups that do not meet"});
  all.push_back({"output_padding", std::vector<std::int64_t>{}, "elements more at the end of each spatial axis; empty: 0"});
  return all;
}

const Register conv_transpose{{.name = "conv_transpose",
                               .about = "y[n,k,i] = bias[k] + sum of x[n,c,o] * w[c,k,r] over o*stride + r*dilation - pad == i",
                               .inputs = {{"x"}, {"w"}, {"bias", InputSpec::optional}},
                               .attributes = attributes(),
                               .compose = compose,
                               .onnx = {{"ConvTranspose",
                                         1,
                                         {{"strides", "strides"},
                                          {"pads", "pads"},
                                          {"dilations", "dilations"},
                                          {"group", "groups"},
                                          {"output_padding", "output_padding"}}}}}};

}  // namespace
}  // namespace neap::conv_transpose_operator

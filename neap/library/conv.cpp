// Convolution and its two gradients by oneDNN: 1 to 3 spatial axes, groups, strides, dilations, pads; activations in the layouts that they
// have, filters reordered in the call where the primitive wants them so.
#include <algorithm>

#include "neap/library/onednn.h"
#include "neap/ops/window.h"

namespace neap {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using onednn::Place;
using onednn::Steps;

// What the three operators have in common: the convolution that each belongs to.
struct Convolution {
  memory::desc x, w, y;
  memory::dims strides, dilations, begins, ends;

  Convolution(const Call& call, const Type& x_type, const Type& w_type, const Type& y_type, const Symbols& symbols)
      : x(onednn::describe(x_type, symbols)),
        w(onednn::describe_filters(w_type, symbols, call.integer("groups"))),
        y(onednn::describe(y_type, symbols)) {
    const Window window(call, {w_type.shape.begin() + 2, w_type.shape.end()});
    strides = window.strides;
    begins = window.begins;
    ends = window.ends;
    for (const std::int64_t dilation : window.dilations) dilations.push_back(dilation - 1);
  }
};

memory::desc any(const memory::desc& desc) { return {desc.dims(), desc.data_type(), memory::format_tag::any}; }

std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Type& filters) {
  std::vector<Type> all = outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (call.has(static_cast<int>(i))) all.push_back(inputs[i]);
  }
  std::string reason = onednn::refuses_types(all);
  if (!reason.empty()) return reason;
  const bool depthwise = filters.shape[0] == Dim(call.integer("groups")) && filters.shape[1] == Dim(1);
  const bool blocked =
      std::any_of(filters.layout.levels.begin(), filters.layout.levels.end(), [](const Layout::Level& level) { return level.block > 0; });
  if (call.integer("groups") > 1 && blocked && !depthwise) return "takes blocked filters only without groups, or with one a channel";
  return "";
}

// Filters in the layout that a primitive wants: as they are, or through a reorder before it.
Place reordered(Steps& steps, const memory::desc& given, const memory::desc& wanted, const Place& place) {
  if (given == wanted) return place;
  const Place inner = steps.inner(wanted);
  steps.add_reorder(given, place, wanted, inner);
  return inner;
}

dnnl::convolution_forward::primitive_desc forward(const Convolution& c, const memory::desc* bias) {
  using Desc = dnnl::convolution_forward::desc;
  const auto kind = dnnl::prop_kind::forward_training;
  const auto direct = algorithm::convolution_direct;
  const Desc desc = bias != nullptr ? Desc(kind, direct, c.x, any(c.w), *bias, c.y, c.strides, c.dilations, c.begins, c.ends)
                                    : Desc(kind, direct, c.x, any(c.w), c.y, c.strides, c.dilations, c.begins, c.ends);
  return {desc, onednn::attributes(), onednn::engine()};
}

Steps forward_steps(const Convolution& c, const memory::desc* bias) {
  const auto chosen = forward(c, bias);
  Steps steps;
  const Place w = reordered(steps, c.w, chosen.weights_desc(), {Place::input, 1});
  std::vector<Steps::Argument> arguments{
      {DNNL_ARG_SRC, {Place::input, 0}, c.x}, {DNNL_ARG_WEIGHTS, w, chosen.weights_desc()}, {DNNL_ARG_DST, {Place::output, 0}, c.y}};
  if (bias != nullptr) arguments.push_back({DNNL_ARG_BIAS, {Place::input, 2}, *bias});
  steps.add(dnnl::convolution_forward(chosen), chosen.scratchpad_desc(), std::move(arguments));
  return steps;
}

Steps input_gradient_steps(const Convolution& c) {
  const auto chosen_forward = forward(c, nullptr);
  const dnnl::convolution_backward_data::desc desc(algorithm::convolution_direct, c.x, any(c.w), c.y, c.strides, c.dilations, c.begins,
                                                   c.ends);
  const dnnl::convolution_backward_data::primitive_desc chosen(desc, onednn::attributes(), onednn::engine(), chosen_forward);
  Steps steps;
  const Place w = reordered(steps, c.w, chosen.weights_desc(), {Place::input, 1});
  steps.add(dnnl::convolution_backward_data(chosen), chosen.scratchpad_desc(),
            {{DNNL_ARG_DIFF_DST, {Place::input, 0}, c.y},
             {DNNL_ARG_WEIGHTS, w, chosen.weights_desc()},
             {DNNL_ARG_DIFF_SRC, {Place::output, 0}, c.x}});
  return steps;
}

Steps weight_gradient_steps(const Convolution& c) {
  const auto chosen_forward = forward(c, nullptr);
  const dnnl::convolution_backward_weights::desc desc(algorithm::convolution_direct, c.x, any(c.w), c.y, c.strides, c.dilations, c.begins,
                                                      c.ends);
  const dnnl::convolution_backward_weights::primitive_desc chosen(desc, onednn::attributes(), onednn::engine(), chosen_forward);
  Steps steps;
  const memory::desc made = chosen.diff_weights_desc();
  const Place place{Place::output, 0}, w = made == c.w ? place : steps.inner(made);
  steps.add(dnnl::convolution_backward_weights(chosen), chosen.scratchpad_desc(),
            {{DNNL_ARG_SRC, {Place::input, 0}, c.x}, {DNNL_ARG_DIFF_DST, {Place::input, 1}, c.y}, {DNNL_ARG_DIFF_WEIGHTS, w, made}});
  if (w.kind == Place::inner) steps.add_reorder(made, w, c.w, place);
  return steps;
}

using Prepared = std::unique_ptr<LibraryCall>;

const RegisterImplementation conv{{.name = "onednn",
                                   .op = "conv",
                                   .refuses = [](const Call& call, const std::vector<Type>& inputs,
                                                 const std::vector<Type>& outputs) { return refuses(call, inputs, outputs, inputs[1]); },
                                   .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                 const Symbols& symbols) -> Prepared {
                                     if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
                                     const Convolution c(call, inputs[0], inputs[1], outputs[0], symbols);
                                     if (!call.has(2)) return onednn::make_call([c] { return forward_steps(c, nullptr); });
                                     return onednn::make_call(
                                         [c, bias = onednn::describe(inputs[2], symbols)] { return forward_steps(c, &bias); });
                                   },
                                   .any_layout = true}};

const RegisterImplementation conv_input_gradient{
    {.name = "onednn",
     .op = "conv_input_gradient",
     .refuses = [](const Call& call, const std::vector<Type>& inputs,
                   const std::vector<Type>& outputs) { return refuses(call, inputs, outputs, inputs[1]); },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const Convolution c(call, outputs[0], inputs[1], inputs[0], symbols);
       return onednn::make_call([c] { return input_gradient_steps(c); });
     },
     .any_layout = true}};

const RegisterImplementation conv_weight_gradient{
    {.name = "onednn",
     .op = "conv_weight_gradient",
     .refuses = [](const Call& call, const std::vector<Type>& inputs,
                   const std::vector<Type>& outputs) { return refuses(call, inputs, outputs, outputs[0]); },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const Convolution c(call, inputs[0], outputs[0], inputs[1], symbols);
       return onednn::make_call([c] { return weight_gradient_steps(c); }, onednn::Threads::fixed);
     },
     .any_layout = true}};

}  // namespace
}  // namespace neap

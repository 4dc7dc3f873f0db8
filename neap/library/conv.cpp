// Convolution and its two gradients by oneDNN: 1 to 3 spatial axes, groups, strides, dilations, pads; activations in the layouts that they
// have, filters reordered in the call where the primitive wants them so.
#include <algorithm>
#include <optional>

#include "neap/base/machine.h"
#include "neap/library/post_ops.h"
#include "neap/ops/window.h"

namespace neap::conv_implementation {
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

bool is_blocked(const Layout& layout) {
  return std::any_of(layout.levels.begin(), layout.levels.end(), [](const Layout::Level& level) { return level.block > 0; });
}

std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Type& filters) {
  std::vector<Type> all = outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (call.has(static_cast<int>(i))) all.push_back(inputs[i]);
  }
  std::string reason = onednn::refuses_types(all);
  if (!reason.empty()) return reason;
  const bool depthwise = filters.shape[0] == Dim(call.integer("groups")) && filters.shape[1] == Dim(1);
  if (call.integer("groups") > 1 && is_blocked(filters.layout) && !depthwise)
    return "takes blocked filters only without groups, or with one a channel";
  return "";
}

memory::desc any(const memory::desc& desc) { return {desc.dims(), desc.data_type(), memory::format_tag::any}; }

memory::desc channels_last(const memory::desc& desc) {
  static constexpr memory::format_tag tags[] = {memory::format_tag::acb, memory::format_tag::acdb, memory::format_tag::acdeb};
  return {desc.dims(), desc.data_type(), tags[desc.data.ndims - 3]};
}

// A primitive, and the layouts of activations that it runs on.
template <class Description>
struct Chosen {
  Description description;
  memory::desc x, y;
};

// 0: a kernel made for the case; 1: one of the general kind; 2: through a matrix of windows; 3: plain loops.
int slowness(const std::string& kernel, bool depthwise) {
  const auto has = [&](const char* part) { return kernel.find(part) != std::string::npos; };
  if (has("ref")) return 3;
  if (has("gemm")) return 2;
  return depthwise && !has("dw") && !has("brdgmm") ? 1 : 0;
}

constexpr std::int64_t few_channels = 4;

// Activations as they are if there is a kernel made for them so; else in the layout that has one, through reorders. On row-major
// activations the windows' matrix of a 1x1 convolution is the activations themselves, and for a few channels it is cheaper than any reorder
// (measured on Zen 4: 3x3 and depthwise win 1.5 to 20 times by reorders, 1x1 loses).
template <class Description, class Describe>
Chosen<Description> choose(const Convolution& c, const Describe& describe) {
  const bool grouped = c.w.data.ndims > c.x.data.ndims;
  const bool depthwise = grouped && c.w.data.dims[1] == 1 && c.w.data.dims[2] == 1;
  const auto* kernel = c.w.data.dims + (grouped ? 3 : 2);
  const bool pointwise = !grouped && std::all_of(kernel, kernel + c.x.data.ndims - 2, [](std::int64_t size) { return size == 1; });
  const bool as_given = pointwise || (!depthwise && c.x.data.dims[1] <= few_channels);
  std::optional<Chosen<Description>> best;
  int best_slowness = 4;
  for (const auto& [x, y] : {std::pair(c.x, c.y), std::pair(any(c.x), any(c.y)), std::pair(channels_last(c.x), channels_last(c.y))}) {
    try {
      const Description found = describe(x, y);
      const int slow = slowness(found.impl_info_str(), depthwise);
      if (slow >= best_slowness) continue;
      best = Chosen<Description>{found, x, y};
      best_slowness = slow;
    } catch (const dnnl::error& error) {
      if (error.status != dnnl_unimplemented) throw;
    }
    if (best_slowness == 0 || (best && as_given)) break;
  }
  if (!best) throw Error("oneDNN has no kernel for this convolution", "", "lower it to a map");
  return *best;
}

// An operand in the layout that a primitive wants: as it is, or through a reorder before it.
Place reordered(Steps& steps, const memory::desc& given, const memory::desc& wanted, const Place& place) {
  if (given == wanted) return place;
  const Place inner = steps.inner(wanted);
  steps.add_reorder(given, place, wanted, inner);
  return inner;
}

// Where a primitive writes a result: the place itself, or a buffer that `finish` reorders from.
Place target(Steps& steps, const memory::desc& given, const memory::desc& made, const Place& place) {
  return given == made ? place : steps.inner(made);
}
void finish(Steps& steps, const memory::desc& given, const memory::desc& made, const Place& at, const Place& place) {
  if (!(given == made)) steps.add_reorder(made, at, given, place);
}

using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardWeights = dnnl::convolution_backward_weights;

// Winograd's convolution would be quicker and less exact: always direct.
constexpr auto direct = algorithm::convolution_direct;

constexpr int channel_axis = 1;

// What is done to a result before it is stored.
struct Behind {
  std::optional<memory::desc> bias;
  std::vector<onednn::PostOp> ops;
  int first_operand = 0;  // of the post-operations, among the call's

  bool takes_whole_operand() const {
    return std::any_of(ops.begin(), ops.end(), [](const auto& op) { return op.operand >= 0 && op.spread == onednn::PostOp::whole; });
  }
};

Forward::primitive_desc forward(const Convolution& c, const memory::desc& x, const memory::desc& y, const Behind& behind = {}) {
  const auto kind = dnnl::prop_kind::forward_training;
  const bool left_open = y.data.format_kind == dnnl_format_kind_any;
  const memory::desc& result = left_open && behind.takes_whole_operand() ? channels_last(y) : y;  // an operand must lie like the result
  const Forward::desc desc = behind.bias
                                 ? Forward::desc(kind, direct, x, any(c.w), *behind.bias, result, c.strides, c.dilations, c.begins, c.ends)
                                 : Forward::desc(kind, direct, x, any(c.w), result, c.strides, c.dilations, c.begins, c.ends);
  return {desc, onednn::attributes(behind.ops, result, channel_axis), onednn::engine()};
}

Steps forward_steps(const Convolution& c, const Behind& behind) {
  const auto chosen = choose<Forward::primitive_desc>(c, [&](const memory::desc& x, const memory::desc& y) {
                        return forward(c, x, y, behind);
                      }).description;
  Steps steps;
  const memory::desc x = chosen.src_desc(), w = chosen.weights_desc(), y = chosen.dst_desc();
  const Place result{Place::output, 0}, at_y = target(steps, c.y, y, result);
  std::vector<Steps::Argument> arguments{{DNNL_ARG_SRC, reordered(steps, c.x, x, {Place::input, 0}), x},
                                         {DNNL_ARG_WEIGHTS, reordered(steps, c.w, w, {Place::input, 1}), w},
                                         {DNNL_ARG_DST, at_y, y}};
  if (behind.bias) arguments.push_back({DNNL_ARG_BIAS, {Place::input, 2}, *behind.bias});
  for (std::size_t i = 0; i < behind.ops.size(); ++i) {
    const onednn::PostOp& op = behind.ops[i];
    if (op.operand < 0) continue;
    const Place operand{Place::input, behind.first_operand + op.operand};
    arguments.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(static_cast<int>(i)) | DNNL_ARG_SRC_1,
                         op.spread == onednn::PostOp::whole ? reordered(steps, c.y, y, operand) : operand,
                         onednn::describe(op, y, channel_axis)});
  }
  steps.add(Forward(chosen), chosen.scratchpad_desc(), std::move(arguments));
  finish(steps, c.y, y, at_y, result);
  return steps;
}

Steps input_gradient_steps(const Convolution& c) {
  const auto describe = [&](const memory::desc& x, const memory::desc& y) {
    const BackwardData::desc desc(direct, x, any(c.w), y, c.strides, c.dilations, c.begins, c.ends);
    return BackwardData::primitive_desc(desc, onednn::attributes(), onednn::engine(), forward(c, x, y));
  };
  const auto chosen = choose<BackwardData::primitive_desc>(c, describe).description;
  Steps steps;
  const memory::desc x = chosen.diff_src_desc(), w = chosen.weights_desc(), y = chosen.diff_dst_desc();
  const Place result{Place::output, 0}, at_x = target(steps, c.x, x, result);
  steps.add(BackwardData(chosen), chosen.scratchpad_desc(),
            {{DNNL_ARG_DIFF_DST, reordered(steps, c.y, y, {Place::input, 0}), y},
             {DNNL_ARG_WEIGHTS, reordered(steps, c.w, w, {Place::input, 1}), w},
             {DNNL_ARG_DIFF_SRC, at_x, x}});
  finish(steps, c.x, x, at_x, result);
  return steps;
}

// The first `images` of a batch.
memory::desc part_of_batch(const memory::desc& desc, std::int64_t images) {
  dnnl_memory_desc_t part = desc.data;
  part.dims[0] = part.padded_dims[0] = images;
  return memory::desc(part);
}

std::int64_t image_bytes(const memory::desc& desc) {
  return desc.data.format_desc.blocking.strides[0] * static_cast<std::int64_t>(memory::data_type_size(desc.data_type()));
}

bool batch_outermost(const memory::desc& desc) {
  const auto* strides = desc.data.format_desc.blocking.strides;
  return std::all_of(strides, strides + desc.data.ndims, [&](std::int64_t stride) { return stride <= strides[0]; });
}

// A primitive splits the sum over the batch by the number of threads. Where bits must not depend on that, the batch is cut into slices of
// its own accord, each summed on one thread, and their sums are added in order.
int batch_slices(const memory::desc& x, const memory::desc& y, const memory::desc& w) {
  if (!batch_outermost(x) || !batch_outermost(y)) return 1;
  constexpr int most = 8;
  const auto batch = x.data.dims[0];
  const std::size_t budget = (x.get_size() + y.get_size()) / 4;  // bytes for sums: they are written and read again
  for (int slices = most; slices > 1; --slices) {
    if (batch % slices == 0 && static_cast<std::size_t>(slices) * w.get_size() <= budget) return slices;
  }
  return 1;
}

BackwardWeights::primitive_desc weight_gradient(const Convolution& c, const memory::desc& x, const memory::desc& y, const memory::desc& w) {
  const BackwardWeights::desc desc(direct, x, w, y, c.strides, c.dilations, c.begins, c.ends);
  return {desc, onednn::attributes(), onednn::engine(), forward(c, x, y)};
}

Steps weight_gradient_steps(const Convolution& c) {
  const auto whole = choose<BackwardWeights::primitive_desc>(
      c, [&](const memory::desc& x, const memory::desc& y) { return weight_gradient(c, x, y, any(c.w)); });
  const memory::desc x = whole.description.src_desc(), y = whole.description.diff_dst_desc();
  Steps steps;
  const Place at_x = reordered(steps, c.x, x, {Place::input, 0}), at_y = reordered(steps, c.y, y, {Place::input, 1});
  const Place result{Place::output, 0};
  if (!deterministic()) {
    const memory::desc w = whole.description.diff_weights_desc();
    const Place at_w = target(steps, c.w, w, result);
    steps.add(BackwardWeights(whole.description), whole.description.scratchpad_desc(),
              {{DNNL_ARG_SRC, at_x, x}, {DNNL_ARG_DIFF_DST, at_y, y}, {DNNL_ARG_DIFF_WEIGHTS, at_w, w}});
    finish(steps, c.w, w, at_w, result);
    return steps;
  }
  const int slices = batch_slices(x, y, c.w);
  const memory::desc x_part = part_of_batch(x, x.data.dims[0] / slices), y_part = part_of_batch(y, y.data.dims[0] / slices);
  std::optional<BackwardWeights::primitive_desc> part;
  onednn::on_one_thread([&] { part = weight_gradient(c, x_part, y_part, any(c.w)); });
  const memory::desc w = part->diff_weights_desc();
  const Place at_w = target(steps, c.w, w, result), sums = slices == 1 ? at_w : steps.inner(w, slices);
  steps.add(BackwardWeights(*part), part->scratchpad_desc(),
            {{DNNL_ARG_SRC, at_x, x_part, image_bytes(x) * x_part.data.dims[0]},
             {DNNL_ARG_DIFF_DST, at_y, y_part, image_bytes(y) * y_part.data.dims[0]},
             {DNNL_ARG_DIFF_WEIGHTS, sums, w, static_cast<std::int64_t>(w.get_size())}},
            slices);
  if (slices > 1) steps.add_sum(w, sums, slices, at_w);
  finish(steps, c.w, w, at_w, result);
  return steps;
}

using Prepared = std::unique_ptr<LibraryCall>;

bool is_pointwise(const Type& filters) {
  return std::all_of(filters.shape.begin() + 2, filters.shape.end(), [](const Dim& size) { return size == Dim(1); });
}

// What oneDNN reaches of the peak, beside what is counted for loops of our own: little where each channel has a filter of its own; no more
// than loops do on narrow layers. Loops read a wide layer's filters again and again from the outer caches, which oneDNN does not. Measured
// on Zen 4, one thread, channels-last: 3x3 of 64, 128, 256, 512 channels 1.01, 1.05, 1.21, 1.54 times quicker, 1x1 0.92 to 1.04; held to
// AVX2 1.13, 1.14, 1.91, 2.25, and 1x1 1.07 to 1.8; both gradients of 64 channels by loops on row-major pictures take 8 times as long
// (bench/sparse/plan_conv.cpp). On AVX2 batches of images are slower than in blocks of channels, by 1.20 to 1.32.
double conv_efficiency(const Type& filters, const Type& activations) {
  const auto at_most = [](const Dim& size, std::int64_t bound) { return size.is_constant() && size.constant() <= bound; };
  if (at_most(filters.shape[1], 1)) return 0.1;
  const bool pointwise = is_pointwise(filters);
  const bool many_registers = best_isa() == Isa::avx512;
  const std::int64_t narrow = pointwise ? (many_registers ? 256 : 128) : (many_registers ? 32 : 16);
  const double reached = at_most(filters.shape[0], narrow) || at_most(filters.shape[1], narrow) ? 0.5 : 0.8;
  const bool slow_batch = !many_registers && !pointwise && !(activations.shape[0] == Dim(1)) && !is_blocked(activations.layout);
  return slow_batch ? reached / 1.2 : reached;
}

// Of filters' gradients: on AVX2 they take 1.15 to 1.25 times as long as the convolution of as many products.
double gradient_efficiency(const Type& filters, const Type& activations) {
  return conv_efficiency(filters, activations) / (best_isa() == Isa::avx512 ? 1 : 1.25);
}

// What `choose` converts: row-major activations, but for 1x1 and where there are few channels.
Dim conversion_bytes(const Type& filters, const Type& x, const Type& y) {
  Dim bytes = 0;
  const bool few = x.shape[1].is_constant() && x.shape[1].constant() <= few_channels;
  if (is_pointwise(filters) || few) return bytes;
  for (const Type& type : {x, y}) {
    if (type.layout.row_major()) bytes += Dim(2) * storage_bytes(type);
  }
  return bytes;
}

// Between activations that lie as the primitive likes best.
std::int64_t channel_block(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols) {
  if (onednn::is_empty(inputs, outputs, symbols)) return 0;
  const Convolution c(call, inputs[0], inputs[1], outputs[0], symbols);
  try {
    const Forward::primitive_desc chosen = forward(c, any(c.x), any(c.y));
    const auto x = onednn::layout_of(chosen.src_desc(), inputs[0].rank()), y = onednn::layout_of(chosen.dst_desc(), inputs[0].rank());
    const bool same = x && y && *x == *y && is_blocked(*x) && x->levels.back().axis == channel_axis;
    return same ? x->levels.back().block : 0;
  } catch (const dnnl::error& error) {
    if (error.status != dnnl_unimplemented) throw;
    return 0;
  }
}

Prepared prepare_forward(const Call& call, const Map* epilogue, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                         const Symbols& symbols) {
  if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols, epilogue)) return empty;
  const Convolution c(call, inputs[0], inputs[1], outputs[0], symbols);
  Behind behind;
  if (call.has(2)) behind.bias = onednn::describe(inputs[2], symbols);
  if (epilogue != nullptr) {
    behind.first_operand = call.input_count();
    const std::vector<Type> operands(inputs.begin() + behind.first_operand, inputs.end());
    std::string why;
    behind.ops = onednn::post_ops(*epilogue, operands, outputs[0], channel_axis, why);
    NEAP_ASSERT(why.empty(), " an epilogue that was refused: {}", why);
  }
  return onednn::make_call([c, behind] { return forward_steps(c, behind); });
}

const RegisterImplementation conv{
    {.name = "onednn",
     .op = "conv",
     .refuses = [](const Call& call, const std::vector<Type>& inputs,
                   const std::vector<Type>& outputs) { return refuses(call, inputs, outputs, inputs[1]); },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) { return prepare_forward(call, nullptr, inputs, outputs, symbols); },
     .refuses_epilogue = [](const Call&, const Map& epilogue, const std::vector<Type>& operands, const Type& output) -> std::string {
       std::string why;
       onednn::post_ops(epilogue, operands, output, channel_axis, why);
       return why;
     },
     .prepare_fused = [](const Call& call, const Map& epilogue, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                         const Symbols& symbols) { return prepare_forward(call, &epilogue, inputs, outputs, symbols); },
     .epilogue_flops = onednn::epilogue_flops,
     .constant_layout = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols,
                           int operand) -> std::optional<Layout> {
       if (operand != 1 || onednn::is_empty(inputs, outputs, symbols)) return std::nullopt;
       const Convolution c(call, inputs[0], inputs[1], outputs[0], symbols);
       const auto describe = [&](const memory::desc& x, const memory::desc& y) { return forward(c, x, y); };
       const memory::desc wanted = choose<Forward::primitive_desc>(c, describe).description.weights_desc();
       return onednn::layout_of(wanted, inputs[1].rank(), call.integer("groups"));
     },
     .channel_block = channel_block,
     .conversion_bytes = [](const Call&, const std::vector<Type>& inputs,
                            const std::vector<Type>& outputs) { return conversion_bytes(inputs[1], inputs[0], outputs[0]); },
     .any_layout = true,
     .efficiency = [](const Call&, const std::vector<Type>& inputs,
                      const std::vector<Type>&) { return conv_efficiency(inputs[1], inputs[0]); }}};

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
     .conversion_bytes = [](const Call&, const std::vector<Type>& inputs,
                            const std::vector<Type>& outputs) { return conversion_bytes(inputs[1], outputs[0], inputs[0]); },
     .any_layout = true,
     .efficiency = [](const Call&, const std::vector<Type>& inputs,
                      const std::vector<Type>&) { return conv_efficiency(inputs[1], inputs[0]); }}};

const RegisterImplementation conv_weight_gradient{
    {.name = "onednn",
     .op = "conv_weight_gradient",
     .refuses = [](const Call& call, const std::vector<Type>& inputs,
                   const std::vector<Type>& outputs) { return refuses(call, inputs, outputs, outputs[0]); },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const Convolution c(call, inputs[0], outputs[0], inputs[1], symbols);
       return onednn::make_call([c] { return weight_gradient_steps(c); });
     },
     .conversion_bytes = [](const Call&, const std::vector<Type>& inputs,
                            const std::vector<Type>& outputs) { return conversion_bytes(outputs[0], inputs[0], inputs[1]); },
     .any_layout = true,
     .efficiency = [](const Call&, const std::vector<Type>& inputs,
                      const std::vector<Type>& outputs) { return gradient_efficiency(outputs[0], inputs[0]); }}};

}  // namespace
}  // namespace neap::conv_implementation

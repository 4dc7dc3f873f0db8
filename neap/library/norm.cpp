// Batch and layer normalisation by oneDNN.
#include <optional>

#include "neap/base/machine.h"
#include "neap/library/onednn.h"

namespace neap::norm_implementation {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using onednn::Place;
using onednn::Steps;
using Prepared = std::unique_ptr<LibraryCall>;

std::string refuses_norm(const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  if (inputs[0].dtype != DType::f32) return "takes scales and statistics of f32 only";
  if (!(inputs[0].layout == outputs[0].layout)) return "keeps the layout";
  return onednn::refuses_type(inputs[0]);
}

memory::desc vector_of(std::int64_t size) { return {{size}, memory::data_type::f32, memory::format_tag::a}; }

// The mean over the batch would be split by the number of threads: one thread where bits must not depend on that.
Steps batch_norm_steps(const memory::desc& x, float epsilon, bool one_thread) {
  using Primitive = dnnl::batch_normalization_forward;
  const Primitive::desc desc(dnnl::prop_kind::forward_training, x, epsilon,
                             normalization_flags::use_scale | normalization_flags::use_shift);
  std::optional<Primitive::primitive_desc> chosen;
  const auto make = [&] { chosen = Primitive::primitive_desc(desc, onednn::attributes(), onednn::engine()); };
  one_thread ? onednn::on_one_thread(make) : make();
  const memory::desc channels = vector_of(x.data.dims[1]);
  Steps steps;
  steps.add(Primitive(*chosen), chosen->scratchpad_desc(),
            {{DNNL_ARG_SRC, {Place::input, 0}, x},
             {DNNL_ARG_SCALE, {Place::input, 1}, channels},
             {DNNL_ARG_SHIFT, {Place::input, 2}, channels},
             {DNNL_ARG_DST, {Place::output, 0}, x},
             {DNNL_ARG_MEAN, {Place::output, 1}, channels},
             {DNNL_ARG_VARIANCE, {Place::output, 2}, channels}},
            one_thread ? 1 : 0);
  return steps;
}

const RegisterImplementation batch_norm{
    {.name = "onednn",
     .op = "batch_norm",
     .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
       if (call.has(3)) return "sums around the mean, not around a given shift";
       return refuses_norm(inputs, outputs);
     },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const auto epsilon = static_cast<float>(call.number("epsilon"));
       return onednn::make_call(
           [x = onednn::describe(inputs[0], symbols), epsilon] { return batch_norm_steps(x, epsilon, deterministic()); });
     },
     .any_layout = true}};

Steps layer_norm_steps(const memory::desc& x, float epsilon, bool scale, bool bias) {
  using Primitive = dnnl::layer_normalization_forward;
  normalization_flags flags = normalization_flags::none;
  if (scale) flags |= normalization_flags::use_scale;
  if (bias) flags |= normalization_flags::use_shift;
  const Primitive::primitive_desc chosen(Primitive::desc(dnnl::prop_kind::forward_inference, x, epsilon, flags), onednn::attributes(),
                                         onednn::engine());
  const memory::desc last = vector_of(x.data.dims[1]);
  std::vector<Steps::Argument> arguments{{DNNL_ARG_SRC, {Place::input, 0}, x}, {DNNL_ARG_DST, {Place::output, 0}, x}};
  if (scale) arguments.push_back({DNNL_ARG_SCALE, {Place::input, 1}, last});
  if (bias) arguments.push_back({DNNL_ARG_SHIFT, {Place::input, 2}, last});
  Steps steps;
  steps.add(Primitive(chosen), chosen.scratchpad_desc(), std::move(arguments));
  return steps;
}

const RegisterImplementation layer_norm{
    {.name = "onednn",
     .op = "layer_norm",
     .refuses = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
       if (!inputs[0].layout.row_major() || inputs[0].rank() == 0) return "takes rows of a row-major value";
       return refuses_norm(inputs, outputs);
     },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const memory::dims sizes = onednn::dims(inputs[0].shape, symbols);
       const int first = call.axis("axis", inputs[0].rank());
       std::int64_t rows = 1, columns = 1;
       for (int i = 0; i < inputs[0].rank(); ++i) (i < first ? rows : columns) *= sizes[static_cast<std::size_t>(i)];
       const memory::desc x({rows, columns}, memory::data_type::f32, memory::format_tag::ab);
       const auto epsilon = static_cast<float>(call.number("epsilon"));
       return onednn::make_call([=, scale = call.has(1), bias = call.has(2)] { return layer_norm_steps(x, epsilon, scale, bias); });
     }}};

}  // namespace
}  // namespace neap::norm_implementation

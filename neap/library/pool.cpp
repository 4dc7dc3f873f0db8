// Average pooling and its gradient by oneDNN. Not the largest: oneDNN's loses a NaN, which by definition wins.
#include "neap/ops/pool.h"

#include "neap/library/onednn.h"

namespace neap::pool_implementation {
namespace {

using dnnl::memory;
using onednn::Place;
using onednn::Steps;

struct Pool {
  memory::desc x, y;
  memory::dims strides, kernel, dilations, begins, ends;
  dnnl::algorithm algorithm;

  Pool(const Call& call, const Type& x_type, const Type& y_type, const Symbols& symbols)
      : x(onednn::describe(x_type, symbols)), y(onednn::describe(y_type, symbols)) {
    const Window window = pool_window(call);
    strides = window.strides;
    begins = window.begins;
    for (int i = 0; i < window.rank(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      kernel.push_back(window.kernel[at].constant());
      dilations.push_back(window.dilations[at] - 1);
      // Also where the last window reaches beyond the padding (ceil mode), or not to its end.
      ends.push_back((y.data.dims[i + 2] - 1) * strides[at] + window.reach(i).constant() - x.data.dims[i + 2] - begins[at]);
    }
    algorithm =
        call.flag("count_include_pad") ? dnnl::algorithm::pooling_avg_include_padding : dnnl::algorithm::pooling_avg_exclude_padding;
  }
};

std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  for (const Type& type : {inputs[0], outputs[0]}) {
    std::string reason = onednn::refuses_type(type);
    if (!reason.empty()) return reason;
  }
  const Window window = pool_window(call);
  if (call.flag("count_include_pad") && window.ceil_mode) return "counts another padding in ceil mode";
  for (const std::int64_t dilation : window.dilations) {
    if (dilation != 1) return "has no quick kernel for dilated windows";
  }
  return "";
}

dnnl::pooling_v2_forward::primitive_desc forward(const Pool& p) {
  const dnnl::pooling_v2_forward::desc desc(dnnl::prop_kind::forward_training, p.algorithm, p.x, p.y, p.strides, p.kernel, p.dilations,
                                            p.begins, p.ends);
  return {desc, onednn::attributes(), onednn::engine()};
}

Steps forward_steps(const Pool& p) {
  const auto chosen = forward(p);
  Steps steps;
  steps.add(dnnl::pooling_v2_forward(chosen), chosen.scratchpad_desc(),
            {{DNNL_ARG_SRC, {Place::input, 0}, p.x}, {DNNL_ARG_DST, {Place::output, 0}, p.y}});
  return steps;
}

Steps gradient_steps(const Pool& p) {
  const dnnl::pooling_v2_backward::desc desc(p.algorithm, p.x, p.y, p.strides, p.kernel, p.dilations, p.begins, p.ends);
  const dnnl::pooling_v2_backward::primitive_desc chosen(desc, onednn::attributes(), onednn::engine(), forward(p));
  Steps steps;
  steps.add(dnnl::pooling_v2_backward(chosen), chosen.scratchpad_desc(),
            {{DNNL_ARG_DIFF_DST, {Place::input, 0}, p.y}, {DNNL_ARG_DIFF_SRC, {Place::output, 0}, p.x}});
  return steps;
}

using Prepared = std::unique_ptr<LibraryCall>;

const RegisterImplementation average_pool{{.name = "onednn",
                                           .op = "average_pool",
                                           .refuses = refuses,
                                           .prepare = [](const Call& call, const std::vector<Type>& inputs,
                                                         const std::vector<Type>& outputs, const Symbols& symbols) -> Prepared {
                                             if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
                                             return onednn::make_call(
                                                 [p = Pool(call, inputs[0], outputs[0], symbols)] { return forward_steps(p); });
                                           },
                                           .any_layout = true}};

const RegisterImplementation average_pool_gradient{{.name = "onednn",
                                                    .op = "average_pool_gradient",
                                                    .refuses = refuses,
                                                    .prepare = [](const Call& call, const std::vector<Type>& inputs,
                                                                  const std::vector<Type>& outputs, const Symbols& symbols) -> Prepared {
                                                      if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols))
                                                        return empty;
                                                      return onednn::make_call(
                                                          [p = Pool(call, outputs[0], inputs[0], symbols)] { return gradient_steps(p); });
                                                    },
                                                    .any_layout = true}};

}  // namespace
}  // namespace neap::pool_implementation

#include "bench/core/bare.h"

#include <cmath>

#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench {

using dnnl::memory;

void BarePrimitive::run() {
  primitive_.execute(stream_, arguments_);
  stream_.wait();
}

void BarePrimitive::check(const Array& wanted, const std::string& what) const {
  const auto* got = static_cast<const float*>(result_.get_data_handle());
  const auto values = wanted.values<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(std::abs(got[i] - values[i]) <= 1e-3F * (1 + std::abs(got[i]))))
      throw Error(fmt::format("{}: element {} is {}, oneDNN's is {}", what, i, values[i], got[i]));
  }
}

memory BarePrimitive::give(const Array& elements, const memory::desc& have, const memory::desc& want) {
  memory given(have, engine_, const_cast<std::byte*>(elements.raw()));
  memory made(want, engine_);
  dnnl::reorder(given, made).execute(stream_, given, made);
  stream_.wait();
  return made;
}

BareConvolution::BareConvolution(const Shape& shape, memory::format_tag tag, const Array& x, const Array& w, const Array& bias) {
  const auto [in, out, groups, size, kernel, swish] = shape;
  const auto f32 = memory::data_type::f32;
  const memory::dims x_sizes{1, in, size, size}, y_sizes{1, out, size, size}, one{1, 1}, pad{kernel / 2, kernel / 2};
  const memory::dims w_sizes =
      groups == 1 ? memory::dims{out, in, kernel, kernel} : memory::dims{groups, out / groups, in / groups, kernel, kernel};
  dnnl::post_ops after;
  if (swish) after.append_eltwise(1, dnnl::algorithm::eltwise_swish, 1, 0);
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(after);
  const memory::desc bias_desc({out}, f32, memory::format_tag::a);
  const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, {x_sizes, f32, tag},
                                             {w_sizes, f32, memory::format_tag::any}, bias_desc, {y_sizes, f32, tag}, one, pad, pad);
  const dnnl::convolution_forward::primitive_desc chosen(desc, attributes, engine_);
  primitive_ = dnnl::convolution_forward(chosen);
  const auto plain = groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw;
  result_ = memory(chosen.dst_desc(), engine_);
  arguments_ = {{DNNL_ARG_SRC, give(x, {x_sizes, f32, memory::format_tag::nhwc}, chosen.src_desc())},
                {DNNL_ARG_WEIGHTS, give(w, {w_sizes, f32, plain}, chosen.weights_desc())},
                {DNNL_ARG_BIAS, give(bias, bias_desc, bias_desc)},
                {DNNL_ARG_DST, result_}};
}

AgainstBare against_bare(const std::string& what, Executable& ours, const BareConvolution::Shape& shape, const Array& x, const Array& w,
                         const Array& bias) {
  BareConvolution last(shape, memory::format_tag::nhwc, x, w, bias), blocked(shape, memory::format_tag::any, x, w, bias);
  last.run();
  last.check(ours.run({x})[0], what);
  const auto seconds = interleave({{"neap", [&] { ours.run({x}); }}, {"nhwc", [&] { last.run(); }}, {"blocked", [&] { blocked.run(); }}},
                                  {.clock = Clock::thread});
  const bool better_last = median(seconds[1]) < median(seconds[2]);
  return {seconds[0], seconds[better_last ? 1 : 2], better_last ? "oneDNN nhwc" : "oneDNN blocked"};
}

BareMatmul::BareMatmul(const Array& a, const Array& b) {
  const auto desc_of = [](const memory::dims& sizes) { return memory::desc(sizes, memory::data_type::f32, memory::format_tag::ab); };
  const memory::desc a_desc = desc_of(a.sizes()), b_desc = desc_of(b.sizes()), y_desc = desc_of({a.size(0), b.size(1)});
  primitive_ = dnnl::matmul({{a_desc, b_desc, y_desc}, engine_});
  result_ = memory(y_desc, engine_);
  arguments_ = {{DNNL_ARG_SRC, give(a, a_desc, a_desc)}, {DNNL_ARG_WEIGHTS, give(b, b_desc, b_desc)}, {DNNL_ARG_DST, result_}};
}

}  // namespace neap::bench

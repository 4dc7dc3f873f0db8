// Convolutions over two axes with filters stored as n:m:g, in blocks or by rows, by the kernels of sparse_kernels.h.
#include "neap/library/sparse_kinds.h"
#include "neap/ops/window.h"

namespace neap {
namespace {

using namespace sparse_calls;

template <class Kind>
class ConvCall final : public LibraryCall {
 public:
  ConvCall(Kind kind, const Call& call, const Type& x, const Type& y, const Symbols& symbols, Behind behind)
      : kind_(std::move(kind)), behind_(behind) {
    const Window window(call, call.dims("window"));
    const std::vector<std::int64_t> from = evaluate(x.shape, symbols), to = evaluate(y.shape, symbols);
    images_ = from[0];
    x_image_ = from[1] * from[2] * from[3];
    places_ = to[2] * to[3];
    windows_ = {.height = from[2],
                .width = from[3],
                .kernel_height = window.kernel[0].evaluate(symbols),
                .kernel_width = window.kernel[1].evaluate(symbols),
                .out_width = to[3],
                .row_stride = window.strides[0],
                .column_stride = window.strides[1],
                .row_dilation = window.dilations[0],
                .column_dilation = window.dilations[1],
                .top = window.begins[0],
                .left = window.begins[1]};
  }

  void run(Inputs inputs, std::span<void* const> outputs) override {
    multiply(kind_.matrix(inputs),
             {.x = static_cast<const float*>(inputs[0]),
              .x_stride = places_,
              .bias = behind_.bias < 0 ? nullptr : static_cast<const float*>(inputs[static_cast<std::size_t>(behind_.bias)]),
              .finish = behind_.finish,
              .y = static_cast<float*>(outputs[0]),
              .y_stride = places_,
              .width = places_,
              .windows = windows_.are_pictures() && places_ == windows_.height * windows_.width ? nullptr : &windows_,
              .images = images_,
              .x_image = x_image_,
              .y_image = kind_.given.rows * places_,
              .threads = thread_count()});
  }

 private:
  Kind kind_;
  Behind behind_;
  Count images_, x_image_, places_;
  sparse::Windows windows_;
};

template <class Kind>
Prepared prepare(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols,
                 const Behind& behind) {
  const Kind kind(call, given(call, inputs, symbols, 1, true), inputs);
  return std::make_unique<ConvCall<Kind>>(kind, call, inputs[0], outputs[0], symbols, behind);
}

// Elements of windows are gathered once for all rows, in the time of so many flops each.
template <class Kind>
double efficiency(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
  constexpr double flops_of_gathering = 40;
  const Dim &columns = call.dims("size")[1], values = element_count(inputs[1].shape);
  if (!columns.is_constant() || !values.is_constant() || columns.constant() == 0) return Kind::share;
  const double work = 2 * static_cast<double>(values.constant()) / static_cast<double>(columns.constant());
  return Kind::share * work / (work + flops_of_gathering);
}

template <class Kind>
Implementation convolution(const char* op) {
  Implementation made{.name = "native",
                      .op = op,
                      .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
                        if (inputs[0].rank() != 4) return "takes pictures only";
                        return refuses<Kind>(call, inputs, outputs, 2);
                      },
                      .efficiency = efficiency<Kind>};
  take_epilogues(made, prepare<Kind>, [](const Call&) { return 1; });  // channels
  return made;
}

const RegisterImplementation nmg{convolution<NmgKind>("nmg_conv")}, blocks{convolution<BlockKind>("blocks_conv")},
    csr{convolution<RowKind>("csr_conv")};

}  // namespace
}  // namespace neap

// Convolutions over two axes with filters stored as n:m:g, in blocks or by rows, and their gradients, by the kernels of sparse_kernels.h.
#include "neap/library/sparse_kinds.h"
#include "neap/ops/window.h"

namespace neap::sparse_conv_implementation {
namespace {

using namespace sparse_calls;

// The pictures of a convolution, x and y, row-major.
struct Pictures {
  sparse::Windows windows;
  Count images = 0, x_image = 0, places = 0;  // elements of an image of x, and of a channel of y
  bool plain = false;                         // windows are the pictures themselves

  Pictures(const Call& call, const Type& x, const Type& y, const Symbols& symbols) {
    const Window window(call, call.dims("window"));
    const std::vector<std::int64_t> from = evaluate(x.shape, symbols), to = evaluate(y.shape, symbols);
    images = from[0];
    x_image = from[1] * from[2] * from[3];
    places = to[2] * to[3];
    windows = {.height = from[2],
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
    plain = windows.are_pictures() && places == windows.height * windows.width;
  }
  const sparse::Windows* taken() const { return plain ? nullptr : &windows; }
};

// What is done with stored filters and pictures, and what is behind it.
template <class Kind>
class FilterCall final : public LibraryCall {
 public:
  using Run = void (*)(const Kind& filters, const Pictures& pictures, const Behind& behind, Inputs inputs, float* output);

  FilterCall(Run run, Kind filters, const Pictures& pictures, const Behind& behind)
      : run_(run), filters_(std::move(filters)), pictures_(pictures), behind_(behind) {}

  void run(Inputs inputs, std::span<void* const> outputs) override {
    run_(filters_, pictures_, behind_, inputs, static_cast<float*>(outputs[0]));
  }

 private:
  Run run_;
  Kind filters_;
  Pictures pictures_;
  Behind behind_;
};

// Filters stand among the operands from `first` on, with their values unless other operands make these. `x`, `y`: the pictures' types.
template <class Kind>
Prepared prepared(typename FilterCall<Kind>::Run run, const Call& call, const std::vector<Type>& inputs, std::size_t first, bool values,
                  const Type& x, const Type& y, const Symbols& symbols, const Behind& behind = {}) {
  return std::make_unique<FilterCall<Kind>>(run, Kind(call, given(call, inputs, symbols, first, values), inputs),
                                            Pictures(call, x, y, symbols), behind);
}

template <class Kind>
void convolve(const Kind& filters, const Pictures& pictures, const Behind& behind, Inputs inputs, float* y) {
  multiply(filters.matrix(inputs),
           {.x = static_cast<const float*>(inputs[0]),
            .x_stride = pictures.places,
            .bias = behind.bias < 0 ? nullptr : static_cast<const float*>(inputs[static_cast<std::size_t>(behind.bias)]),
            .finish = behind.finish,
            .y = y,
            .y_stride = pictures.places,
            .width = pictures.places,
            .windows = pictures.taken(),
            .images = pictures.images,
            .x_image = pictures.x_image,
            .y_image = filters.given.rows * pictures.places,
            .threads = thread_count()});
}

template <class Kind>
void convolve_back(const Kind& filters, const Pictures& pictures, const Behind&, Inputs inputs, float* dx) {
  multiply_transposed(filters, inputs,
                      {.x = static_cast<const float*>(inputs[0]),
                       .x_stride = pictures.places,
                       .y = dx,
                       .y_stride = pictures.places,
                       .width = pictures.places,
                       .y_windows = pictures.taken(),
                       .images = pictures.images,
                       .x_image = filters.given.rows * pictures.places,
                       .y_image = pictures.x_image,
                       .threads = thread_count()});
}

template <class Kind>
void sample(const Kind& filters, const Pictures& pictures, const Behind&, Inputs inputs, float* values) {
  const bool empty = pictures.images == 0;  // sums of nothing, which may stand nowhere: no row is behind another
  const Count places = empty ? 0 : pictures.places;
  multiply_sampled(filters.matrix(inputs), {.dy = static_cast<const float*>(inputs[0]),
                                            .dy_stride = places,
                                            .x = static_cast<const float*>(inputs[1]),
                                            .x_stride = places,
                                            .values = values,
                                            .width = places,
                                            .windows = pictures.taken(),
                                            .images = empty ? 1 : pictures.images,
                                            .dy_image = filters.given.rows * pictures.places,
                                            .x_image = pictures.x_image,
                                            .threads = thread_count()});
}

// What the cost model is told, fitted to layers of 64 channels at 56 x 56 to 512 at 7 x 7 on Zen 4 (bench/sparse/conv.cpp): each image is a
// product with as many columns as windows, whose elements are gathered once for all rows. `y`: its type.
template <class Kind>
double effort(const Call& call, const Dim& values, const Type& y, double slower) {
  const auto height = static_cast<double>(Kind::step_rows(call)), group_rows = static_cast<double>(Kind::group_rows(call));
  const double images = typical(y.shape[0]), places = typical(y.shape[2]) * typical(y.shape[3]);
  const Shape& size = call.dims("size");
  const bool plain = element_count(call.dims("window")) == Dim(1);
  return Effort{.height = height,
                .steps = typical(values) / height,
                .groups = typical(size[0]) / group_rows,
                .group_rows = group_rows,
                .columns = places,
                .slower = slower,
                .images = images,
                .gathered = plain ? 0 : images * places * typical(size[1])}
      .efficiency(counted_flops(call, 0));
}

// A dot product for each value over the places of some images in vectors, whose lanes are added up at the end.
template <class Kind>
double sample_effort(const Call& call, const Dim& values, const Type& y) {
  const double images = std::max(1.0, typical(y.shape[0])), places = std::max(1.0, typical(y.shape[2]) * typical(y.shape[3]));
  const double at_once = std::clamp(std::floor(sparse::most_sampled / places), 1.0, images);
  const double dots = std::ceil(images / at_once) * std::ceil(places / sparse::most_sampled);
  const double vectors = std::ceil(at_once * places / sparse::tiles(best_isa()).lanes) * images / at_once;
  const double cycles = Effort::call(typical(values) * images * places) +
                        typical(values) * (vectors * Kind::sample_vector(call) + dots * Kind::sample_begin) +
                        Effort::gather * images * places * typical(call.dims("size")[1]);
  return Effort::share(counted_flops(call, 0), on_avx2(0.8, 1) * cycles);
}

template <class Kind>
std::string refuses_pictures(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  return inputs[0].rank() != 4 ? "takes pictures only" : refuses<Kind>(call, inputs, outputs, 2);
}

template <class Kind>
Implementation convolution(const char* op) {
  Implementation made{.name = "native",
                      .op = op,
                      .refuses = refuses_pictures<Kind>,
                      .efficiency = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
                        return effort<Kind>(call, element_count(inputs[1].shape), outputs[0], Kind::slower(call));
                      }};
  const auto prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols,
                          const Behind& behind) -> Prepared {
    return prepared<Kind>(convolve<Kind>, call, inputs, 1, true, inputs[0], outputs[0], symbols, behind);
  };
  take_epilogues(made, prepare, [](const Call&) { return 1; });  // channels
  return made;
}

template <class Kind>
Implementation input_gradient(const char* op) {
  return {.name = "native",
          .op = op,
          .refuses = refuses_pictures<Kind>,
          .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols)
              -> Prepared { return prepared<Kind>(convolve_back<Kind>, call, inputs, 1, true, outputs[0], inputs[0], symbols); },
          .efficiency =
              [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
                return effort<Kind>(call, element_count(inputs[1].shape), inputs[0], Kind::windows_slower(call));
              }};
}

template <class Kind>
Implementation filter_gradient(const char* op) {
  return {
      .name = "native",
      .op = op,
      .refuses = refuses_pictures<Kind>,
      .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
        return prepared<Kind>(sample<Kind>, call, inputs, 2, false, inputs[1], inputs[0], symbols);
      },
      .efficiency = [](const Call& call, const std::vector<Type>& inputs,
                       const std::vector<Type>& outputs) { return sample_effort<Kind>(call, element_count(outputs[0].shape), inputs[0]); }};
}

template <class Kind>
struct Convolutions {
  RegisterImplementation forward, input, filters;
  explicit Convolutions(const std::string& layout)
      : forward(convolution<Kind>((layout + "_conv").c_str())),
        input(input_gradient<Kind>((layout + "_conv_input").c_str())),
        filters(filter_gradient<Kind>((layout + "_conv_sample").c_str())) {}
};

const Convolutions<NmgKind> nmg("nmg");
const Convolutions<BlockKind> blocks("blocks");
const Convolutions<RowKind> csr("csr");

}  // namespace
}  // namespace neap::sparse_conv_implementation

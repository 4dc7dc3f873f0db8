// The products of the layouts nmg and blocks by kernels of our own (sparse_kernels.h).
#include <algorithm>

#include "neap/base/machine.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/library/sparse_kernels.h"
#include "neap/runtime/library.h"

namespace neap {
namespace {

using sparse::BlockMatrix;
using sparse::NmgMatrix;

std::string refuses_types(const std::vector<Type>& inputs, const std::vector<Type>& outputs, std::size_t floats) {
  for (std::size_t i = 0; i < floats; ++i) {
    if (inputs[i].dtype != DType::f32) return "takes f32 only";
  }
  const auto laid_out = [](const Type& type) { return !type.layout.row_major(); };
  if (std::any_of(inputs.begin(), inputs.end(), laid_out) || laid_out(outputs[0])) return "takes row-major values only";
  return "";
}

// A matrix without its elements, and where these are found among a call's operands (the places from `first` on; values, where there are
// any, ahead of them).
class SparseOperand {
 public:
  SparseOperand(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols, std::size_t first) : first_(first) {
    std::string_view what;
    const auto size = evaluate(call.dims("size"), symbols);
    rows = size[0];
    columns = size[1];
    grouped_ = layout_of_operator(call.op().name, what)->name == "nmg";
    if (grouped_) {
      nmg_ = {.rows = size[0],
              .columns = size[1],
              .n = static_cast<int>(call.integer("n")),
              .m = static_cast<int>(call.integer("m")),
              .g = call.integer("g"),
              .wide = inputs[first].dtype == DType::i32};
    } else {
      blocks_ = {.rows = size[0],
                 .columns = size[1],
                 .height = static_cast<int>(call.integer("r")),
                 .width = static_cast<int>(call.integer("c")),
                 .offsets = {nullptr, inputs[first].dtype == DType::i64}};
    }
  }

  std::int64_t rows, columns;

  // Calls f with the matrix of these operands.
  template <class F>
  void with(std::span<const void* const> inputs, const void* values, F&& f) const {
    if (grouped_) {
      NmgMatrix matrix = nmg_;
      matrix.values = values;
      matrix.index = inputs[first_];
      f(matrix);
    } else {
      BlockMatrix matrix = blocks_;
      matrix.values = values;
      matrix.offsets.at = inputs[first_];
      matrix.columns_of = static_cast<const std::int32_t*>(inputs[first_ + 1]);
      f(matrix);
    }
  }

 private:
  std::size_t first_;
  bool grouped_ = false;
  NmgMatrix nmg_;
  BlockMatrix blocks_;
};

// y = W x or W^T x of (x, values, places...).
class ProductCall : public LibraryCall {
 public:
  ProductCall(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols)
      : matrix_(call, inputs, symbols, 2), transposed_(call.flag("transpose")), width_(inputs[0].shape[1].evaluate(symbols)) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const sparse::Product product{.x = static_cast<const float*>(inputs[0]),
                                  .x_stride = width_,
                                  .y = static_cast<float*>(outputs[0]),
                                  .y_stride = width_,
                                  .width = width_,
                                  .threads = thread_count()};
    matrix_.with(inputs, inputs[1], [&](const auto& matrix) {
      if (transposed_) {
        multiply_transposed(matrix, product);
      } else {
        multiply(matrix, product);
      }
    });
  }

 private:
  SparseOperand matrix_;
  bool transposed_;
  std::int64_t width_;
};

// The elements of a b^T at the places, of (a, b, places...).
class SampleCall : public LibraryCall {
 public:
  SampleCall(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols)
      : matrix_(call, inputs, symbols, 2), width_(inputs[0].shape[1].evaluate(symbols)) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const sparse::SampledProduct product{.dy = static_cast<const float*>(inputs[0]),
                                         .dy_stride = width_,
                                         .x = static_cast<const float*>(inputs[1]),
                                         .x_stride = width_,
                                         .values = static_cast<float*>(outputs[0]),
                                         .width = width_,
                                         .threads = thread_count()};
    matrix_.with(inputs, nullptr, [&](const auto& matrix) { multiply_sampled(matrix, product); });
  }

 private:
  SparseOperand matrix_;
  std::int64_t width_;
};

template <class Made>
Implementation implementation(const std::string& op, double efficiency) {
  return {.name = "native",
          .op = op,
          .refuses = [](const Call&, const std::vector<Type>& inputs,
                        const std::vector<Type>& outputs) { return refuses_types(inputs, outputs, 2); },
          .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                        const Symbols& symbols) -> std::unique_ptr<LibraryCall> { return std::make_unique<Made>(call, inputs, symbols); },
          .efficiency = [efficiency](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return efficiency; }};
}

// Shares of the peak, measured with F = 384 (bench sparse kernels).
const RegisterImplementation nmg_matmul{implementation<ProductCall>("nmg_matmul", 0.7)};
const RegisterImplementation nmg_sample{implementation<SampleCall>("nmg_sample", 0.4)};
const RegisterImplementation blocks_matmul{implementation<ProductCall>("blocks_matmul", 0.7)};
const RegisterImplementation blocks_sample{implementation<SampleCall>("blocks_sample", 0.4)};

}  // namespace
}  // namespace neap

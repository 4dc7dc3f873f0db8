// Softmax over rows of f32: each row is read, raised and divided while it is in cache. (oneDNN's loses a NaN.)
#include <omp.h>

#include "neap/base/machine.h"
#include "neap/library/lines.h"
#include "neap/runtime/block_loops.h"
#include "neap/runtime/library.h"

namespace neap::softmax_implementation {
namespace {

class SoftmaxCall : public LibraryCall {
 public:
  SoftmaxCall(std::int64_t rows, std::int64_t columns) : rows_(rows), columns_(columns) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const auto* const from = static_cast<const float*>(inputs[0]);
    auto* const to = static_cast<float*>(outputs[0]);
    constexpr std::int64_t worth_threads = 1 << 15;  // elements
    const int threads = rows_ * columns_ < worth_threads ? 1 : thread_count();
    const blocks::Loops& loops = blocks::loops();
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (std::int64_t row = 0; row < rows_; ++row) loops.softmax(columns_, to + row * columns_, from + row * columns_);
  }

 private:
  std::int64_t rows_, columns_;
};

const RegisterImplementation softmax{
    {.name = "native",
     .op = "softmax",
     .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
       if (inputs[0].dtype != DType::f32) return "takes f32 only";
       if (std::string why = refuses_lines(call, inputs, outputs); !why.empty()) return why;
       if (inputs[0].rank() == 0 || call.axis("axis", inputs[0].rank()) != inputs[0].rank() - 1) return "takes the last axis only";
       return "";
     },
     .prepare = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>&,
                   const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
       const std::vector<std::int64_t> sizes = evaluate(inputs[0].shape, symbols);
       std::int64_t rows = 1;
       for (std::size_t i = 0; i + 1 < sizes.size(); ++i) rows *= sizes[i];
       return std::make_unique<SoftmaxCall>(rows, sizes.back());
     },
     // Exponentials and the memory bind it: generated loops are as quick, and take in what stands around.
     .efficiency = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return 0.08; }}};

}  // namespace
}  // namespace neap::softmax_implementation

// A fast implementation of one's own for one combination: the product of a matrix in rows of one length (ELL) with a layer's input, f32. It
// is taken wherever it fits and the cost model finds it cheaper; `sparse_uses` says where.
#include <fmt/core.h>

#include <cmath>

#include "neap/nn/linear.h"
#include "neap/runtime/library.h"
#include "neap/sparse/plan.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/trace.h"

namespace {

using namespace neap;

// y[b, r] = sum of values[r, s] * x[b, columns[r, s]]. Operands of ell_matmul: x, values, columns.
class EllProduct final : public LibraryCall {
 public:
  EllProduct(std::int64_t batch, std::int64_t rows, std::int64_t columns, std::int64_t slots)
      : batch_(batch), rows_(rows), columns_(columns), slots_(slots) {}

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    const auto *x = static_cast<const float*>(inputs[0]), *values = static_cast<const float*>(inputs[1]);
    const auto* at = static_cast<const std::int32_t*>(inputs[2]);
    auto* y = static_cast<float*>(outputs[0]);
#pragma omp parallel for
    for (std::int64_t b = 0; b < batch_; ++b) {
      for (std::int64_t r = 0; r < rows_; ++r) {
        float sum = 0;
        for (std::int64_t s = r * slots_; s < (r + 1) * slots_; ++s) sum += at[s] < 0 ? 0 : values[s] * x[b * columns_ + at[s]];
        y[b * rows_ + r] = sum;
      }
    }
  }

 private:
  std::int64_t batch_, rows_, columns_, slots_;
};

std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
  if (call.flag("transpose") || !call.flag("features_first")) return "multiplies rows of inputs by the transpose only";
  if (inputs[1].dtype != DType::f32 || inputs[2].dtype != DType::i32) return "takes f32 and columns of i32 only";
  return inputs[0].layout.row_major() ? "" : "takes row-major inputs only";
}

const RegisterImplementation ell_product{{.name = "mine",
                                          .op = "ell_matmul",
                                          .refuses = refuses,
                                          .prepare = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                        const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
                                            const auto x = evaluate(inputs[0].shape, symbols), y = evaluate(outputs[0].shape, symbols);
                                            return std::make_unique<EllProduct>(x[0], y[1], x[1], evaluate(inputs[1].shape, symbols)[1]);
                                          }}};

// ---- in use ------------------------------------------------------------------------------------------------------------------------

}  // namespace

int main() {
  Linear net(512, 256);
  net.initialize(1);
  sparse::sparsify(net, sparse::SparsityPlan().add("weight", "magnitude sparsity=0.98 per_row=1", "ell"));
  Array x(DType::f32, {64, 512});
  for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(static_cast<double>(i)));

  const Tensor input = Tensor::placeholder({DType::f32, {64, 512}, {}}, "x");
  const Graph graph = to_graph({{input, "x"}}, {{net(input), "y"}}).graph;
  Optimizer optimizer(graph);
  optimizer.optimize();
  const std::vector<SparseUse> uses = sparse_uses(graph, optimizer);
  fmt::print("{}", to_string(uses));

  const Array y = make_executable(graph, 4, DenseFallback::refused).run({x})[0];
  const Tensor wanted = matmul(x, net.declared(Role::parameter)[0]->value().transpose()) + net.find("bias");
  const double difference = max(abs(Tensor(y) - wanted)).item();
  fmt::print("largest difference from the dense product {:.1e}\n", difference);
  return difference < 1e-4 && uses.size() == 1 && uses[0].by == std::vector<std::string>{"ell_matmul by mine"} ? 0 : 1;
}

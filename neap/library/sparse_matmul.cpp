// Products of matrices stored as n:m:g, in blocks or by rows, and what their gradients sample, by the kernels of sparse_kernels.h.
#include "neap/library/sparse_kinds.h"

namespace neap::sparse_matmul_implementation {
namespace {

using namespace sparse_calls;

template <class Kind>
class ProductCall final : public LibraryCall {
 public:
  ProductCall(Kind kind, Count width, bool transposed, bool features_first, Behind behind = {})
      : kind_(std::move(kind)), width_(width), transposed_(transposed), features_first_(features_first), behind_(behind) {}

  void run(Inputs inputs, std::span<void* const> outputs) override {
    const Count of_x = transposed_ ? kind_.given.rows : kind_.given.columns, of_y = transposed_ ? kind_.given.columns : kind_.given.rows;
    const sparse::Product product{
        .x = static_cast<const float*>(inputs[0]),
        .x_stride = features_first_ ? of_x : width_,
        .x_transposed = features_first_,
        .bias = behind_.bias < 0 ? nullptr : static_cast<const float*>(inputs[static_cast<std::size_t>(behind_.bias)]),
        .finish = behind_.finish,
        .y = static_cast<float*>(outputs[0]),
        .y_stride = features_first_ ? of_y : width_,
        .y_transposed = features_first_,
        .width = width_,
        .threads = Effort::is_small(static_cast<double>(kind_.given.stored * width_)) ? 1 : thread_count()};
    transposed_ ? multiply_transposed(kind_, inputs, product) : multiply(kind_.matrix(inputs), product);
  }

 private:
  Kind kind_;
  Count width_;
  bool transposed_, features_first_;
  Behind behind_;
};

template <class Kind>
class SampleCall final : public LibraryCall {
 public:
  SampleCall(Kind kind, Count width) : kind_(std::move(kind)), width_(width) {}

  void run(Inputs inputs, std::span<void* const> outputs) override {
    multiply_sampled(kind_.matrix(inputs), {.dy = static_cast<const float*>(inputs[0]),
                                            .dy_stride = width_,
                                            .x = static_cast<const float*>(inputs[1]),
                                            .x_stride = width_,
                                            .values = static_cast<float*>(outputs[0]),
                                            .width = width_,
                                            .threads = thread_count()});
  }

 private:
  Kind kind_;
  Count width_;
};

// Of x: its features.
Dim columns_of(const Call& call, const Type& x) {
  return call.flag("features_first") ? element_count(Shape(x.shape.begin(), x.shape.end() - 1)) : x.shape[1];
}

template <class Kind>
Prepared prepare_product(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols,
                         const Behind& behind) {
  const bool features_first = call.flag("features_first");
  const Count width = columns_of(call, inputs[0]).evaluate(symbols);
  const Kind kind(call, given(call, inputs, symbols, 1, true), inputs);
  return std::make_unique<ProductCall<Kind>>(kind, width, call.flag("transpose"), features_first, behind);
}

int rows_axis(const Call& call) { return call.flag("features_first") ? call.input(0).rank() - 1 : 0; }

template <class Kind>
double product_efficiency(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&) {
  const bool transposed = call.flag("transpose");
  const double values = typical(element_count(inputs[1].shape)), group_rows = static_cast<double>(Kind::group_rows(call));
  const auto height = static_cast<double>(Kind::step_rows(call));
  const Effort effort{.height = height,
                      .steps = values / height,
                      .groups = typical(call.dims("size")[0]) / group_rows,
                      .group_rows = group_rows,
                      .columns = typical(columns_of(call, inputs[0])),
                      .slower = transposed ? Kind::transposed_slower(call) : Kind::slower(call)};
  return effort.efficiency(counted_flops(call, 2 * values * effort.columns));
}

template <class Kind>
Implementation product(const char* op) {
  Implementation made{.name = "native",
                      .op = op,
                      .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
                        return refuses<Kind>(call, inputs, outputs, 2);
                      },
                      .efficiency = product_efficiency<Kind>};
  take_epilogues(made, prepare_product<Kind>, rows_axis);
  return made;
}

template <class Kind>
Implementation sampled(const char* op) {
  return {.name = "native",
          .op = op,
          .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
            return refuses<Kind>(call, inputs, outputs, 2);
          },
          .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&, const Symbols& symbols) -> Prepared {
            const Count width = inputs[0].shape[1].evaluate(symbols);
            return std::make_unique<SampleCall<Kind>>(Kind(call, given(call, inputs, symbols, 2, false), inputs), width);
          },
          .efficiency = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return Kind::sample_share; }};
}

const RegisterImplementation nmg_matmul{product<NmgKind>("nmg_matmul")}, nmg_sample{sampled<NmgKind>("nmg_sample")};
const RegisterImplementation blocks_matmul{product<BlockKind>("blocks_matmul")}, blocks_sample{sampled<BlockKind>("blocks_sample")};

// Lists of rows of so many columns take more than they save where they hold next to nothing.
constexpr std::int64_t most_columns = 16384;
bool holds_enough(const Dim& rows, const Dim& columns, const Dim& entries, double least_density) {
  if (!rows.is_constant() || !columns.is_constant() || !entries.is_constant()) return false;
  const auto all = static_cast<double>(rows.constant()) * static_cast<double>(columns.constant());
  return std::max(rows.constant(), columns.constant()) <= most_columns && static_cast<double>(entries.constant()) >= least_density * all;
}

Implementation limited(Implementation implementation, std::size_t first_place) {
  implementation.refuses = [inner = implementation.refuses, first_place](const Call& call, const std::vector<Type>& inputs,
                                                                         const std::vector<Type>& outputs) -> std::string {
    constexpr double least_density = 0.005;
    const Shape& size = call.dims("size");
    if (!holds_enough(size[0], size[1], inputs[first_place + 1].shape[0], least_density))
      return "takes matrices of known sizes and few columns only, of which a two-hundredth is stored";
    return inner(call, inputs, outputs);
  };
  return implementation;
}
const RegisterImplementation csr_matmul{limited(product<RowKind>("csr_matmul"), 2)}, csr_sample{limited(sampled<RowKind>("csr_sample"), 2)};

// Edges that are as many as weights pruned to CSR. Panels of x pay where a row meets each of them several times.
std::string refuses_edges(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  constexpr double least_density = 0.02;
  if (!call.has(1) || inputs[1].rank() != 1 || inputs[0].rank() != 2) return "takes one weight an entry and features on one axis only";
  if (call.flag("transpose")) return "takes no transposes: they are products by columns";
  if (!holds_enough(outputs[0].shape[0], inputs[0].shape[0], inputs[1].shape[0], least_density))
    return "takes matrices of known sizes and few columns only, of which a fiftieth is stored";
  return refuses<RowKind>(call, {inputs[0], inputs[1], inputs[2], inputs[3]}, outputs, 2);
}

double edges_efficiency(const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  const double values = typical(inputs[1].shape[0]), columns = typical(inputs[0].shape[1]);
  const Effort effort{.height = 1, .steps = values, .groups = typical(outputs[0].shape[0]), .group_rows = 1, .columns = columns};
  return effort.efficiency(2 * values * columns);
}

const RegisterImplementation spmm{
    {.name = "native",
     .op = "spmm",
     .refuses = refuses_edges,
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       Given of{outputs[0].shape[0].constant(), inputs[0].shape[0].constant(), 1, true, sparse::Value::f32, {}, 0};
       of.count(inputs, symbols);
       return std::make_unique<ProductCall<RowKind>>(RowKind(call, of, inputs), inputs[0].shape[1].evaluate(symbols), false, false);
     },
     .efficiency = edges_efficiency}};

}  // namespace
}  // namespace neap::sparse_matmul_implementation

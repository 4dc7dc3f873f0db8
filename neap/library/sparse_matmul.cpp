// Products of matrices stored as n:m:g, in blocks or by rows, and what their gradients sample, by the kernels of sparse_kernels.h.
#include <algorithm>
#include <optional>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/revolving_door.h"
#include "neap/library/post_ops.h"
#include "neap/library/sparse_kernels.h"
#include "neap/runtime/library.h"

namespace neap {
namespace {

using sparse::BlockMatrix;
using sparse::Count;
using sparse::NmgMatrix;
using Inputs = std::span<const void* const>;
using Prepared = std::unique_ptr<LibraryCall>;

// What is known of a matrix before its components are, which stand among a call's operands from `first` on: the values, if the call takes
// them, and the places.
struct Given {
  Count rows = 0, columns = 0;
  std::size_t first = 0;
  bool values = false;
  sparse::Value value_type = sparse::Value::f32;

  std::size_t place(std::size_t number) const { return first + (values ? 1 : 0) + number; }
  const void* value(Inputs inputs) const { return values ? inputs[first] : nullptr; }
};

struct NmgKind {
  using Matrix = NmgMatrix;
  Given given;
  int n, m;
  Count g;
  bool wide;

  static constexpr double share = 0.75, transposed_share = 0.5, sample_share = 0.5;  // of the machine's peak (bench/sparse/kernels.cpp)

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    const DType index = inputs[place].dtype;
    if (index != DType::i16 && index != DType::i32) return "takes an index of i16 or i32 only";
    return inputs[place + 1].dtype != DType::i8 ? "takes patterns of i8 only" : "";
  }
  NmgKind(const Call& call, const Given& of, const std::vector<Type>& inputs)
      : given(of),
        n(static_cast<int>(call.integer("n"))),
        m(static_cast<int>(call.integer("m"))),
        g(call.integer("g")),
        wide(inputs[of.place(0)].dtype == DType::i32) {}

  Matrix matrix(Inputs inputs) const {
    const auto* const patterns = static_cast<const std::int8_t*>(inputs[given.place(1)]);
    std::vector<int> things(static_cast<std::size_t>(n));
    for (Count pattern = 0; pattern < binomial(m, n); ++pattern) {
      revolving_door(n, m, pattern, things.data());
      if (!std::equal(things.begin(), things.end(), patterns + pattern * n))
        throw Error(fmt::format("pattern {} is not that of {}:{}", pattern, n, m), "layout nmg", "use the patterns that the layout packs");
    }
    return {.rows = given.rows,
            .columns = given.columns,
            .n = n,
            .m = m,
            .g = g,
            .value = given.value_type,
            .values = given.value(inputs),
            .index = inputs[given.place(0)],
            .wide = wide};
  }
};

bool is_count(const Type& type) { return type.dtype == DType::i64 || type.dtype == DType::i32; }

// Of offsets, and of what stands in the rows.
std::string refuses_rows(const std::vector<Type>& inputs, std::size_t place, std::string_view what) {
  if (!is_count(inputs[place])) return "takes offsets of i32 or i64 only";
  return inputs[place + 1].dtype != DType::i32 ? fmt::format("takes {} of i32 only", what) : "";
}

struct BlockKind {
  using Matrix = BlockMatrix;
  Given given;
  int height, width;
  bool wide;

  static constexpr double share = 0.75, transposed_share = 0.5, sample_share = 0.5;

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return refuses_rows(inputs, place, "columns");
  }
  BlockKind(const Call& call, const Given& of, const std::vector<Type>& inputs)
      : given(of),
        height(static_cast<int>(call.integer("r"))),
        width(static_cast<int>(call.integer("c"))),
        wide(inputs[of.place(0)].dtype == DType::i64) {}

  Matrix matrix(Inputs inputs) const {
    return {.rows = given.rows,
            .columns = given.columns,
            .height = height,
            .width = width,
            .value = given.value_type,
            .values = given.value(inputs),
            .offsets = {inputs[given.place(0)], wide},
            .columns_of = static_cast<const std::int32_t*>(inputs[given.place(1)])};
  }
};

// CSR, with the same places by columns behind: a product with the transpose is one with the columns' lists.
struct RowKind {
  using Matrix = BlockMatrix;
  Given given;
  bool wide, t_wide = false, order_wide = false;

  static constexpr double share = 0.5, transposed_share = 0.45, sample_share = 0.25;

  static std::string refuses(const Call& call, const std::vector<Type>& inputs, std::size_t place) {
    std::string why = refuses_rows(inputs, place, "columns");
    const bool transposed = call.op().name == "csr_matmul" && call.flag("transpose");
    if (!why.empty() || !transposed) return why;
    why = refuses_rows(inputs, place + 2, "rows");
    return !why.empty() || is_count(inputs[place + 4]) ? why : "takes an order of i32 or i64 only";
  }
  RowKind(const Call&, const Given& of, const std::vector<Type>& inputs) : given(of), wide(inputs[of.place(0)].dtype == DType::i64) {
    if (inputs.size() <= of.place(4)) return;
    t_wide = inputs[of.place(2)].dtype == DType::i64;
    order_wide = inputs[of.place(4)].dtype == DType::i64;
  }

  Matrix matrix(Inputs inputs) const {
    return {.rows = given.rows,
            .columns = given.columns,
            .value = given.value_type,
            .values = given.value(inputs),
            .offsets = {inputs[given.place(0)], wide},
            .columns_of = static_cast<const std::int32_t*>(inputs[given.place(1)])};
  }
  Matrix transpose(Inputs inputs) const {
    return {.rows = given.columns,
            .columns = given.rows,
            .value = given.value_type,
            .values = given.value(inputs),
            .offsets = {inputs[given.place(2)], t_wide},
            .columns_of = static_cast<const std::int32_t*>(inputs[given.place(3)]),
            .order = {inputs[given.place(4)], order_wide}};
  }
};

template <class Kind>
void multiply_transposed(const Kind& kind, Inputs inputs, const sparse::Product& product) {
  sparse::multiply_transposed(kind.matrix(inputs), product);
}
void multiply_transposed(const RowKind& kind, Inputs inputs, const sparse::Product& product) {
  sparse::multiply(kind.transpose(inputs), product);
}

// What is done to a product before it is stored: a bias is added, which is operand number `bias` of the call, and a function taken.
struct Behind {
  int bias = -1;
  sparse::Finish finish = sparse::Finish::none;
};

std::optional<sparse::Finish> finish_of(const onednn::PostOp& op) {
  if (op.algorithm == dnnl::algorithm::eltwise_relu && op.alpha == 0) return sparse::Finish::relu;
  if (op.algorithm == dnnl::algorithm::eltwise_gelu_erf) return sparse::Finish::gelu;
  if (op.algorithm == dnnl::algorithm::eltwise_swish && op.alpha == 1) return sparse::Finish::swish;
  return std::nullopt;
}

// Nothing where the epilogue does anything else. `operands`: of the epilogue alone.
std::optional<Behind> behind(const Call& call, const Map& epilogue, const std::vector<Type>& operands, const Type& output) {
  std::string why;
  const std::vector<onednn::PostOp> ops = onednn::post_ops(epilogue, operands, output, call.flag("features_first") ? 1 : 0, why);
  if (!why.empty() || ops.empty()) return std::nullopt;
  Behind found;
  std::size_t next = 0;
  if (ops[0].algorithm == dnnl::algorithm::binary_add && ops[0].spread == onednn::PostOp::along) {
    found.bias = call.input_count() + ops[0].operand;
    ++next;
  }
  if (next < ops.size()) {
    const auto finish = finish_of(ops[next++]);
    if (!finish) return std::nullopt;
    found.finish = *finish;
  }
  return next == ops.size() ? std::optional(found) : std::nullopt;
}

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
        .threads = thread_count()};
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

// Operands `first_place` on are places.
template <class Kind>
std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, std::size_t first_place) {
  const bool has_values = call.op().name.ends_with("_matmul");
  for (std::size_t i = 0; i < first_place; ++i) {
    const bool can_be_narrow = has_values && i == 1 && inputs[i].dtype == DType::bf16;
    if (inputs[i].dtype != DType::f32 && !can_be_narrow) return "takes f32 only, and values of bf16";
  }
  const auto row_major = [](const Type& type) { return type.layout.row_major(); };
  if (!std::all_of(inputs.begin(), inputs.end(), row_major) || !row_major(outputs[0])) return "takes row-major values only";
  return Kind::refuses(call, inputs, first_place);
}

Given given(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols, std::size_t first, bool values) {
  const std::vector<std::int64_t> size = evaluate(call.dims("size"), symbols);
  const bool narrow = values && inputs[first].dtype == DType::bf16;
  return {size[0], size[1], first, values, narrow ? sparse::Value::bf16 : sparse::Value::f32};
}

template <class Kind>
Prepared prepare_product(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols, const Behind& behind) {
  const bool features_first = call.flag("features_first");
  const Count width = inputs[0].shape[features_first ? 0 : 1].evaluate(symbols);
  const Kind kind(call, given(call, inputs, symbols, 1, true), inputs);
  return std::make_unique<ProductCall<Kind>>(kind, width, call.flag("transpose"), features_first, behind);
}

template <class Kind>
Implementation product(const char* op) {
  return {
      .name = "native",
      .op = op,
      .refuses = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
        return refuses<Kind>(call, inputs, outputs, 2);
      },
      .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>&,
                    const Symbols& symbols) { return prepare_product<Kind>(call, inputs, symbols, {}); },
      .refuses_epilogue = [](const Call& call, const Map& epilogue, const std::vector<Type>& operands, const Type& output) -> std::string {
        return behind(call, epilogue, operands, output) ? "" : "takes a bias of the matrix's rows, and then relu, gelu or swish, only";
      },
      .prepare_fused = [](const Call& call, const Map& epilogue, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                          const Symbols& symbols) -> Prepared {
        const std::vector<Type> operands(inputs.begin() + call.input_count(), inputs.end());
        const auto found = behind(call, epilogue, operands, outputs[0]);
        NEAP_ASSERT(found.has_value(), " an epilogue that was refused");
        return prepare_product<Kind>(call, inputs, symbols, *found);
      },
      .efficiency = [](const Call& call, const std::vector<Type>&,
                       const std::vector<Type>&) { return call.flag("transpose") ? Kind::transposed_share : Kind::share; }};
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

const RegisterImplementation spmm{
    {.name = "native",
     .op = "spmm",
     .refuses = refuses_edges,
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> Prepared {
       const Given of{outputs[0].shape[0].constant(), inputs[0].shape[0].constant(), 1, true};
       return std::make_unique<ProductCall<RowKind>>(RowKind(call, of, inputs), inputs[0].shape[1].evaluate(symbols), false, false);
     },
     .efficiency = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return RowKind::share; }}};

}  // namespace
}  // namespace neap

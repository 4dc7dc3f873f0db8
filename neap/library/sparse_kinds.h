// What calls of sparse operators share: the matrices that they make of their operands, and what they refuse. A kind is a form of storage,
// with what its products take (measured, bench/sparse).
#pragma once
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/revolving_door.h"
#include "neap/library/post_ops.h"
#include "neap/library/sparse_kernels.h"
#include "neap/library/sparse_places.h"
#include "neap/runtime/library.h"

namespace neap::sparse_calls {

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
  std::vector<Count> counts;  // of the elements of each component of places
  Count stored = 0;           // values, where the call takes them

  std::size_t place(std::size_t number) const { return first + (values ? 1 : 0) + number; }
  void count(const std::vector<Type>& inputs, const Symbols& symbols) {
    if (values) stored = element_count(inputs[first].shape).evaluate(symbols);
    for (std::size_t i = place(0); i < inputs.size(); ++i) counts.push_back(element_count(inputs[i].shape).evaluate(symbols));
  }
  // Null only where the call takes no values: kernels count from the first, which memory of none may lack.
  const void* value(Inputs inputs) const {
    static const float none = 0;
    if (!values) return nullptr;
    return inputs[first] != nullptr ? inputs[first] : &none;
  }
};

// The time that a product takes of its threads together, in cycles, from which follows what it reaches of the machine's peak. A step is a
// row of a panel of x that meets `height` stored values. Fitted to layers of 256 x 100 to 3072 x 768 on Zen 4 (bench/sparse/plan.cpp); for
// AVX2 the kinds say how much slower that is on Zen 3, by oneDNN's dense products there.
struct Effort {
  double height, steps, groups, group_rows, columns;  // steps: of one panel; groups: of rows; columns: of x
  double slower = 1;                                  // than the kernel that these figures are of
  double images = 1, gathered = 0;                    // products like this one; elements of windows that are gathered for all of them

  // Whether a product of so many multiply-adds is done before other threads have begun.
  static bool is_small(double products) { return products < 100'000; }
  static double call(double products) { return is_small(products) || thread_count() == 1 ? 5000 : 15000.0 * thread_count(); }
  static constexpr double gather = 1.25;                                 // of an element of a window
  static double peak() { return best_isa() == Isa::portable ? 8 : 32; }  // flops a cycle
  // Of so many flops, as the cost model counts them.
  static double share(double flops, double cycles) { return flops > 0 ? flops / (peak() * cycles) : 1; }
  double efficiency(double flops) const { return share(flops, cycles()); }

 private:
  double cycles() const {
    constexpr double panel_vectors = 4, begin = 60, end_of_row = 40, pack_row_value = 8;
    const double lanes = sparse::tiles(best_isa()).lanes, wide = std::floor(columns / (panel_vectors * lanes));
    const double rest = std::ceil((columns - wide * panel_vectors * lanes) / lanes), panels = wide + (rest > 0 ? 1 : 0);
    const double unit = 2 * lanes / peak();                   // cycles of a vector's multiply-add
    const bool by_rows = height == 1 && panels * images > 1;  // whose values are packed once
    const double of_rest = rest == 0 ? 0 : wide > 0 || by_rows ? among_others(rest * unit) : alone(rest * unit);
    const double packing = by_rows ? pack_row_value / images : 0;
    return call(steps * height * columns * images) + gather * gathered +
           images * (slower * steps * (packing + wide * among_others(panel_vectors * unit) + of_rest) +
                     panels * groups * (begin + end_of_row * group_rows));
  }
  // A step's cycles, by those of its multiply-adds for one row; in a product of one panel, which passes by all values once.
  double among_others(double vectors) const { return 1.15 * height * vectors + (height == 1 ? 3 : 1); }
  double alone(double vectors) const { return std::max(2.0, height * vectors) + (height == 1 ? 2 * vectors + 3 : 4); }
};

// How much slower than a wide kernel's time says a kernel is.
inline double on_avx2(double there, double elsewhere) { return best_isa() == Isa::avx2 ? there : elsewhere; }

struct NmgKind {
  using Matrix = NmgMatrix;
  Given given;
  int n, m;
  Count g;
  bool wide;

  static constexpr double sample_share = 0.5, sample_begin = 8;  // the second of convolutions: see sparse_conv.cpp
  static double slower(const Call& call) { return call.integer("n") == 1 ? 1 : on_avx2(1.15, 1); }
  static double transposed_slower(const Call& call) { return call.integer("n") == 1 ? on_avx2(1.6, 1.5) : on_avx2(2.6, 1.5); }
  static double windows_slower(const Call& call) { return call.integer("n") == 1 ? on_avx2(1.6, 1.35) : on_avx2(2.4, 1.35); }
  static double sample_vector(const Call& call) { return call.integer("n") == 1 ? 3.8 : 1.35; }
  static std::int64_t group_rows(const Call& call) { return call.integer("m"); }
  static std::int64_t step_rows(const Call& call) { return call.integer("n"); }

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
    const Matrix made{.rows = given.rows,
                      .columns = given.columns,
                      .n = n,
                      .m = m,
                      .g = g,
                      .value = given.value_type,
                      .values = given.value(inputs),
                      .index = inputs[given.place(0)],
                      .wide = wide};
    sparse::check_places(made, given.counts[0]);
    return made;
  }
};

inline bool is_count(const Type& type) { return type.dtype == DType::i64 || type.dtype == DType::i32; }

// Of offsets, and of what stands in the rows.
inline std::string refuses_rows(const std::vector<Type>& inputs, std::size_t place, std::string_view what) {
  if (!is_count(inputs[place])) return "takes offsets of i32 or i64 only";
  return inputs[place + 1].dtype != DType::i32 ? fmt::format("takes {} of i32 only", what) : "";
}

// Blocks by rows: their offsets are place number `offsets` of the call, the columns the one behind it.
inline BlockMatrix by_rows(const Given& given, Inputs inputs, std::size_t offsets, bool wide, Count rows, Count columns, int height = 1,
                           int width = 1) {
  BlockMatrix made{.rows = rows,
                   .columns = columns,
                   .height = height,
                   .width = width,
                   .value = given.value_type,
                   .values = given.value(inputs),
                   .offsets = {inputs[given.place(offsets)], wide},
                   .columns_of = static_cast<const std::int32_t*>(inputs[given.place(offsets + 1)])};
  sparse::check_places(made, given.counts[offsets + 1]);
  return made;
}

struct BlockKind {
  using Matrix = BlockMatrix;
  Given given;
  int height, width;
  bool wide;

  static constexpr double sample_share = 0.5, sample_begin = 4;
  static double slower(const Call&) { return on_avx2(1.35, 1); }
  static double transposed_slower(const Call&) { return on_avx2(2, 1.5); }
  static double windows_slower(const Call&) { return on_avx2(2.5, 1.1); }
  static double sample_vector(const Call& call) { return call.integer("r") % 2 == 0 ? 1.4 : 3.2; }
  static std::int64_t group_rows(const Call& call) { return call.integer("r"); }
  static std::int64_t step_rows(const Call& call) { return call.integer("r"); }

  static std::string refuses(const Call&, const std::vector<Type>& inputs, std::size_t place) {
    return refuses_rows(inputs, place, "columns");
  }
  BlockKind(const Call& call, const Given& of, const std::vector<Type>& inputs)
      : given(of),
        height(static_cast<int>(call.integer("r"))),
        width(static_cast<int>(call.integer("c"))),
        wide(inputs[of.place(0)].dtype == DType::i64) {}

  Matrix matrix(Inputs inputs) const { return by_rows(given, inputs, 0, wide, given.rows, given.columns, height, width); }
};

// CSR, with the same places by columns behind: a product with the transpose is one with the columns' lists.
struct RowKind {
  using Matrix = BlockMatrix;
  Given given;
  bool wide, t_wide = false, order_wide = false;

  static constexpr double sample_share = 0.25, sample_begin = 8;
  static double slower(const Call&) { return 1; }
  static double transposed_slower(const Call&) { return 1.1; }
  static double windows_slower(const Call&) { return on_avx2(1.3, 1.1); }
  static double sample_vector(const Call&) { return 3.2; }
  static std::int64_t group_rows(const Call&) { return 1; }
  static std::int64_t step_rows(const Call&) { return 1; }

  static std::string refuses(const Call& call, const std::vector<Type>& inputs, std::size_t place) {
    std::string why = refuses_rows(inputs, place, "columns");
    const bool transposed = call.op().name == "csr_conv_input" || (call.op().name == "csr_matmul" && call.flag("transpose"));
    if (!why.empty() || !transposed) return why;
    why = refuses_rows(inputs, place + 2, "rows");
    return !why.empty() || is_count(inputs[place + 4]) ? why : "takes an order of i32 or i64 only";
  }
  RowKind(const Call&, const Given& of, const std::vector<Type>& inputs) : given(of), wide(inputs[of.place(0)].dtype == DType::i64) {
    if (inputs.size() <= of.place(4)) return;
    t_wide = inputs[of.place(2)].dtype == DType::i64;
    order_wide = inputs[of.place(4)].dtype == DType::i64;
  }

  Matrix matrix(Inputs inputs) const { return by_rows(given, inputs, 0, wide, given.rows, given.columns); }
  Matrix transpose(Inputs inputs) const {
    Matrix made = by_rows(given, inputs, 2, t_wide, given.columns, given.rows);
    made.order = {inputs[given.place(4)], order_wide};
    sparse::check_order(made.order, given.counts[3], given.counts[1]);
    return made;
  }
};

inline double typical(const Dim& dim) {
  constexpr std::int64_t size = 128;  // of a symbol
  return static_cast<double>(dim.evaluate({}, size));
}

// Flops of a call as the cost model counts them: without the additions to sums in memory. For an operator without a definition, `own`.
inline double counted_flops(const Call& call, double own) {
  if (call.op().define == nullptr) return own;
  const Map map = define(call).map;
  return typical(flops(map.stages[0].value, map.axes));
}

template <class Kind>
void multiply_transposed(const Kind& kind, Inputs inputs, const sparse::Product& product) {
  sparse::multiply_transposed(kind.matrix(inputs), product);
}
inline void multiply_transposed(const RowKind& kind, Inputs inputs, const sparse::Product& product) {
  sparse::multiply(kind.transpose(inputs), product);
}

// What is done to a product before it is stored: a bias is added, which is operand number `bias` of the call, and a function taken.
struct Behind {
  int bias = -1;
  sparse::Finish finish = sparse::Finish::none;
};

inline std::optional<sparse::Finish> finish_of(const onednn::PostOp& op) {
  if (op.algorithm == dnnl::algorithm::eltwise_relu && op.alpha == 0) return sparse::Finish::relu;
  if (op.algorithm == dnnl::algorithm::eltwise_gelu_erf) return sparse::Finish::gelu;
  if (op.algorithm == dnnl::algorithm::eltwise_swish && op.alpha == 1) return sparse::Finish::swish;
  return std::nullopt;
}

// Nothing where the epilogue does anything else. `operands`: of the epilogue alone; `axis`: of the result, on which the matrix's rows are.
inline std::optional<Behind> behind(const Call& call, const Map& epilogue, const std::vector<Type>& operands, const Type& output,
                                    int axis) {
  std::string why;
  const std::vector<onednn::PostOp> ops = onednn::post_ops(epilogue, operands, output, axis, why);
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

// prepare(call, inputs, outputs, symbols, behind) makes the call, with what is behind it or without; `rows_axis(call)` is the axis of the
// result on which the matrix's rows are.
template <class Prepare, class RowsAxis>
void take_epilogues(Implementation& made, Prepare prepare, RowsAxis rows_axis) {
  made.prepare = [prepare](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols) {
    return prepare(call, inputs, outputs, symbols, Behind{});
  };
  made.refuses_epilogue = [rows_axis](const Call& call, const Map& epilogue, const std::vector<Type>& operands,
                                      const Type& output) -> std::string {
    const bool taken = behind(call, epilogue, operands, output, rows_axis(call)).has_value();
    return taken ? "" : "takes a bias of the matrix's rows, and then relu, gelu or swish, only";
  };
  made.prepare_fused = [prepare, rows_axis](const Call& call, const Map& epilogue, const std::vector<Type>& inputs,
                                            const std::vector<Type>& outputs, const Symbols& symbols) {
    const std::vector<Type> operands(inputs.begin() + call.input_count(), inputs.end());
    const auto found = behind(call, epilogue, operands, outputs[0], rows_axis(call));
    NEAP_ASSERT(found.has_value(), " an epilogue that was refused");
    return prepare(call, inputs, outputs, symbols, *found);
  };
}

// Operands `first_place` on are places.
template <class Kind>
std::string refuses(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, std::size_t first_place) {
  const bool has_values = !call.op().name.ends_with("_sample");
  for (std::size_t i = 0; i < first_place; ++i) {
    const bool can_be_narrow = has_values && i == 1 && inputs[i].dtype == DType::bf16;
    if (inputs[i].dtype != DType::f32 && !can_be_narrow) return "takes f32 only, and values of bf16";
  }
  const auto row_major = [](const Type& type) { return type.layout.row_major(); };
  if (!std::all_of(inputs.begin(), inputs.end(), row_major) || !row_major(outputs[0])) return "takes row-major values only";
  return Kind::refuses(call, inputs, first_place);
}

inline Given given(const Call& call, const std::vector<Type>& inputs, const Symbols& symbols, std::size_t first, bool values) {
  const std::vector<std::int64_t> size = evaluate(call.dims("size"), symbols);
  const bool narrow = values && inputs[first].dtype == DType::bf16;
  Given of{size[0], size[1], first, values, narrow ? sparse::Value::bf16 : sparse::Value::f32, {}, 0};
  of.count(inputs, symbols);
  return of;
}

}  // namespace neap::sparse_calls

// Products of matrices by oneDNN: batches that broadcast, transposes and permuted layouts as strides; epilogues as post-operations.
#include <algorithm>

#include "neap/library/matmul_steps.h"
#include "neap/ops/matmul_views.h"

namespace neap::matmul_implementation {
namespace {

using dnnl::memory;

// An operand seen through its strides.
struct View {
  memory::dims sizes, strides;
  memory::data_type dtype;
  std::int64_t offset = 0;  // of its first element

  View(const Type& type, const MatrixView& view, const Symbols& symbols) : dtype(onednn::data_type(type.dtype)) {
    const View base(type, symbols);
    for (std::size_t v = 0; v < view.sizes.size(); ++v) {
      sizes.push_back(view.sizes[v].evaluate(symbols));
      std::int64_t stride = 0;
      for (std::size_t d = 0; d < base.strides.size(); ++d) stride += view.step(d, v).evaluate(symbols) * base.strides[d];
      strides.push_back(sizes.back() == 1 ? 1 : stride);  // free, and none of 0
    }
    for (std::size_t d = 0; d < base.strides.size(); ++d) offset += view.begin[d].evaluate(symbols) * base.strides[d];
  }
  View(const Type& type, const Symbols& symbols) : dtype(onednn::data_type(type.dtype)) {
    const memory::desc desc = onednn::describe(type, symbols);
    sizes.assign(desc.data.dims, desc.data.dims + type.rank());
    strides.assign(desc.data.format_desc.blocking.strides, desc.data.format_desc.blocking.strides + type.rank());
  }
  void insert(std::size_t axis) {
    sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    strides.insert(strides.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  }
  void swap_last() {
    std::swap(sizes[sizes.size() - 1], sizes[sizes.size() - 2]);
    std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
  }
  void pad_rank(std::size_t rank) {
    while (sizes.size() < rank) insert(0);
  }
  // Whether `axis` and the next are one axis in memory.
  bool dense(std::size_t axis) const { return sizes[axis] == 1 || strides[axis] == strides[axis + 1] * sizes[axis + 1]; }
  void merge(std::size_t axis) {
    if (sizes[axis + 1] == 1) strides[axis + 1] = strides[axis];
    sizes[axis + 1] *= sizes[axis];
    sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
    strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  // The stride of an axis of one element is free: it must not make oneDNN take a row for a column.
  memory::desc desc() const {
    memory::dims clean = strides;
    const std::size_t row = sizes.size() - 2, column = sizes.size() - 1;
    if (sizes[column] == 1) clean[column] = 1;
    if (sizes[row] == 1) clean[row] = clean[column] == 1 ? sizes[column] : 1;
    return {sizes, dtype, clean};
  }
};

struct Product {
  View a, b, y;
  bool exchanged = false;  // y' = b' a' is computed, because y lies in columns

  static Product of(const Call& call, const std::vector<Type>& inputs, const Type& output, const Symbols& symbols) {
    if (call.op().name != "matmul_of_views") return {call, inputs, output, symbols};
    return {View(inputs[0], MatrixView(call, 0), symbols), View(inputs[1], MatrixView(call, 1), symbols), output, symbols};
  }

  Product(const Call& call, const std::vector<Type>& inputs, const Type& output, const Symbols& symbols)
      : a(inputs[0], symbols), b(inputs[1], symbols), y(output, symbols) {
    if (a.sizes.size() == 1) {
      a.insert(0);
      y.insert(y.sizes.size() - (b.sizes.size() == 1 ? 0 : 1));
    } else if (call.flag("transpose_a")) {
      a.swap_last();
    }
    if (b.sizes.size() == 1) {
      b.insert(1);
      y.insert(y.sizes.size());
    } else if (call.flag("transpose_b")) {
      b.swap_last();
    }
    const std::size_t rank = y.sizes.size();
    a.pad_rank(rank);
    b.pad_rank(rank);
    settle();
  }
  // Of views of one rank.
  Product(View first, View second, const Type& output, const Symbols& symbols)
      : a(std::move(first)), b(std::move(second)), y(output, symbols) {
    settle();
  }

 private:
  void settle() {
    while (a.sizes.size() > 2 && merge_batch(a.sizes.size() - 3)) {
    }
    for (std::size_t axis = a.sizes.size() > 3 ? a.sizes.size() - 3 : 0; axis-- > 0;) merge_batch_axes(axis);
    if (y.strides.back() != 1 && y.strides[y.strides.size() - 2] == 1) {
      exchanged = true;
      std::swap(a, b);
      for (View* view : {&a, &b, &y}) view->swap_last();
    }
  }

  // Rows of a batch that meet one matrix are rows of one larger matrix.
  bool merge_batch(std::size_t axis) {
    if (b.sizes[axis] != 1 || !a.dense(axis) || !y.dense(axis) || a.sizes[axis] != y.sizes[axis]) return false;
    a.merge(axis);
    y.merge(axis);
    b.sizes.erase(b.sizes.begin() + static_cast<std::ptrdiff_t>(axis));
    b.strides.erase(b.strides.begin() + static_cast<std::ptrdiff_t>(axis));
    return true;
  }
  void merge_batch_axes(std::size_t axis) {
    const auto same = [&](std::size_t i) { return a.sizes[i] == y.sizes[i] && b.sizes[i] == y.sizes[i]; };
    if (!same(axis) || !same(axis + 1) || !a.dense(axis) || !b.dense(axis) || !y.dense(axis)) return;
    for (View* view : {&a, &b, &y}) view->merge(axis);
  }
};

// What is done to a result before it is stored.
struct Behind {
  std::vector<onednn::PostOp> ops;
  int first_operand = 0;  // of the post-operations, among the call's
};

onednn::Steps steps(const Product& product, const Behind& behind) {
  const memory::desc y = product.y.desc();
  const auto operand = [](const View& view, int index) {
    const auto element = static_cast<std::int64_t>(memory::data_type_size(view.dtype));
    return onednn::MatmulOperand{view.desc(), {onednn::Place::input, index}, view.offset * element};
  };
  return onednn::matmul_steps({.a = operand(product.a, product.exchanged ? 1 : 0),
                               .b = operand(product.b, product.exchanged ? 0 : 1),
                               .y = {y, {onednn::Place::output, 0}},
                               .ops = behind.ops,
                               .first_operand = behind.first_operand,
                               .vector_axis = y.data.ndims - (product.exchanged ? 2 : 1)});
}

// The axis of the result along which an epilogue's vectors may lie: its columns, where these lie side by side.
int vector_axis(const Call& call, const Type& output) {
  return (call.op().name == "matmul_of_views" || call.input(1).rank() > 1) && output.layout.row_major() ? output.rank() - 1 : -1;
}

std::unique_ptr<LibraryCall> prepare(const Call& call, const Map* epilogue, const std::vector<Type>& inputs,
                                     const std::vector<Type>& outputs, const Symbols& symbols) {
  if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols, epilogue)) return empty;
  Behind behind;
  if (epilogue != nullptr) {
    behind.first_operand = call.input_count();
    const std::vector<Type> operands(inputs.begin() + behind.first_operand, inputs.end());
    std::string why;
    behind.ops = onednn::post_ops(*epilogue, operands, outputs[0], vector_axis(call, outputs[0]), why);
    NEAP_ASSERT(why.empty(), " an epilogue that was refused: {}", why);
  }
  return onednn::make_call([product = Product::of(call, inputs, outputs[0], symbols), behind] { return steps(product, behind); });
}

std::string refuses(const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  for (const Type& type : {inputs[0], inputs[1], outputs[0]}) {
    std::string reason = onednn::refuses_type(type);
    if (!reason.empty()) return reason;
    if (std::any_of(type.layout.levels.begin(), type.layout.levels.end(), [](const Layout::Level& level) { return level.block > 0; }))
      return "takes no blocked layouts";
  }
  return "";
}

// A matrix is read along rows or columns that lie side by side; others would go through plain loops.
std::string refuses_view(const MatrixView& view, const Type& type) {
  const int innermost = type.layout.row_major() ? type.rank() - 1 : type.layout.levels.back().axis;
  const std::size_t rank = view.sizes.size();
  for (std::size_t v = 0; v < rank; ++v) {
    bool moves = view.sizes[v] == Dim(1);
    for (std::size_t d = 0; d < view.begin.size(); ++d) moves |= !(view.step(d, v) == Dim(0));
    if (!moves) return "an axis of a view is broadcast";
  }
  for (std::size_t v = rank - 2; v < rank; ++v) {
    bool side_by_side = true;
    for (std::size_t d = 0; d < view.begin.size(); ++d) side_by_side &= view.step(d, v) == Dim(static_cast<int>(d) == innermost ? 1 : 0);
    if (side_by_side) return "";
  }
  return "neither the rows nor the columns of a view lie side by side";
}

std::string refuses_views(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
  std::string reason = refuses(inputs, outputs);
  for (const int k : {0, 1}) {
    if (reason.empty()) reason = refuses_view(MatrixView(call, k), inputs[static_cast<std::size_t>(k)]);
  }
  return reason;
}

Implementation by_onednn(std::string op, decltype(Implementation::refuses) refuses) {
  return {
      .name = "onednn",
      .op = std::move(op),
      .refuses = std::move(refuses),
      .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                    const Symbols& symbols) { return prepare(call, nullptr, inputs, outputs, symbols); },
      .refuses_epilogue = [](const Call& call, const Map& epilogue, const std::vector<Type>& operands, const Type& output) -> std::string {
        std::string why;
        onednn::post_ops(epilogue, operands, output, vector_axis(call, output), why);
        return why;
      },
      .prepare_fused = [](const Call& call, const Map& epilogue, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                          const Symbols& symbols) { return prepare(call, &epilogue, inputs, outputs, symbols); },
      .epilogue_flops = onednn::epilogue_flops,
      .any_layout = true};
}

const RegisterImplementation matmul{by_onednn(
    "matmul", [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) { return refuses(inputs, outputs); })};
const RegisterImplementation matmul_of_views{by_onednn("matmul_of_views", refuses_views)};

}  // namespace
}  // namespace neap::matmul_implementation

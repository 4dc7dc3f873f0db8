// Products with a matrix that is stored sparsely leave out what is not stored: L_dense and then matmul becomes L_matmul, and elements that
// L_take picks from a dense product (the gradient of the stored values) become L_sample; convolutions and their gradients become those of
// layouts/sparse_conv.h. What is done to the matrix ahead of the product, or to the product ahead of the elements, is done to what is
// stored (sparse_values.h). convert=1: a matrix that is known, in a layout without kernels, is stored by rows first. Where the cost model
// sees no gain, out of cache and in it, the matrix is made dense and multiplied as such; be it for one of its products alone.
#include <algorithm>

#include "neap/ir/origin.h"
#include "neap/layouts/packing.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/runtime/at_once.h"
#include "neap/runtime/library.h"
#include "neap/transform/sparse_values.h"
#include "neap/transform/transformation.h"

namespace neap::multiply_sparse_transformation {
namespace {

ValueId transposed(Draft& draft, int before, ValueId matrix) {
  return insert_call(draft, before, "transpose", {matrix}, {{"permutation", std::vector<std::int64_t>{1, 0}}});
}

// Values as they are stored: products take 16-bit ones as they are and compute in f32.
ValueId stored(const Draft& draft, ValueId values, DType computed) {
  const int wider = maker(draft, values, "cast");
  if (wider < 0 || computed != DType::f32) return values;
  const ValueId narrow = draft.node(wider).inputs[0];
  return is_float(draft.type(narrow).dtype) && size_of(draft.type(narrow).dtype) == 2 ? narrow : values;
}

// Says of a node that it works with the places of the matrix that `matrix` made, so that it is known when all is done (sparse_dispatch.h).
void tag(Draft& draft, int at, const std::vector<std::string>& matrix, const std::string& op) {
  Node node = draft.node(at);
  node.origin.push_back(origin_place(matrix.empty() ? "" : matrix.front()) + ": " + op);
  draft.replace(at, std::move(node));
}

// A product in a layout that has kernels runs on them, where it may: loops of its definition are slower wherever leaving zeros out pays.
void bind(Draft& draft, int at) {
  if (!draft.libraries()) return;
  Node node = draft.node(at);
  const Implementation* const chosen = choose_implementation(draft.shell(), node);
  if (chosen == nullptr) return;
  node.implementation = chosen->name;
  draft.replace(at, std::move(node));
}

// A matrix as a product reads it: the stored values under the places, or the transpose.
struct Matrix {
  SparseNode dense;
  ValueId values = no_value;
  bool transposed = false;
};

// The operands and attributes of L_matmul of the matrix and x.
struct Product {
  std::vector<ValueId> operands;
  Attributes attributes;
};
Product product_of(const Draft& draft, const Matrix& matrix, ValueId x, bool transpose, bool features_first) {
  const Node& dense = draft.node(matrix.dense.at);
  Product made{{x}, dense.attributes};
  made.operands.insert(made.operands.end(), dense.inputs.begin(), dense.inputs.end());
  made.operands[1] = stored(draft, matrix.values, draft.type(x).dtype);
  if (transpose != matrix.transposed) made.attributes["transpose"] = true;
  if (features_first) made.attributes["features_first"] = true;
  return made;
}

// y = x W or x W^T, of rows x.
void multiply_rows(Draft& draft, int at, const Matrix& matrix) {
  const Call call = call_of(draft, at);
  const std::string op = matrix.dense.layout->op("matmul");
  const ValueId x = draft.node(at).inputs[0];
  const bool is_transposed = !call.flag("transpose_b");
  if (call.flag("transpose_a")) {
    const Product product = product_of(draft, matrix, x, is_transposed, false);
    const ValueId columns = insert_call(draft, at, op, product.operands, product.attributes);
    become_call(draft, at, "transpose", {columns}, {{"permutation", std::vector<std::int64_t>{1, 0}}});
    return;
  }
  const Product product = product_of(draft, matrix, x, is_transposed, true);
  become_call(draft, at, op, product.operands, product.attributes);
}

// y = W x or W^T x.
void multiply_columns(Draft& draft, int at, const Matrix& matrix) {
  const Call call = call_of(draft, at);
  const ValueId x = draft.node(at).inputs[1];
  const ValueId columns = call.flag("transpose_b") ? transposed(draft, at, x) : x;
  const Product product = product_of(draft, matrix, columns, call.flag("transpose_a"), false);
  become_call(draft, at, matrix.dense.layout->op("matmul"), product.operands, product.attributes);
}

// The attributes of a layout's convolution with filters of these sizes, for one that is not in groups.
Attributes convolution_attributes(const Call& call, Attributes of_matrix, const Shape& filters) {
  of_matrix["window"] = Shape(filters.begin() + 2, filters.end());
  for (const char* name : {"strides", "pads", "dilations"}) of_matrix[name] = call.attributes().at(name);
  return of_matrix;
}

// The gradient of filters that `take` reads as a matrix; -1 where it reads something else.
int filter_gradient(const Draft& draft, const Node& take) {
  const int matrix = maker(draft, take.inputs[0], "reshape");
  return matrix < 0 ? -1 : maker(draft, draft.node(matrix).inputs[0], "conv_weight_gradient");
}

// Elements of the gradient of filters at the layout's places.
std::string sample_filters(Draft& draft, int at, int gradient, const SparseLayout& layout) {
  const std::string op = layout.op("conv_sample");
  if (find_operator_or_null(op) == nullptr) return "the layout has no convolutions";
  const Call call = call_of(draft, gradient);
  if (call.integer("groups") != 1) return "it convolves in groups";
  const Node take = draft.node(at);
  const std::vector<ValueId> pictures = draft.node(gradient).inputs;
  std::vector<ValueId> operands{pictures[1], pictures[0]};
  operands.insert(operands.end(), take.inputs.begin() + 1, take.inputs.end());
  become_call(draft, at, op, operands, convolution_attributes(call, take.attributes, draft.type(draft.node(gradient).outputs[0]).shape));
  tag(draft, at, take.origin, op);
  return "";
}

// Elements of a b at the layout's places.
std::string sample_product(Draft& draft, int at, const SparseLayout& layout) {
  const Node take = draft.node(at);
  if (const int gradient = filter_gradient(draft, take); gradient >= 0) return sample_filters(draft, at, gradient, layout);
  const int move = maker(draft, take.inputs[0], "transpose");
  const int product = maker(draft, move < 0 ? take.inputs[0] : draft.node(move).inputs[0], "matmul");
  if (product < 0) return "it takes elements of something else than a product";
  if (find_operator_or_null(layout.op("sample")) == nullptr) return "the layout samples no products";
  const Call call = call_of(draft, product);
  const ValueId a = draft.node(product).inputs[0], b = draft.node(product).inputs[1];
  if (draft.type(a).rank() != 2 || draft.type(b).rank() != 2) return "the product is none of two matrices";
  std::vector<ValueId> operands{call.flag("transpose_a") ? transposed(draft, at, a) : a,
                                call.flag("transpose_b") ? b : transposed(draft, at, b)};
  if (move >= 0) std::swap(operands[0], operands[1]);
  operands.insert(operands.end(), take.inputs.begin() + 1, take.inputs.end());
  become_call(draft, at, layout.op("sample"), operands, take.attributes);
  tag(draft, at, take.origin, layout.op("sample"));
  return "";
}

// All takes of what is made of a product, so that it goes with the last of them.
std::string sample(Draft& draft, const SparseNode& take) {
  const std::vector<int> products = products_behind(draft, draft.node(take.at).inputs[0]);
  if (products.empty()) return "it takes elements of something else than a product";
  const Draft::Mark mark = draft.mark();
  StoredElements elements(draft, take);
  std::vector<int> taken;
  for (const int at : takes_of(draft, products[0], take)) {
    const ValueId whole = draft.node(at).inputs[0], made = draft.node(at).outputs[0];
    const bool is_product = maker(draft, whole, "matmul") >= 0 || filter_gradient(draft, draft.node(at)) >= 0;
    if (is_product && !elements.knows(whole)) {
      elements.know(whole, made);
      taken.push_back(at);
    } else if (const ValueId value = elements.of(whole, false, at); value != made) {
      pass_over(draft, at, value);
    }
  }
  taken.insert(taken.end(), elements.takes().begin(), elements.takes().end());
  std::string reason = "what it takes is made of no product alone";
  bool edited = false;
  for (const int at : taken) {
    const std::string why = sample_product(draft, at, *take.layout);
    edited |= why.empty();
    if (!why.empty()) reason = why;
  }
  if (!edited) draft.rollback(mark);
  return edited ? "" : reason;
}

void convolve(Draft& draft, int at, const Matrix& matrix) {
  const bool is_gradient = draft.node(at).op == "conv_input_gradient";
  const std::string op = matrix.dense.layout->op(is_gradient ? "conv_input" : "conv");
  const Call call = call_of(draft, at);
  const Node node = draft.node(at);
  Product made = product_of(draft, matrix, node.inputs[0], false, false);
  const Shape& filters = draft.type(node.inputs[1]).shape;
  made.attributes = convolution_attributes(call, made.attributes, filters);
  if (is_gradient) made.attributes["input_size"] = call.attributes().at("input_size");
  if (is_gradient || !call.has(2)) {
    become_call(draft, at, op, made.operands, made.attributes);
    return;
  }
  const ValueId plain = insert_call(draft, at, op, made.operands, made.attributes);
  Shape along(filters.size() - 1, Dim(1));  // of [N, K, ...] without N
  along[0] = filters[0];
  const ValueId bias = insert_call(draft, at, "reshape", {node.inputs[2]}, {{"shape", along}});
  become_call(draft, at, "add", {plain, bias});
}

// What is not stored adds nothing to a sum of all elements. Along an axis a sum is a product with ones.
void sum_up(Draft& draft, int at, const Matrix& matrix) {
  const Shape result = draft.type(draft.node(at).outputs[0]).shape;
  ValueId sums = no_value;
  if (sums_all(draft, at)) {
    if (result.empty()) return become_call(draft, at, "sum", {matrix.values});
    sums = insert_call(draft, at, "sum", {matrix.values});
  } else {
    const Call call = call_of(draft, at);
    const int axis = call.axes("axes", call.input(0).rank())[0];
    const Shape column{call.size(0, axis), 1};
    const ValueId ones = insert_call(draft, at, "fill", {}, {{"shape", column}, {"value", 1.0}, {"dtype", call.input(0).dtype}});
    const Product product = product_of(draft, matrix, ones, axis == 0, false);
    sums = insert_call(draft, at, matrix.dense.layout->op("matmul"), product.operands, product.attributes);
  }
  become_call(draft, at, "reshape", {sums}, {{"shape", result}});
}

// Why a reader of the matrix cannot read what is stored; "" where it can.
std::string refusal(const Draft& draft, const SparseReader& reader, const SparseLayout& layout) {
  const Node& node = draft.node(reader.at);
  const Call call = call_of(draft, reader.at);
  if (node.op == "sum") {
    const bool is_product = !sums_all(draft, reader.at);
    return is_product && find_operator_or_null(layout.op("matmul")) == nullptr ? "the layout has no products" : "";
  }
  if (is_convolution(node)) {
    if (find_operator_or_null(layout.op(node.op == "conv" ? "conv" : "conv_input")) == nullptr) return "the layout has no convolutions";
    return call.integer("groups") != 1 ? "it convolves in groups" : "";
  }
  const bool by_rows = node.inputs[1] == reader.matrix;
  const int rank = draft.type(node.inputs[by_rows ? 0 : 1]).rank();
  if (!by_rows) return rank != 2 ? "it multiplies other than a matrix" : "";
  if (rank < 2) return "it multiplies a vector";
  return call.flag("transpose_a") && rank > 2 ? "it multiplies a batch of transposed matrices" : "";
}

// One of the readers, by what is stored.
std::string multiply(Draft& draft, const SparseReader& reader, const SparseNode& dense, StoredElements& elements) {
  const int at = reader.at;
  if (std::string why = refusal(draft, reader, *dense.layout); !why.empty()) return why;
  const std::vector<std::string> origin = draft.node(dense.at).origin;
  const Matrix matrix{dense, elements.of(reader.matrix, reader.transposed, at), reader.transposed};
  if (draft.node(at).op == "sum") {
    sum_up(draft, at, matrix);
    tag(draft, at, origin, dense.layout->op("sum"));
    return "";
  }
  if (is_convolution(draft.node(at))) {
    convolve(draft, at, matrix);
  } else if (draft.node(at).inputs[1] == reader.matrix) {
    multiply_rows(draft, at, matrix);
  } else {
    multiply_columns(draft, at, matrix);
  }
  // A bias or a transpose may stand behind it now.
  const int product = draft.node(at).op.starts_with(dense.layout->op("")) ? at : draft.producer(draft.node(at).inputs[0]);
  tag(draft, product, origin, std::string(draft.node(product).op));
  bind(draft, product);
  return "";
}

// All that are left, with the last of which the dense matrix goes.
std::string multiply_all(Draft& draft, const SparseNode& matrix) {
  if (find_operator_or_null(matrix.layout->op("matmul")) == nullptr) return "the layout has no products";
  std::string reason = "nothing multiplies it";
  bool edited = false;
  StoredElements elements(draft, matrix);
  for (const SparseReader& reader : sparse_readers(draft, matrix)) {
    const std::string why = multiply(draft, reader, matrix, elements);
    edited |= why.empty();
    if (!why.empty()) reason = why;
  }
  return edited ? "" : reason;
}

// Stores a matrix by rows instead, for whose products there are kernels. "" where that is done.
std::string convert(Draft& draft, const SparseNode& matrix) {
  if (!implementations_of(matrix.layout->op("matmul")).empty()) return "its layout has kernels of its own";
  const Node node = draft.node(matrix.at);
  std::vector<Array> components;
  for (const ValueId id : node.inputs) {
    if (!draft.value(id).constant) return "its elements are not known before the run";
    components.push_back(*draft.value(id).constant);
  }
  const Call call = call_of(draft, matrix.at);
  const LayoutChoice to = LayoutChoice::parse("csr");
  const Graph graph = unpacking(choice_of(*matrix.layout, call), components, evaluate(call.dims("size"), {}));
  const Array dense = run_at_once(graph, components)[0];
  std::vector<ValueId> operands;
  for (const Array& component : to.pack(dense, nonzero(dense))) operands.push_back(draft.add_constant(component));
  become_call(draft, matrix.at, to.layout->op("dense"), operands, attributes_of(to, call.dims("size")));
  return "";
}

// The node at the site's second place, if it multiplies by the matrix.
std::string multiply_one(Draft& draft, ValueId product, const SparseNode& matrix) {
  if (find_operator_or_null(matrix.layout->op("matmul")) == nullptr) return "the layout has no products";
  for (const SparseReader& reader : sparse_readers(draft, matrix)) {
    if (reader.at != draft.producer(product)) continue;
    StoredElements elements(draft, matrix);
    return multiply(draft, reader, matrix, elements);
  }
  return "it is no product with the matrix";
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  constexpr const char* none = "it is no sparse matrix";
  if (site.at.empty() || site.at.size() > 2) return none;
  SparseNode matrix = sparse_maker(draft, site.at[0], "dense");
  const bool converts = parameters.at("convert") != 0;
  if (matrix.at < 0 && (converts || site.at.size() == 2)) return none;
  if (site.at.size() == 2) return converts ? "a matrix is converted for all its products" : multiply_one(draft, site.at[1], matrix);
  if (converts) {
    if (std::string why = convert(draft, matrix); !why.empty()) return why;
    matrix.layout = &find_layout("csr");
  }
  if (matrix.at >= 0) return multiply_all(draft, matrix);
  const SparseNode take = sparse_maker(draft, site.at[0], "take");
  return take.at < 0 ? none : sample(draft, take);
}

// Whether elements are taken of what a product makes. Takes of one product are edited together, at the site of the oldest: those of the
// graph as written come ahead of such as an edit made.
bool is_sample(const Draft& draft, ValueId made) {
  const SparseNode take = sparse_maker(draft, made, "take");
  if (take.at < 0) return false;
  const std::vector<int> products = products_behind(draft, draft.node(take.at).inputs[0]);
  if (products.empty()) return false;
  const std::vector<int> takes = takes_of(draft, products[0], take);
  return std::all_of(takes.begin(), takes.end(), [&](int other) { return draft.node(other).outputs[0] >= made; });
}

// A matrix with all its products; then, where there are several, with each alone: the dense matrix stays for the others.
std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() || node.outputs.size() != 1) continue;
    const ValueId made = node.outputs[0];
    const SparseNode matrix = sparse_maker(draft, made, "dense");
    const std::vector<SparseReader> all = matrix.at < 0 ? std::vector<SparseReader>{} : sparse_readers(draft, matrix);
    if (!all.empty() || is_sample(draft, made)) sites.push_back({{made}});
    for (const SparseReader& reader : all) {
      if (all.size() > 1) sites.push_back({{made, draft.node(reader.at).outputs[0]}});
    }
  }
  return sites;
}

const RegisterTransformation multiply_sparse{{.name = "multiply_sparse",
                                              .level = 3,
                                              .about = "products with sparsely stored matrices leave out what is not stored",
                                              .parameters = {{"convert", 0, 0, 1}},
                                              .find = find,
                                              .apply = apply,
                                              .gain_in_cache = 0.2}};

}  // namespace
}  // namespace neap::multiply_sparse_transformation

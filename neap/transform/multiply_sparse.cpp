// Products with a matrix that is stored sparsely leave out what is not stored: L_dense and then matmul becomes L_matmul, and elements that
// L_take picks from a dense product (the gradient of the stored values) become L_sample; convolutions and their gradients become those of
// layouts/sparse_conv.h. convert=1: a matrix that is known, in a layout without kernels, is stored by rows first. Where the cost model sees
// no gain, out of cache and in it, the matrix is made dense and multiplied as such; be it for one of its products alone.
#include <algorithm>

#include "neap/ir/origin.h"
#include "neap/layouts/packing.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/runtime/library.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::multiply_sparse_transformation {
namespace {

// The node that makes a value, if it is the operator `what`, which nobody has claimed, of a layout that leaves elements out.
struct Sparse {
  const SparseLayout* layout = nullptr;
  int at = -1;
};
Sparse sparse_maker(const Draft& draft, ValueId value, std::string_view what) {
  const int at = value == no_value ? -1 : draft.producer(value);
  if (at < 0 || draft.node(at).is_map() || !draft.node(at).implementation.empty()) return {};
  std::string_view kind;
  const SparseLayout* layout = layout_of_operator(draft.node(at).op, kind);
  return layout != nullptr && layout->leaves_out && kind == what ? Sparse{layout, at} : Sparse{};
}

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

// The operands and attributes of L_matmul of the matrix that node `matrix` makes and x.
struct Product {
  std::vector<ValueId> operands;
  Attributes attributes;
};
Product product_of(const Draft& draft, const Sparse& matrix, ValueId x, bool transpose, bool features_first) {
  const Node& dense = draft.node(matrix.at);
  Product made{{x}, dense.attributes};
  made.operands.insert(made.operands.end(), dense.inputs.begin(), dense.inputs.end());
  made.operands[1] = stored(draft, made.operands[1], draft.type(x).dtype);
  if (transpose) made.attributes["transpose"] = true;
  if (features_first) made.attributes["features_first"] = true;
  return made;
}

// y = x W or x W^T, of rows x.
std::string multiply_rows(Draft& draft, int at, const Sparse& matrix) {
  const Call call = call_of(draft, at);
  const std::string op = matrix.layout->op("matmul");
  const bool ta = call.flag("transpose_a"), tb = call.flag("transpose_b");
  const ValueId x = draft.node(at).inputs[0];
  if (draft.type(x).rank() < 2) return "it multiplies a vector";
  if (ta && draft.type(x).rank() > 2) return "it multiplies a batch of transposed matrices";
  if (ta) {
    const Product product = product_of(draft, matrix, x, !tb, false);
    const ValueId columns = insert_call(draft, at, op, product.operands, product.attributes);
    become_call(draft, at, "transpose", {columns}, {{"permutation", std::vector<std::int64_t>{1, 0}}});
    return "";
  }
  const Product product = product_of(draft, matrix, x, !tb, true);
  become_call(draft, at, op, product.operands, product.attributes);
  return "";
}

// y = W x or W^T x.
std::string multiply_columns(Draft& draft, int at, const Sparse& matrix) {
  const Call call = call_of(draft, at);
  const ValueId x = draft.node(at).inputs[1];
  if (draft.type(x).rank() != 2) return "it multiplies other than a matrix";
  const ValueId columns = call.flag("transpose_b") ? transposed(draft, at, x) : x;
  const Product product = product_of(draft, matrix, columns, call.flag("transpose_a"), false);
  become_call(draft, at, matrix.layout->op("matmul"), product.operands, product.attributes);
  return "";
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
std::string sample(Draft& draft, int at, const SparseLayout& layout) {
  const Node take = draft.node(at);
  if (const int gradient = filter_gradient(draft, take); gradient >= 0) return sample_filters(draft, at, gradient, layout);
  const int product = maker(draft, take.inputs[0], "matmul");
  if (product < 0) return "it takes elements of something else than a product";
  if (find_operator_or_null(layout.op("sample")) == nullptr) return "the layout samples no products";
  const Call call = call_of(draft, product);
  const ValueId a = draft.node(product).inputs[0], b = draft.node(product).inputs[1];
  if (draft.type(a).rank() != 2 || draft.type(b).rank() != 2) return "the product is none of two matrices";
  std::vector<ValueId> operands{call.flag("transpose_a") ? transposed(draft, at, a) : a,
                                call.flag("transpose_b") ? b : transposed(draft, at, b)};
  operands.insert(operands.end(), take.inputs.begin() + 1, take.inputs.end());
  become_call(draft, at, layout.op("sample"), operands, take.attributes);
  tag(draft, at, take.origin, layout.op("sample"));
  return "";
}

bool is_convolution(const Node& node) { return is_call_of(node, "conv") || is_call_of(node, "conv_input_gradient"); }

// Convolutions by the filters that `reshape` makes of a matrix, and gradients of their inputs.
std::vector<int> convolutions(const Draft& draft, int reshape) {
  std::vector<int> found;
  if (!is_call_of(draft.node(reshape), "reshape")) return found;
  const ValueId filters = draft.node(reshape).outputs[0];
  for (const int user : draft.users_in_order(filters)) {
    if (is_convolution(draft.node(user)) && draft.node(user).inputs[1] == filters) found.push_back(user);
  }
  return found;
}

std::string convolve(Draft& draft, int at, const Sparse& matrix) {
  const bool is_gradient = draft.node(at).op == "conv_input_gradient";
  const std::string op = matrix.layout->op(is_gradient ? "conv_input" : "conv");
  if (find_operator_or_null(op) == nullptr) return "the layout has no convolutions";
  const Call call = call_of(draft, at);
  if (call.integer("groups") != 1) return "it convolves in groups";
  const Node node = draft.node(at);
  Product made = product_of(draft, matrix, node.inputs[0], false, false);
  const Shape& filters = draft.type(node.inputs[1]).shape;
  made.attributes = convolution_attributes(call, made.attributes, filters);
  if (is_gradient) made.attributes["input_size"] = call.attributes().at("input_size");
  if (is_gradient || !call.has(2)) {
    become_call(draft, at, op, made.operands, made.attributes);
    return "";
  }
  const ValueId plain = insert_call(draft, at, op, made.operands, made.attributes);
  Shape along(filters.size() - 1, Dim(1));  // of [N, K, ...] without N
  along[0] = filters[0];
  const ValueId bias = insert_call(draft, at, "reshape", {node.inputs[2]}, {{"shape", along}});
  become_call(draft, at, "add", {plain, bias});
  return "";
}

// What multiplies by the matrix, as it is or as filters.
std::vector<int> products(const Draft& draft, const Sparse& matrix) {
  std::vector<int> found;
  for (const int user : draft.users_in_order(draft.node(matrix.at).outputs[0])) {
    if (is_call_of(draft.node(user), "matmul")) found.push_back(user);
    for (const int at : convolutions(draft, user)) found.push_back(at);
  }
  return found;
}

// One of them, by what is stored.
std::string multiply(Draft& draft, int at, const Sparse& matrix) {
  const std::vector<std::string> origin = draft.node(matrix.at).origin;
  const bool by_rows = draft.node(at).inputs[1] == draft.node(matrix.at).outputs[0];
  std::string why = is_convolution(draft.node(at)) ? convolve(draft, at, matrix)
                    : by_rows                      ? multiply_rows(draft, at, matrix)
                                                   : multiply_columns(draft, at, matrix);
  if (!why.empty()) return why;
  // A bias or a transpose may stand behind it now.
  const int product = draft.node(at).op.starts_with(matrix.layout->op("")) ? at : draft.producer(draft.node(at).inputs[0]);
  tag(draft, product, origin, std::string(draft.node(product).op));
  bind(draft, product);
  return "";
}

// All that are left, with the last of which the dense matrix goes.
std::string multiply_all(Draft& draft, const Sparse& matrix) {
  if (find_operator_or_null(matrix.layout->op("matmul")) == nullptr) return "the layout has no products";
  std::string reason = "nothing multiplies it";
  bool edited = false;
  for (const int at : products(draft, matrix)) {
    const std::string why = multiply(draft, at, matrix);
    edited |= why.empty();
    if (!why.empty()) reason = why;
  }
  return edited ? "" : reason;
}

// Stores a matrix by rows instead, for whose products there are kernels. "" where that is done.
std::string convert(Draft& draft, const Sparse& matrix) {
  if (!implementations_of(matrix.layout->op("matmul")).empty()) return "its layout has kernels of its own";
  const Node node = draft.node(matrix.at);
  std::vector<Array> components;
  for (const ValueId id : node.inputs) {
    if (!draft.value(id).constant) return "its elements are not known before the run";
    components.push_back(*draft.value(id).constant);
  }
  const Call call = call_of(draft, matrix.at);
  const LayoutChoice to = LayoutChoice::parse("csr");
  const Array dense = unpack(choice_of(*matrix.layout, call), components, evaluate(call.dims("size"), {}));
  std::vector<ValueId> operands;
  for (const Array& component : to.pack(dense, nonzero(dense))) operands.push_back(draft.add_constant(component));
  become_call(draft, matrix.at, to.layout->op("dense"), operands, attributes_of(to, call.dims("size")));
  return "";
}

// The node at the site's second place, if it multiplies by the matrix.
std::string multiply_one(Draft& draft, ValueId product, const Sparse& matrix) {
  if (find_operator_or_null(matrix.layout->op("matmul")) == nullptr) return "the layout has no products";
  const std::vector<int> all = products(draft, matrix);
  const int at = draft.producer(product);
  return std::find(all.begin(), all.end(), at) == all.end() ? "it is no product with the matrix" : multiply(draft, at, matrix);
}

std::string apply(Draft& draft, const Site& site, const Parameters& parameters) {
  constexpr const char* none = "it is no sparse matrix";
  if (site.at.empty() || site.at.size() > 2) return none;
  Sparse matrix = sparse_maker(draft, site.at[0], "dense");
  const bool converts = parameters.at("convert") != 0;
  if (matrix.at < 0 && (converts || site.at.size() == 2)) return none;
  if (site.at.size() == 2) return converts ? "a matrix is converted for all its products" : multiply_one(draft, site.at[1], matrix);
  if (converts) {
    if (std::string why = convert(draft, matrix); !why.empty()) return why;
    matrix.layout = &find_layout("csr");
  }
  if (matrix.at >= 0) return multiply_all(draft, matrix);
  const Sparse take = sparse_maker(draft, site.at[0], "take");
  return take.at < 0 ? none : sample(draft, take.at, *take.layout);
}

// A matrix with all its products; then, where there are several, with each alone: the dense matrix stays for the others.
std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.is_map() || node.outputs.size() != 1) continue;
    const ValueId made = node.outputs[0];
    const Sparse matrix = sparse_maker(draft, made, "dense");
    const std::vector<int> all = matrix.at < 0 ? std::vector<int>{} : products(draft, matrix);
    const bool is_sample =
        sparse_maker(draft, made, "take").at >= 0 && (maker(draft, node.inputs[0], "matmul") >= 0 || filter_gradient(draft, node) >= 0);
    if (!all.empty() || is_sample) sites.push_back({{made}});
    for (const int product : all) {
      if (all.size() > 1) sites.push_back({{made, draft.node(product).outputs[0]}});
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

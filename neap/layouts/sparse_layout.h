// layouts/: how the elements of a sparse matrix are stored. A layout is one file: its components (the stored values first, then where they
// stand), the index rule that says which element of the matrix each stored value is, and how a dense matrix is packed. A sparse matrix is
// in a graph as its components, ordinary values that are trained, saved and planned like any other, under an operator that says what they
// mean. From the index rule come, for a layout L:
//   L_dense   (values, places...)       -> the matrix, [rows, columns]
//   L_take    (dense, places...)        -> values: the elements of a dense matrix at L's places
//   L_matmul  (x, values, places...)    -> y[r, f] = sum over the stored w[r, c] of w[r, c] * x[c, f]; transposed: y[c, f] from x[r, f];
//                                          features_first: x and y are [f..., c] and [f..., r], as a layer's input and result are;
//                                          16-bit values beside an x of f32 are storage: products and sums are f32
//   L_sample  (a, b, places...)         -> values: sum over f of a[r, f] * b[c, f] at L's places
//   L_places  (keep)                    -> the places of what a mask keeps; of layouts that can be packed while a graph runs
// They are closed under gradients. What is not stored is 0 and is not multiplied: an infinite x meets no zero of the matrix.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neap/layouts/choice_text.h"
#include "neap/ops/builder.h"

namespace neap {

// The stored elements, in the words of a definition.
struct StoredPoints {
  std::vector<Axis> axes;   // of the map: a point each stored element
  Expr row, column;         // i64
  std::vector<Expr> place;  // the element's index into `values`
  Expr inside;              // whether the point is an element at all; empty: all are (padding, masks)
};

// A layout with its numbers: "nmg n=2 m=4 g=16"; "... values=bf16" stores the values so, of whatever dtype the matrix is.
struct SparseLayout;
struct LayoutChoice {
  const SparseLayout* layout = nullptr;
  Attributes parameters;                       // complete
  std::optional<DType> values = std::nullopt;  // as the matrix where none

  static LayoutChoice parse(std::string_view text);  // Error for a layout or a parameter that there is not, or one out of its range
  std::string to_string() const;
  std::vector<Array> pack(const Array& dense, const Array& keep) const;  // the components, with their values as they are stored
};

// What masks a layout stores whatever their elements are, as a graph must know before it runs (sparse/sparsifier.h): any; those of
// sparsifiers that say they make what it stores; those of sparsifiers that keep as many elements of each row.
enum class RunningMasks : std::uint8_t { any, known, even_rows };

struct SparseLayout {
  std::string name, about;
  std::vector<InputSpec> components;  // values, then places
  std::vector<ChoiceNumber> numbers;  // whole ones
  // The index rule. `first`: the operand that holds the first place. The call has the attributes `size` (rows, columns) and the numbers.
  std::function<StoredPoints(Definition& d, int first)> points;
  // The values' sizes, from the types of the places.
  std::function<Shape(const Call& call, int first)> values_shape;
  // The places' shapes, by the call's attributes; how many elements are stored only the places themselves say. Whoever runs a call takes
  // sizes from its attributes, so that a call of other places is refused. Null: the layout's own operators look themselves.
  std::function<std::vector<Shape>(const Call& call, int first)> place_shapes = nullptr;
  // The components that store the elements of `dense` [rows, columns] where `keep` (bool, of the same sizes) is true. Error where they
  // cannot be stored so.
  std::function<std::vector<Array>(const Array& dense, const Array& keep, const Attributes& numbers)> pack;
  // For weights whose layout is chosen by cost: the numbers with which it stores what a mask (bool, a matrix) keeps and nothing else, where
  // there are such. Null: it is for who names it.
  std::function<std::vector<Attributes>(const Array& keep)> fits = nullptr;
  // Error, naming the component, where components from outside are not what `pack` could have made for a matrix of these sizes: wrong
  // sizes, places out of range, unsorted or twice.
  std::function<void(const std::vector<Array>& components, const Sizes& size, const Attributes& numbers)> check;
  // In place of what follows from `points`, which may then be empty: the matrix, its product with x, and the sampled product, of the
  // operands of L_dense, L_matmul and L_sample.
  std::function<Var(Builder&build, const std::vector<Var>&operands, const Call&call)> dense = nullptr, product = nullptr, sample = nullptr;
  // The places of the elements for which `keep` (bool, a matrix of known sizes) is true, as many as the attribute `count` says, in a
  // graph: for matrices that are made sparse while it runs. `call`: of L_places; it fails for sizes that cannot be stored so. Null: it
  // packs only before that.
  std::function<std::vector<Var>(Builder& build, const Var& keep, const Call& call)> places = nullptr;
  RunningMasks masks = RunningMasks::any;  // that `places` takes
  // false: it stores what is not kept too, in arrays of the sizes that the parameter has (`size` may have any rank), so that dense products
  // are its own.
  bool leaves_out = true;

  std::string op(std::string_view what) const { return name + "_" + std::string(what); }
};

// `static const RegisterLayout csr{{.name = "csr", ...}};` registers the operators too.
struct RegisterLayout {
  explicit RegisterLayout(SparseLayout layout);
};
const SparseLayout& find_layout(std::string_view name);  // Error with the names there are
std::vector<const SparseLayout*> all_layouts();          // sorted by name
// The layout whose operator this is, and which: "csr_matmul" -> csr, "matmul". Null for another operator.
const SparseLayout* layout_of_operator(std::string_view op, std::string_view& what);

// The layout whose places an operator takes, of whatever kind, and the operand that holds the first of them. Null for another operator.
const SparseLayout* layout_of_places(std::string_view op, int& first);

// A layout with the numbers that the call of one of its operators has.
LayoutChoice choice_of(const SparseLayout& layout, const Call& call);
// Filters [out, in, window...] count as a matrix of `out` rows.
Sizes matrix_sizes(const Sizes& sizes);
// The attributes of a layout's operators for a matrix of these sizes.
Attributes attributes_of(const LayoutChoice& choice, const Shape& size);
// Bytes of all components.
std::int64_t stored_bytes(const std::vector<Array>& components);
// A graph that makes of these components, its inputs, the matrix that they store.
Graph unpacking(const LayoutChoice& choice, const std::vector<Array>& components, const Sizes& size);

}  // namespace neap

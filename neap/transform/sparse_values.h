// What becomes of a sparsely stored matrix on its way to where it is multiplied: it is transposed, scaled, taken elementwise functions of.
// As long as that makes 0 of what is not stored, it can be done to the stored values alone: an element is stored once at most (the layouts'
// `check`).
#pragma once
#include <map>
#include <utility>
#include <vector>

#include "neap/layouts/sparse_layout.h"
#include "neap/transform/call_edit.h"

namespace neap {

// The node that makes a value, if it is the operator `what`, which nobody has claimed, of a layout that leaves elements out.
struct SparseNode {
  const SparseLayout* layout = nullptr;
  int at = -1;
};
SparseNode sparse_maker(const Draft& draft, ValueId value, std::string_view what);

// The values that are 0 wherever the matrix of an L_dense node stores nothing, in the order in which they are made: the matrix, itself
// transposed or in another shape, and what elementwise operators that make 0 of 0 compute of these. `second`: they stand transposed.
using SparseForms = std::vector<std::pair<ValueId, bool>>;
SparseForms sparse_forms(const Draft& draft, SparseNode dense);

bool sums_all(const Draft& draft, int at);  // all elements of its operand, by `sum`
bool is_convolution(const Node& node);      // by filters, or the gradient of its input

// What reads one of these as a matrix of the stored places, or sums it up: products, convolutions by it as filters, sums.
// By the order in which they run.
struct SparseReader {
  int at = -1;
  ValueId matrix = no_value;  // the form that it reads
  bool transposed = false;
};
std::vector<SparseReader> sparse_readers(const Draft& draft, SparseNode dense);

// The products of matrices, and gradients of filters, of which a value is made elementwise.
std::vector<int> products_behind(const Draft& draft, ValueId value);
// The nodes that take elements at the same places as `take` of what is made elementwise of what a product makes.
std::vector<int> takes_of(const Draft& draft, int product, SparseNode take);

// Elements at the places of an L_dense or L_take node, computed there alone.
class StoredElements {
 public:
  StoredElements(Draft& draft, SparseNode node);

  // Of a value with as many elements as the matrix; `transposed`: those of its transpose. What is made elementwise of a matrix at these
  // places, or of a product, is computed of elements; of anything else they are taken. `before`: the node that reads them.
  ValueId of(ValueId value, bool transposed, int before);
  void know(ValueId value, ValueId elements) { known_[{value, false}] = elements; }
  bool knows(ValueId value) const { return known_.contains({value, false}); }
  const std::vector<int>& takes() const { return takes_; }  // the L_take nodes that were inserted

 private:
  ValueId computed(const Node& node, const Map& map, bool transposed, int before);
  ValueId operand(ValueId value, const Shape& whole, bool transposed, int before);
  ValueId taken(ValueId value, bool transposed, int before);
  ValueId inside(int before);
  bool pays(ValueId value) const;
  bool has_places(int dense) const;

  Draft& draft_;
  const SparseLayout& layout_;
  std::vector<ValueId> places_;
  Attributes attributes_;
  std::vector<std::string> origin_;  // the matrix's
  Shape size_;
  bool pads_ = false;  // some of the places may be outside of the matrix
  std::map<std::pair<ValueId, bool>, ValueId> known_;
  ValueId inside_ = no_value;
  std::vector<int> takes_;
};

}  // namespace neap

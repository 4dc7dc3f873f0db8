// Output formats: how a value that a graph makes is kept, be it the result of an operator, a gradient, or anything between. As in STen
// (Ivanov et al. 2023, arXiv:2304.07613) a format has four parts: a sparsifier that runs in the loop that makes the elements, the layout
// between, one that may look at the whole, and the layout in the end.
#pragma once
#include <array>
#include <string>
#include <string_view>

#include "neap/layouts/sparse_layout.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {

// The text of a layout; "dense", or nothing: no layout.
LayoutChoice layout_or_dense(std::string_view text);
std::string text_of(const LayoutChoice& layout);

struct OutputFormat {
  SparsifierChoice inline_sparsifier;  // looks at each element alone
  LayoutChoice temporary;              // no layout: dense
  SparsifierChoice external_sparsifier;
  LayoutChoice layout;

  // "threshold least=0.1 | dense | magnitude sparsity=0.9 | csr"; parts from the end may be left out: then they are keep_all and dense.
  // Error for an inline sparsifier that must see more than an element, and for what cannot be done while a graph runs.
  static OutputFormat parse(std::string_view text);
  std::array<std::string, 4> parts() const;
  std::string to_string() const;
  bool keeps_all() const;  // in dense layout: nothing is done
  bool draws() const;      // a sparsifier of it takes a seed
};

// What sparsifiers of a format take besides the value.
struct FormatInputs {
  Var seed, mask;           // one integer; bool, which broadcasts to the value's shape
  std::int64_t stream = 0;  // see Running
};

// The value in this format. A matrix is [all sizes but the last, the last]. In a sparse layout it is the operator L_dense of its
// components, so that products with it leave out what is not stored (transform/multiply_sparse.cpp). Error where a layout's components have
// no size that is known before the run.
Var in_format(Builder& build, const Var& value, const OutputFormat& format, const FormatInputs& inputs);

// The operators: `keep` (x, seed, mask) is the mask of a sparsifier, `sparsify` is x with zeros; `format_cotangent` is x, whose gradient is
// brought into a format, `straight_through` (x, to) is x, whose gradient is given to `to`. The last two are nothing in a graph that has its
// gradients: here they go.
void drop_cotangent_formats(Graph& graph);

}  // namespace neap::sparse

// Plans: which parameters of a network are made sparse, by which sparsifier, and stored in which layout. Nothing of the network is edited
// by hand: parameters are found by their names.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "neap/layouts/sparse_layout.h"
#include "neap/nn/module.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {

struct WeightRule {
  std::string names;  // of parameters; '*' stands for any characters
  SparsifierChoice sparsifier;
  LayoutChoice layout;
};

// The first rule that fits a name counts.
struct SparsityPlan {
  std::vector<WeightRule> weights;
  std::uint64_t seed = 0;  // of random sparsifiers

  // A rule; the layout may be empty: then it is the one that stores what the sparsifier makes (nm, nmg, blocks), else csr.
  SparsityPlan& add(std::string names, std::string_view sparsifier, std::string_view layout = "");
  // {"weights": [{"names": "encoder.*.weight", "sparsifier": "nmg n=2 m=4 g=16", "layout": "nmg n=2 m=4 g=16"}], "seed": 0}. Error naming
  // what is wrong and where.
  static SparsityPlan parse_json(std::string_view text, const std::string& place);
  std::string to_json() const;
};

struct SparsifiedWeight {
  std::string name, layout;
  Sizes sizes;
  double sparsity = 0, energy = 0;  // share of zeros; share of the magnitudes that stays
  std::int64_t dense_bytes = 0, stored_bytes = 0;
  Array mask;  // bool, of the matrix's sizes
};

// Sparsifies the parameters that rules name, as they are: each becomes the components of its layout, of which the values are trained and
// the places are buffers. Filters [out, in, window...] count as matrices of `out` rows. Error for a rule that names no parameter, only
// vectors, or what is composed already; nothing is changed then.
std::vector<SparsifiedWeight> sparsify(Module& module, const SparsityPlan& plan);
// What is kept: what the sparsifiers choose, or all that is not zero (of a file that was sparsified before).
enum class Keep : std::uint8_t { chosen, nonzero };

// The same for a graph whose parameters are inputs, with their values (see OnnxReadOptions::parameters): components become inputs.
std::vector<SparsifiedWeight> sparsify(Graph& graph, std::map<std::string, Array>& parameters, const SparsityPlan& plan,
                                       Keep keep = Keep::chosen);
// Parameters with what was not kept of them set to zero, in the sizes that they had: for files that others read.
std::map<std::string, Array> with_zeros(std::map<std::string, Array> parameters, const std::vector<SparsifiedWeight>& sparsified);
// The graph with its parameters and state as constants. Error where one has no elements.
Graph with_constants(const Graph& graph, const std::map<std::string, Array>& parameters);

bool matches(std::string_view pattern, std::string_view name);

}  // namespace neap::sparse

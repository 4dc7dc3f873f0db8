// Plans: which parameters of a network are made sparse, by which sparsifier, and stored in which layout, and in which formats other values
// and gradients are kept. Nothing of the network is edited by hand: all are found by their names.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "neap/layouts/sparse_layout.h"
#include "neap/nn/module.h"
#include "neap/sparse/auto_layout.h"
#include "neap/sparse/format.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {

// What is kept: what the sparsifier chooses, or all that is not zero (of a file that was sparsified before).
enum class Keep : std::uint8_t { chosen, nonzero };

struct WeightRule {
  std::string names;  // of parameters; '*' stands for any characters
  SparsifierChoice sparsifier;
  LayoutChoice layout;                       // none: a dense parameter, with zeros where the sparsifier keeps nothing
  std::optional<AutoLayout> automatic = {};  // given: the cheapest layout of each weight, in place of `layout`
  Keep keep = Keep::chosen;                  // not part of JSON
  std::string layout_text() const;
};

// The format of values that a network makes. Their names: "block3/fc: matmul", what an operator of that layer makes; "block3/fc", what
// the layer gives. Of an ONNX file: "NODE: matmul" and "NODE". The floating-point values among them that fit are meant.
struct FormatRule {
  std::string names;
  OutputFormat format;
  Array mask;  // of the sparsifier same_format: bool, broadcasts to the value; not part of JSON
};

struct SparsifiedWeight {
  std::string name, layout;
  Sizes sizes;
  double sparsity = 0, energy = 0;  // share of zeros; share of the magnitudes that stays
  std::int64_t dense_bytes = 0, stored_bytes = 0;
  Array mask;                // bool, of the matrix's sizes
  Keep keep = Keep::chosen;  // nonzero: an earlier plan made it so
  std::size_t rule = 0;      // of the plan's
  // Where the layout was chosen: the modelled seconds of what uses the weight, the cheapest first.
  std::vector<std::pair<std::string, double>> prices = {};
};

// The first rule of each list that fits a name counts.
struct SparsityPlan {
  std::vector<WeightRule> weights;
  std::vector<FormatRule> outputs;
  // Of gradients, of these values and of parameters by their names. A weight that is stored sparsely has a gradient where it is stored, and
  // a rule is for that; "keep_all" of a weight in the layout masked gives it a gradient everywhere (straight through the mask).
  std::vector<FormatRule> gradients;
  std::uint64_t seed = 0;  // of random sparsifiers
  // What sparsifiers look at beside the weights, by the parameter's name, each of its sizes: how much each element is worth (SNIP, Wanda;
  // none: its magnitude), and the mask that same_format keeps. Not part of JSON.
  std::map<std::string, Array> scores, masks;

  bool empty() const { return weights.empty() && outputs.empty() && gradients.empty(); }  // of rules
  // A rule; the layout may be empty: then it is the one that stores what the sparsifier makes (nm, nmg, blocks; dense of keep_all), else
  // csr. "auto": for each weight the cheapest of the layouts that store its mask exactly, see auto_layout.h. A weight by keep_all alone
  // stays as it is: a rule behind that fits its name does not count.
  SparsityPlan& add(std::string names, std::string_view sparsifier, std::string_view layout = "");
  // See OutputFormat::parse for the format's text. Error where it is none.
  SparsityPlan& output(std::string names, std::string_view format, Array mask = {});
  SparsityPlan& gradient(std::string names, std::string_view format, Array mask = {});
  // Puts a plan that was carried out before behind this one: its rules stay in force for what these rules do not name, and what it made
  // sparse is as it is (`same_format` of this plan keeps that mask). Error where both draw at random, by different seeds.
  SparsityPlan& go_on(const SparsityPlan& before);
  // The same plan with layouts as they were chosen, a rule for each weight, and without rules that took none.
  SparsityPlan settled(const std::vector<SparsifiedWeight>& sparsified) const;
  // {"weights": [{"names": "encoder.*.weight", "sparsifier": "nmg n=2 m=4 g=16", "layout": "nmg n=2 m=4 g=16"}],
  //  "outputs": [{"names": "block*/relu", "inline": "threshold least=0.1", "temporary": "dense", "external": "keep_all", "layout":
  //  "dense"}], "gradients": [as outputs], "seed": 0}. Error naming what is wrong and where.
  static SparsityPlan parse_json(std::string_view text, const std::string& place);
  std::string to_json() const;  // Error where a rule has a mask, or there are scores or masks of weights
};

// Sparsifies the parameters that rules name, as they are: each becomes the components of its layout, of which the values are trained and
// the places are buffers (one in the layout dense stays a parameter). A sparsifier such as global_magnitude judges all that its rule takes
// together. Filters [out, in, window...] count as matrices of `out` rows. Error for a rule that names no parameter, only
// vectors, or what is composed already; nothing is changed then. Formats of other values and of gradients take effect whenever the module
// computes or is traced, as its RecordEdit: a rule that fits no value is an Error then. A module takes one plan with formats.
std::vector<SparsifiedWeight> sparsify(Module& module, const SparsityPlan& plan);
// The same for a graph whose parameters are inputs, with their values (see OnnxReadOptions::parameters): components become inputs, formats
// operators; all rules must fit.
std::vector<SparsifiedWeight> sparsify(Graph& graph, std::map<std::string, Array>& parameters, const SparsityPlan& plan);
// Parameters with what was not kept of them set to zero, in the sizes that they had: for files that others read.
std::map<std::string, Array> with_zeros(std::map<std::string, Array> parameters, const std::vector<SparsifiedWeight>& sparsified);
// The graph with its parameters and state as constants. Error where one has no elements.
Graph with_constants(const Graph& graph, const std::map<std::string, Array>& parameters);

bool matches(std::string_view pattern, std::string_view name);

}  // namespace neap::sparse

// What became of the sparsely stored matrices of a graph: by which implementations they are multiplied, and which are made dense.
#pragma once
#include <string>
#include <vector>

#include "neap/transform/optimizer.h"

namespace neap {

struct SparseUse {
  std::string matrix;  // where it came from: "block1/fc.weight"
  std::string layout;  // with its numbers
  // The operators that took its places, and how each runs: "nmg_matmul by native", "csr_sample by generated loops".
  std::vector<std::string> by;
  // What is made dense: "csr_dense", for all products or for those that `by` does not have, or "csr_take" of a dense gradient; empty:
  // nothing.
  std::string dense;
  std::vector<std::string> dense_for;  // what reads it so: "conv_input_gradient"
  double dense_bytes = 0;              // of it, written once, at the sizes of the cost model
  std::string reason;                  // why
};

// In the order of the graph as written, which `optimizer` began with. Layouts that store whole matrices (masked) are not looked at.
std::vector<SparseUse> sparse_uses(const Graph& written, const Optimizer& optimizer);
// "sparse: block1/fc.weight (csr): csr_matmul by native"; a line each, two where a part is dense, which begins with `before`.
std::string to_string(const std::vector<SparseUse>& uses, std::string_view before = "");

// What is done about matrices that are made dense: said once in a run of the program for each, on standard error; an Error; nothing.
enum class DenseFallback : std::uint8_t { said, refused, silent };
void handle(const std::vector<SparseUse>& uses, DenseFallback policy);
// Of a graph that was optimised at this level: below 3 everything is dense, which is no news, and refused if it is to be.
void handle(const Graph& written, const Optimizer& optimizer, int level, DenseFallback policy);

}  // namespace neap

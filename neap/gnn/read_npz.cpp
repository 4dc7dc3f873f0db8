#include "neap/base/error.h"
#include "neap/files/npz.h"
#include "neap/gnn/read.h"
#include "neap/gnn/sparse_rows.h"

namespace neap::gnn {
namespace {

// What scipy calls the form of the matrix; "csr" where nothing is said.
std::string form_of(const NamedArrays& arrays, const std::string& place) {
  const auto found = arrays.find("format");
  if (found == arrays.end()) return "csr";
  if (found->second.dtype() != DType::u8) throw Error("'format' is no text", place, "write the matrix with scipy.sparse.save_npz");
  return std::string(bytes_of(found->second));
}

// Arrays of as many rows as there are vertices, and the CSR matrix "attr_".
NamedArrays features_of(const NamedArrays& arrays, std::int64_t vertices, const std::string& place, std::int64_t memory_limit) {
  NamedArrays features;
  for (const auto& [name, array] : arrays) {
    if (name.starts_with("adj_") || name.starts_with("attr_") || array.rank() == 0 || array.size(0) != vertices) continue;
    features[name] = array;
  }
  if (arrays.contains("attr_indptr")) {
    const SparseRows matrix = sparse_rows(arrays, "attr_", place, memory_limit);
    if (matrix.rows() != vertices) {
      throw Error(fmt::format("attributes of {} vertices, where the graph has {}", matrix.rows(), vertices), place,
                  "the arrays do not belong together");
    }
    features["attr_indptr"] = matrix.csr.offsets;
    features["attr_indices"] = matrix.csr.indices;
    features["attr_data"] = matrix.values;
    features["attr_shape"] = arrays.at("attr_shape");
  }
  return features;
}

const RegisterFormat npz_format{{.name = "npz", .extensions = {".npz"}, .parse = parse_graph_npz}};

}  // namespace

GraphFile parse_graph_npz(std::string_view bytes, const std::string& place, const ReadOptions& options) {
  const NamedArrays arrays = parse_npz(bytes, place);
  const bool prefixed = arrays.contains("adj_indptr");
  const std::string form = prefixed ? "csr" : form_of(arrays, place);
  if (form != "csr" && form != "csc")
    throw Error(fmt::format("a matrix in the form {}", shown(form)), place, "convert it with .tocsr() before it is saved");
  const SparseRows matrix = sparse_rows(arrays, prefixed ? "adj_" : "", place, options.memory_limit);
  if (matrix.rows() != matrix.columns()) {
    throw Error(fmt::format("a matrix of {} rows and {} columns", matrix.rows(), matrix.columns()), place,
                "an adjacency has as many rows as columns");
  }
  check_asked(options, matrix.rows(), place);
  GraphFile file{.edges = {.vertices = matrix.rows(), .sources = rows_of_entries(matrix.csr), .targets = matrix.csr.indices}};
  if (form == "csc") std::swap(file.edges.sources, file.edges.targets);
  file.edges.edge_features["weight"] = matrix.values;
  if (prefixed) file.vertex_features = features_of(arrays, matrix.rows(), place, options.memory_limit);
  return file;
}

}  // namespace neap::gnn

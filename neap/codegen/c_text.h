// Pieces of C++ text: types, literals, sizes, scalar operations.
#pragma once
#include <string>
#include <vector>

#include "neap/ir/expr.h"

namespace neap {

std::string storage_type(DType dtype);  // "bf16"
std::string compute_type(DType dtype);  // "f32" for the 16-bit floats
std::string literal(DType dtype, double number, std::int64_t integer);
std::string identity_literal(Reduction reduction, DType dtype);
// A size; symbols become n0, n1, ... by their place in `symbols`: names of a model never reach the source.
std::string dim_text(const Dim& dim, const std::vector<std::string>& symbols);
std::string call_text(const Expr& call, const std::vector<std::string>& arguments);  // one scalar operation of named arguments
std::string cast_text(const std::string& value, DType from, DType to);
std::string fold_text(Reduction reduction, DType dtype, const std::string& so_far, const std::string& element);
std::string fold_function(Reduction reduction, DType dtype);  // a lambda of two
std::string comment_text(const std::string& name);            // only letters, digits and a few signs are left

}  // namespace neap

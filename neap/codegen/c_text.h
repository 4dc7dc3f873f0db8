// Pieces of C++ text: types, literals, sizes, scalar operations. The prelude's functions have a form for one element and a form for a
// vector, so an operation reads alike in both.
#pragma once
#include <string>
#include <vector>

#include "neap/ir/expr.h"

namespace neap {

// What a name stands for: one element, a vector of f32 or f64, or a vector of lanes that are true (-1) or false (0).
enum class Form : std::uint8_t { scalar, vector, mask };

std::string storage_type(DType dtype);                            // "bf16"
std::string compute_type(DType dtype, Form form = Form::scalar);  // "f32" for the 16-bit floats; "f32v"; "i32v" for a mask of f32 lanes
std::string literal(DType dtype, double number, std::int64_t integer);
std::string identity_literal(Reduction reduction, DType dtype);
// A size; symbols become n0, n1, ... by their place in `symbols`: names of a model never reach the source.
std::string dim_text(const Dim& dim, const std::vector<std::string>& symbols);

// One scalar operation of named arguments. `form` is the result's, `lanes` the dtype of the vector's elements; arguments of vector
// operations are vectors or masks.
std::string call_text(const Expr& call, const std::vector<std::string>& arguments, Form form, DType lanes);
// Whether there is a vector form of the operation.
bool has_vector_form(Scalar op);
std::string fold_text(Reduction reduction, DType dtype, const std::string& so_far, const std::string& element);
std::string fold_function(Reduction reduction, DType dtype);  // a lambda of two elements, or of two vectors
std::string sum_text(const std::vector<std::string>& terms);  // "a + b"; of none 0
std::string comment_text(const std::string& name);            // only letters, digits and a few signs are left

}  // namespace neap

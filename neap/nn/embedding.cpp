#include "neap/nn/embedding.h"

namespace neap {

Embedding::Embedding(std::int64_t rows, std::int64_t features, DType dtype)
    : weight_(parameter("weight", {dtype, {rows, features}, {}}, normal_with(1))) {}

Tensor Embedding::forward(const Tensor& indices) { return call("embedding", {weight_, indices}); }

}  // namespace neap

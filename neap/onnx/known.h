// Numbers that are known while a model is read: what Shape, Gather, Concat, Mul, ... compute of sizes, so that a Reshape at the end of such
// a chain has its sizes as symbols.
#pragma once
#include <optional>
#include <vector>

#include "neap/base/array.h"
#include "neap/ir/dim.h"

namespace neap {

// A quotient of two sizes; of an integer dtype, the denominator is 1.
struct KnownNumber {
  Dim numerator;
  Dim denominator{1};
  bool operator==(const KnownNumber&) const = default;
  bool is_constant() const { return numerator.is_constant() && denominator.is_constant(); }
};

// A small tensor of them.
struct KnownTensor {
  DType dtype = DType::i64;
  Sizes sizes;
  std::vector<KnownNumber> elements;
  bool is_constant() const;
};

constexpr std::int64_t most_known_elements = 1024;

// Of an array: nothing if it is larger than that, or holds a number that is no quotient of whole numbers of moderate size.
std::optional<KnownTensor> known_tensor(const Array& array);
Array array_of(const KnownTensor& tensor);  // of a constant one

// An elementwise operator of ONNX ("Add", "Floor", "Cast", ...) or a reduction over all elements ("ReduceProd"), on known tensors with
// numpy's broadcasting. Nothing where the result is not known: the comparison of symbols, a division that leaves a remainder.
std::optional<KnownTensor> known_arithmetic(const std::string& operation, const std::vector<KnownTensor>& operands, DType result);

}  // namespace neap

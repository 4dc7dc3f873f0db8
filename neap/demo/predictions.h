// What several forms of one network say about the same images.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "neap/data/dataset.h"
#include "neap/runtime/executable.h"

namespace neap {

// Logits [count, classes] of all examples, batch by batch, of an executable that takes the first field.
Array logits_of(Executable& executable, const Dataset& dataset, std::int64_t batch = 250);

std::vector<std::int64_t> predicted(const Array& logits);  // the first of the largest in each row
std::vector<std::int64_t> labels_of(const Dataset& dataset);
double accuracy(const Array& logits, const std::vector<std::int64_t>& labels);

// How two rows of logits compare: `ties` are examples where the predictions differ and the first network's own two logits are closer
// than 1e-3; `different` are the others that differ.
struct Agreement {
  std::int64_t same = 0, ties = 0, different = 0;
  double largest_difference = 0;  // of two logits
  std::string to_string() const;
};
Agreement agreement(const Array& first, const Array& second);

}  // namespace neap

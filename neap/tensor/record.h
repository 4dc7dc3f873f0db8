// What stands behind a Tensor: one recorded call, or a value that is given.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neap/tensor/tensor.h"

namespace neap {

struct Record {
  Node node;         // of a call: operator or map, attributes, origin; its ids are not used. No operator and no map: a value given
  std::string name;  // of a placeholder
  std::vector<Tensor> inputs;  // dropped when the results are there
  std::vector<Type> types;     // of the outputs
  std::vector<Array> results;  // of the outputs; none until computed
  std::uint64_t sequence = 0;  // in order of making: inputs come before what uses them

  Record();
  ~Record();  // without recursion: chains may be long
  bool computed() const { return !results.empty(); }
  bool is_placeholder() const { return !computed() && node.op.empty() && node.map == nullptr; }
};

std::uint64_t next_sequence();  // of the next record: what has a lower one was there before

// Appends a call whose types are known.
std::vector<Tensor> make_record(Node node, std::vector<Tensor> inputs, std::vector<Type> types);

}  // namespace neap

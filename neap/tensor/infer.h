// The types of a call's results, found once for each signature: recording a small operator must cost less than running it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct Inferred {
  std::string op;
  Attributes attributes;  // those that differ from the defaults
  std::vector<Type> outputs;
};

// Null types are absent operands. The reference holds until the thread's next call. Error, with the call described, if it does not fit.
const Inferred& infer_call(std::string_view op, const std::vector<const Type*>& types, Attributes attributes);

}  // namespace neap

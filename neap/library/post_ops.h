// Epilogues as oneDNN's post-operations: what it does to each element of a result before that is stored.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "neap/library/onednn.h"

namespace neap::onednn {

struct PostOp {
  dnnl::algorithm algorithm{};
  float alpha = 0, beta = 0;
  int operand = -1;                                  // of a function of two: which further operand of the epilogue; -1: a function of one
  enum Spread { whole, along, one } spread = whole;  // how the operand meets the result: elementwise, a vector along an axis, one number
  std::optional<Place> place = {};                   // of an operand that is none of the epilogue's
};

// The post-operations, in order, that compute an epilogue; vectors may lie along `vector_axis` only (-1: nowhere). The reason in `why`
// where there are none.
std::vector<PostOp> post_ops(const Map& epilogue, const std::vector<Type>& operands, const Type& output, int vector_axis, std::string& why);

// What Implementation::epilogue_flops says of oneDNN.
double epilogue_flops(const Map& epilogue);

// Attributes with the post-operations, for a result of this description, in which `vector_axis` may stand elsewhere.
dnnl::primitive_attr attributes(const std::vector<PostOp>& ops, const dnnl::memory::desc& result, int vector_axis);
// How the operand of a post-operation is described beside such a result.
dnnl::memory::desc describe(const PostOp& op, const dnnl::memory::desc& result, int vector_axis);

// Adds the operands of post-operations, which lie as these say, to the arguments of their primitive.
void add_operands(std::vector<Steps::Argument>& arguments, const std::vector<PostOp>& ops, int first_operand,
                  const dnnl::memory::desc& result, int vector_axis);

}  // namespace neap::onednn

// A product of matrices as oneDNN's primitives.
#pragma once
#include "neap/library/post_ops.h"

namespace neap::onednn {

struct MatmulOperand {
  dnnl::memory::desc desc;
  Place place;
  std::int64_t begin = 0;  // of its first element, in bytes
};

struct Matmul {
  MatmulOperand a, b, y;    // y = a b, of one rank; batches may broadcast
  std::vector<PostOp> ops;  // what is done to a result before it is stored
  int first_operand = 0;    // of the post-operations, among the call's
  int vector_axis = 0;      // of y
};

// One primitive; where bits must not depend on the number of threads and would, parts whose number follows from the sizes alone, each on
// one thread: of the result, or of the sum where that has few elements.
Steps matmul_steps(const Matmul& matmul);

}  // namespace neap::onednn

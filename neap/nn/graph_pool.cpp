#include "neap/nn/graph_pool.h"

#include "neap/base/error.h"

namespace neap {

Tensor pool_graphs(const Tensor& x, const Tensor& offsets, Reduce how) {
  if (x.rank() == 0) throw Error("one number is not the features of vertices", Scope::current());
  Edges membership;
  membership.offsets = offsets;
  return aggregate(x, membership, how);
}

}  // namespace neap

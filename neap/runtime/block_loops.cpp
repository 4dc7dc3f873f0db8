#include "neap/runtime/block_loops.h"

#include "neap/base/machine.h"

namespace neap::blocks {

const Loops& loops() {
  static const Loops& best = best_isa() == Isa::avx512 ? loops_avx512() : best_isa() == Isa::avx2 ? loops_avx2() : loops_portable();
  return best;
}

}  // namespace neap::blocks

#include "neap/base/parallel.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <vector>

#include "neap/base/pieces.h"

namespace neap {

void for_each_index(std::size_t count, const std::function<void(std::size_t)>& work, int threads) {
  std::vector<std::exception_ptr> errors(count);
  const auto most = static_cast<int>(std::clamp<std::size_t>(count, 1, static_cast<std::size_t>(threads)));
  Pieces pieces(count, most);
#pragma omp parallel num_threads(most) if (most > 1)
  {
    const int me = omp_get_thread_num();
    for (std::optional<std::size_t> i = pieces.next(me); i; i = pieces.next(me)) {
      try {
        work(*i);
      } catch (...) {
        errors[*i] = std::current_exception();
      }
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error != nullptr) std::rethrow_exception(error);
  }
}

}  // namespace neap

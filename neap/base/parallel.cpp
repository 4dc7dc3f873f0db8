#include "neap/base/parallel.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "neap/base/pieces.h"

namespace neap {

void for_each_index(std::size_t count, const std::function<void(std::size_t)>& work, int threads) {
  std::vector<std::exception_ptr> errors(count);
  const auto most = static_cast<int>(std::clamp<std::size_t>(count, 1, static_cast<std::size_t>(threads)));
  share_out(count, most, [&](std::size_t i) {
    try {
      work(i);
    } catch (...) {
      errors[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error != nullptr) std::rethrow_exception(error);
  }
}

}  // namespace neap

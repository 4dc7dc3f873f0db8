// Independent pieces of work side by side.
#pragma once
#include <cstddef>
#include <functional>

#include "neap/base/machine.h"

namespace neap {

// Calls work(i) for each i below count, on so many threads, in any order. The first error by index is thrown when all are done.
void for_each_index(std::size_t count, const std::function<void(std::size_t)>& work, int threads = thread_count());

}  // namespace neap

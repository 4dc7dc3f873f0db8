// Independent pieces of work side by side: for what happens before a graph runs (kernels have OpenMP).
#pragma once
#include <cstddef>
#include <functional>

namespace neap {

// Calls work(i) for each i below count, on as many threads as there are cores, in any order. The first error by index is thrown when all
// are done.
void for_each_index(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace neap

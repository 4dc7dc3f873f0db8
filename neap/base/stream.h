// Writing lines of memory whole, past the caches: none of them is read first, and what is in the caches stays there.
#pragma once
#include <cstdint>

namespace neap {

// Whether so many bytes are so much of the caches that nobody finds them there later.
bool is_past_caches(std::int64_t bytes);

// Copies bytes. Other threads may see them, in the order of other stores, behind end_past_caches().
void copy_past_caches(const void* from, void* to, std::int64_t bytes);
void end_past_caches();

}  // namespace neap

// Asking for lines of memory ahead of their use.
#pragma once

namespace neap {

// A line that is going to be written. Unless a whole program is compiled for CPUs that have the instruction, compilers ask for the line as
// for one that is read, and the store waits again until it may be changed. CPUs of x86-64 without it take it for no operation.
inline void prefetch_to_write(const void* line) {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
  __builtin_prefetch(line, 1);
#endif
}

}  // namespace neap

// What this machine is: instruction sets (found when the program runs), cores, caches, measured rates.
#pragma once
#include <cstdint>
#include <string>

namespace neap {

enum class Isa : std::uint8_t { portable, avx2, avx512 };
std::string_view name(Isa isa);

// The widest instruction set that this CPU and operating system run; NEAP_ISA=portable|avx2|avx512 lowers it (Error if it raises it).
Isa best_isa();
bool supports(Isa isa);

struct Machine {
  std::string cpu;                                                             // model name
  int cores = 1;                                                               // processors this process may use
  std::int64_t l1_bytes = 32 << 10, l2_bytes = 512 << 10, l3_bytes = 8 << 20;  // per core, per core, shared
  std::int64_t memory_bytes = 0;
};
const Machine& machine();

// Measured once a machine and kept with the compiled kernels (rates.h): the same from run to run.
struct Rates {
  double copy_bytes_per_second = 0;   // stream copy out of cache, all threads, read + written
  double cache_bytes_per_second = 0;  // copy inside the last-level cache
  double flops_per_second = 0;        // f32 fused multiply-add, all threads
  double call_seconds = 2e-6;         // overhead of starting one kernel
};
const Rates& machine_rates();

// Threads used by kernels: NEAP_THREADS, else the number of cores. At least 1.
int thread_count();
void set_thread_count(int threads);  // Error if threads < 1

// Whether results must not depend on the number of threads (default true).
bool deterministic();
void set_deterministic(bool on);

}  // namespace neap

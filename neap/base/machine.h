// What this machine is: instruction sets (found when the program runs), cores, caches, measured rates.
#pragma once
#include <array>
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

// How quickly rows come that lie at places from the data, by the size of the table that they lie in: bytes a second, in rates of a stream's
// copy. Of each row, `row_bytes` more are counted than it has, for finding it.
struct GatherRates {
  static constexpr std::array<double, 6> table_bytes = {1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28};
  static constexpr double row_bytes = 40;
  std::array<double, 6> rates = {4.5, 4.1, 3.9, 2.0, 0.75, 0.6};
  double near = 0;                      // the part of the rows that lists point at which is in a near cache, as where neighbours stand near
  double of(double bytes) const;        // of a table of any size: between those measured, its time follows the size's logarithm
  double of_lists(double bytes) const;  // the same with the part that is near, which comes as from the smallest table
};

// Measured once a machine and kept with the compiled kernels (rates.h): the same from run to run. Of all cores, whatever number of threads
// runs: plans, and with them the bits of results, do not depend on that.
struct Rates {
  double copy_bytes_per_second = 0;   // stream copy out of cache, read + written
  double cache_bytes_per_second = 0;  // copy inside the last-level cache
  double flops_per_second = 0;        // f32 fused multiply-add
  double call_seconds = 2e-6;         // overhead of starting one kernel
  GatherRates gathers = {};
};
const Rates& machine_rates();

// Threads used by kernels: NEAP_THREADS, else the number of cores. At least 1.
int thread_count();
void set_thread_count(int threads);  // Error if threads < 1

// Whether results must not depend on the number of threads (default true).
bool deterministic();
void set_deterministic(bool on);

}  // namespace neap

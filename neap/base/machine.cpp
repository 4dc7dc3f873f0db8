#include "neap/base/machine.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "neap/base/error.h"

namespace neap {
namespace {

Isa detect_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return Isa::avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
#endif
  return Isa::portable;
}

Isa chosen_isa() {
  const Isa found = detect_isa();
  const char* wanted = std::getenv("NEAP_ISA");
  if (wanted == nullptr || *wanted == '\0') return found;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (name(isa) != wanted) continue;
    if (isa > found)
      throw Error(fmt::format("NEAP_ISA={} asks for more than this CPU has ({})", wanted, name(found)), "", "unset NEAP_ISA");
    return isa;
  }
  throw Error(fmt::format("NEAP_ISA={} is not an instruction set", wanted), "", "use portable, avx2 or avx512");
}

int first_thread_count() {
  if (const char* wanted = std::getenv("NEAP_THREADS"); wanted != nullptr && *wanted != '\0') {
    const int threads = std::atoi(wanted);
    if (threads < 1) throw Error(fmt::format("NEAP_THREADS={} is not a number of threads", wanted), "", "use 1 or more");
    return threads;
  }
  return std::max(1, omp_get_num_procs());
}

std::atomic<int>& threads_now() {
  static std::atomic<int> threads = first_thread_count();
  return threads;
}
std::atomic<bool> deterministic_now{true};

// The best of five, or of as many as fit a tenth of a second: what else runs on the machine only ever makes it slower.
double seconds_of(const auto& work) {
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int round = 0; round < 5 && total < 0.1; ++round) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

double copy_rate(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(bytes);
  const std::unique_ptr<char[]> from(new char[size]), to(new char[size]);
  std::memset(from.get(), 1, size);
  std::memset(to.get(), 2, size);
  const int threads = thread_count();
  return 2.0 * static_cast<double>(bytes) / seconds_of([&] {
#pragma omp parallel num_threads(threads)
           {
             const std::size_t part = size / static_cast<std::size_t>(omp_get_num_threads()),
                               at = part * static_cast<std::size_t>(omp_get_thread_num());
             std::memcpy(to.get() + at, from.get() + at, part);
           }
         });
}

double flop_rate() {
  constexpr int lanes = 128, rounds = 20000;
  const int threads = thread_count();
  const double seconds = seconds_of([&] {
#pragma omp parallel num_threads(threads)
    {
      std::array<float, lanes> sums{};
      float factor = 1.0001F;
      for (int i = 0; i < rounds; ++i) {
        for (float& sum : sums) sum = sum * factor + 0.5F;
      }
      volatile float keep = sums[0];
      (void)keep;
    }
  });
  // Compiled for the base instruction set: scaled by what the CPU's vectors are wider and by fused multiply-add.
  const double wider = best_isa() == Isa::avx512 ? 8 : best_isa() == Isa::avx2 ? 4 : 1;
  return wider * 2.0 * lanes * rounds * threads / seconds;
}

}  // namespace

std::string_view name(Isa isa) {
  static constexpr std::array<std::string_view, 3> names = {"portable", "avx2", "avx512"};
  return names[static_cast<std::size_t>(isa)];
}

Isa best_isa() {
  static const Isa isa = chosen_isa();
  return isa;
}
bool supports(Isa isa) { return isa <= detect_isa(); }

const Machine& machine() {
  static const Machine found = [] {
    Machine m;
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
      if (line.rfind("model name", 0) == 0 && line.find(':') + 2 < line.size()) {
        m.cpu = line.substr(line.find(':') + 2);
        break;
      }
    }
    m.cores = std::max(1, omp_get_num_procs());
    const auto ask = [](int what, std::int64_t otherwise) {
      const long value = ::sysconf(what);
      return value > 0 ? static_cast<std::int64_t>(value) : otherwise;
    };
    m.l1_bytes = ask(_SC_LEVEL1_DCACHE_SIZE, m.l1_bytes);
    m.l2_bytes = ask(_SC_LEVEL2_CACHE_SIZE, m.l2_bytes);
    m.l3_bytes = ask(_SC_LEVEL3_CACHE_SIZE, m.l3_bytes);
    m.memory_bytes = ask(_SC_PHYS_PAGES, 0) * ask(_SC_PAGESIZE, 0);
    return m;
  }();
  return found;
}

const Rates& machine_rates() {
  static const Rates rates = [] {
    Rates r;
    // Out of cache, but no more than that: a virtual machine may be told of a cache far larger than its share.
    r.copy_bytes_per_second = copy_rate(std::clamp<std::int64_t>(2 * machine().l3_bytes, 32 << 20, 64 << 20));
    r.cache_bytes_per_second = copy_rate(std::min<std::int64_t>(machine().l3_bytes / 8, 2 << 20));
    r.flops_per_second = flop_rate();
    // A loaded machine measures a fraction of what it can do, and plans must not depend on the load: within what CPUs of the kind reach.
    const double lanes = best_isa() == Isa::avx512 ? 16 : best_isa() == Isa::avx2 ? 16 : 4;  // AVX-512 issues one a cycle, AVX2 two
    const double nominal = machine().cores * lanes * 2 * 2.5e9;
    r.flops_per_second = std::clamp(r.flops_per_second, 0.75 * nominal, 1.5 * nominal);
    r.copy_bytes_per_second = std::clamp(r.copy_bytes_per_second, 8e9, 80e9);
    r.cache_bytes_per_second = std::clamp(r.cache_bytes_per_second, 30e9, 300e9);
    return r;
  }();
  return rates;
}

int thread_count() { return threads_now(); }
void set_thread_count(int threads) {
  if (threads < 1) throw Error(fmt::format("{} threads", threads), "", "use 1 or more");
  threads_now() = threads;
}
bool deterministic() { return deterministic_now; }
void set_deterministic(bool on) { deterministic_now = on; }

}  // namespace neap

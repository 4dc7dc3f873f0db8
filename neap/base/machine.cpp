#include "neap/base/machine.h"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string_view>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/rates.h"

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
  const std::string wanted = environment_value("NEAP_ISA");
  if (wanted.empty()) return found;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (name(isa) != wanted) continue;
    if (isa > found)
      throw Error(fmt::format("NEAP_ISA={} asks for more than this CPU has ({})", wanted, name(found)), "", "unset NEAP_ISA");
    return isa;
  }
  throw Error(fmt::format("NEAP_ISA={} is not an instruction set", wanted), "", "use portable, avx2 or avx512");
}

int first_thread_count() {
  if (const std::string wanted = environment_value("NEAP_THREADS"); !wanted.empty()) {
    const int threads = std::atoi(wanted.c_str());
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

// What the kernel says of the first CPU's data caches. The C library counts the third cache of every chip of some CPUs (AMD's), of which a
// core reaches one. Nothing where there is no such file.
std::optional<std::int64_t> cache_bytes(int level) {
  for (int number = 0; number < 8; ++number) {
    const auto read = [&](const char* file) {
      std::string text;
      std::ifstream(fmt::format("/sys/devices/system/cpu/cpu0/cache/index{}/{}", number, file)) >> text;
      return text;
    };
    if (read("level") != std::to_string(level) || read("type") == "Instruction") continue;
    const std::string size = read("size");  // "32768K"
    const std::int64_t kilobytes = std::atoll(size.c_str());
    if (kilobytes > 0 && size.ends_with('K')) return kilobytes << 10;
  }
  return std::nullopt;
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
    m.l1_bytes = cache_bytes(1).value_or(ask(_SC_LEVEL1_DCACHE_SIZE, m.l1_bytes));
    m.l2_bytes = cache_bytes(2).value_or(ask(_SC_LEVEL2_CACHE_SIZE, m.l2_bytes));
    m.l3_bytes = cache_bytes(3).value_or(ask(_SC_LEVEL3_CACHE_SIZE, m.l3_bytes));
    m.memory_bytes = ask(_SC_PHYS_PAGES, 0) * ask(_SC_PAGESIZE, 0);
    return m;
  }();
  return found;
}

double GatherRates::of(double bytes) const {
  const double step = std::log2(table_bytes[1] / table_bytes[0]);
  const double at = std::clamp(std::log2(std::max(bytes, 1.0) / table_bytes[0]) / step, 0.0, static_cast<double>(rates.size() - 1));
  const auto below = std::min(static_cast<std::size_t>(at), rates.size() - 2);
  const double share = at - static_cast<double>(below);
  return 1 / ((1 - share) / rates[below] + share / rates[below + 1]);
}

double GatherRates::of_lists(double bytes) const { return 1 / (near / rates[0] + (1 - near) / of(bytes)); }

const Rates& machine_rates() {
  static const Rates rates = kept_or_measured_rates();
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

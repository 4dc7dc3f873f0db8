#include "neap/base/rates.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <sstream>

#include "neap/base/array.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/hash.h"
#include "neap/base/measured_loops.h"
#include "neap/base/private_file.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t longest_file = 4096;  // of a file of rates
constexpr int measurement = 4;               // counts up where what is measured, or how, changes

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// What the threads take that each do `part(thread, threads)`, where nobody else wants the cores: the time of the processors, not of the
// clock, as these threads wait while others run. What else runs can only make a round slower. Three rounds that agree were not disturbed;
// where they do not, more are made, for `most` seconds.
double seconds_of(const auto& part, double most = 0.3) {
  constexpr double agree = 1.03, least = 0.02;
  std::array<double, 3> best;  // the quickest, in order
  best.fill(std::numeric_limits<double>::infinity());
  const int threads = machine().cores;
  for (double total = 0; total < most && (total < least || best.back() > agree * best.front());) {
    double slowest = 0;
#pragma omp parallel num_threads(threads) reduction(max : slowest)
    {
      const double start = processor_seconds();
      part(omp_get_thread_num(), omp_get_num_threads());
      slowest = processor_seconds() - start;
    }
    best.back() = std::min(best.back(), slowest);
    std::sort(best.begin(), best.end());
    total += slowest;
  }
  return best.front();
}

double copy_rate(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(bytes);
  const std::unique_ptr<char[]> from(new char[size]), to(new char[size]);
  std::memset(from.get(), 1, size);
  std::memset(to.get(), 2, size);
  return 2.0 * static_cast<double>(bytes) / seconds_of([&](int thread, int threads) {
           const std::size_t part = size / static_cast<std::size_t>(threads), at = part * static_cast<std::size_t>(thread);
           std::memcpy(to.get() + at, from.get() + at, part);
         });
}

double flop_rate() {
  constexpr std::int64_t rounds = 20000;
  const double seconds = seconds_of([&](int, int) { multiply_add_rounds(best_isa(), rounds); });
  return static_cast<double>(multiply_add_flops(best_isa()) * rounds * machine().cores) / seconds;
}

// Each thread sums rows of one table, at places of its own in no order: as the sums over a graph's neighbours do. As many rows as the table
// has, so that what a cache holds of it when the next round comes is what it holds in the midst of many.
double gather_rate(std::int64_t bytes) {
  const std::int64_t rows = bytes / static_cast<std::int64_t>(summed_row * sizeof(float));
  const std::int64_t rows_read = std::clamp<std::int64_t>(rows, 1 << 12, 1 << 18);
  const Array table = Array::full(DType::f32, {rows, static_cast<std::int64_t>(summed_row)}, 1);
  std::vector<std::int32_t> places(static_cast<std::size_t>(rows_read * machine().cores));
  std::uint64_t state = 1;
  for (std::int32_t& place : places) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    place = static_cast<std::int32_t>((state >> 33U) % static_cast<std::uint64_t>(rows));
  }
  const double seconds = seconds_of(
      [&](int thread, int) {
        sum_rows(best_isa(), table.values<float>().data(), {places.data() + rows_read * thread, static_cast<std::size_t>(rows_read)});
      },
      0.06);
  return static_cast<double>(rows_read * machine().cores) * (summed_row * sizeof(float) + GatherRates::row_bytes) / seconds;
}

// A loaded machine measures a fraction of what it can do: within what CPUs of the kind reach.
Rates bounded(Rates rates) {
  const double lanes = best_isa() == Isa::avx512 ? 16 : best_isa() == Isa::avx2 ? 16 : 4;  // AVX-512 issues one a cycle, AVX2 two
  const double nominal = machine().cores * lanes * 2 * 2.5e9;
  rates.flops_per_second = std::clamp(rates.flops_per_second, 0.75 * nominal, 1.5 * nominal);
  rates.copy_bytes_per_second = std::clamp(rates.copy_bytes_per_second, 8e9, 80e9);
  rates.cache_bytes_per_second = std::clamp(rates.cache_bytes_per_second, 30e9, 300e9);
  double most = 16;  // times the copy's; larger tables give no more than smaller ones
  for (double& rate : rates.gathers.rates) rate = most = std::clamp(rate, 0.25, most);
  return rates;
}

// What decides what would be measured. Builds differ by who compiled them and how, not by the rest of what they hold.
std::string circumstances() {
#if defined(__OPTIMIZE__)
  constexpr bool optimized = true;
#else
  constexpr bool optimized = false;
#endif
#if defined(NEAP_SANITIZED)
  constexpr bool sanitized = true;
#else
  constexpr bool sanitized = false;
#endif
  return fmt::format("{}, {} cores, {}; measurement {}, compiled by {}{}{}", machine().cpu, machine().cores, name(best_isa()), measurement,
                     __VERSION__, optimized ? "" : ", not optimized", sanitized ? ", sanitized" : "");
}

// Those that are kept, in their order in the file.
constexpr std::size_t kept_numbers = 3 + GatherRates::table_bytes.size();
std::array<double*, kept_numbers> numbers_of(Rates& rates) {
  std::array<double*, kept_numbers> all{&rates.copy_bytes_per_second, &rates.cache_bytes_per_second, &rates.flops_per_second};
  for (std::size_t i = 3; i < all.size(); ++i) all[i] = &rates.gathers.rates[i - 3];
  return all;
}

// Numbers in hexadecimal, which come back to the last bit.
std::string text_of(Rates rates) {
  std::string text = fmt::format("neap rates 3: {}\n", circumstances());
  for (const double* number : numbers_of(rates)) text += fmt::format("{:a}\n", *number);
  return text + hash_bytes(text).hex() + "\n";
}

}  // namespace

Rates measure_rates() {
  Rates rates;
  // Out of cache, but no more than that: a virtual machine may be told of a cache far larger than its share.
  rates.copy_bytes_per_second = copy_rate(std::clamp<std::int64_t>(2 * machine().l3_bytes, 32 << 20, 64 << 20));
  rates.cache_bytes_per_second = copy_rate(std::min<std::int64_t>(machine().l3_bytes / 8, 2 << 20));
  rates.flops_per_second = flop_rate();
  for (std::size_t i = 0; i < rates.gathers.rates.size(); ++i)
    rates.gathers.rates[i] = gather_rate(static_cast<std::int64_t>(GatherRates::table_bytes[i])) / rates.copy_bytes_per_second;
  return bounded(rates);
}

fs::path rates_file(const fs::path& folder) { return folder / hash_bytes(circumstances()).hex(); }

std::optional<Rates> read_rates(const fs::path& file) {
  if (!is_private(file)) return std::nullopt;
  try {
    const std::string text = read_file(file, longest_file);
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    Rates rates;
    for (double* number : numbers_of(rates)) {
      if (!std::getline(lines, line)) return std::nullopt;
      *number = std::strtod(line.c_str(), nullptr);
      if (!(*number > 0)) return std::nullopt;
    }
    // What reads back as itself is whole, of these circumstances, and within bounds.
    return text == text_of(bounded(rates)) ? std::optional(rates) : std::nullopt;
  } catch (const Error&) {  // unreadable: measured again
    return std::nullopt;
  }
}

void write_rates(const fs::path& file, const Rates& rates) { write_file(file, text_of(rates)); }

fs::path rates_folder() {
  fs::path folder = cache_folder() / "rates";
  ::mkdir(folder.c_str(), 0700);
  if (!is_private(folder)) throw Error("rates are not kept: it belongs to somebody else, or others may write to it", folder.string());
  return folder;
}

Rates kept_or_measured_rates() {
  std::optional<Rates> measured;
  try {
    const fs::path file = rates_file(rates_folder());
    if (const auto kept = read_rates(file)) return *kept;
    measured = measure_rates();
    if (const auto kept = read_rates(file)) return *kept;  // by another process meanwhile
    write_rates(file, *measured);
  } catch (const Error&) {  // no folder of ours, or one that cannot be written: for this process alone
  }
  return measured ? *measured : measure_rates();
}

}  // namespace neap

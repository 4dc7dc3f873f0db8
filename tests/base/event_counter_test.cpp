#include "neap/base/event_counter.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <vector>

namespace neap::event_counter_test {
namespace {

TEST(EventCounter, CountsThePagesThatAreTouched) {
  std::optional<EventCounter> faults = EventCounter::open(Event::page_faults);
  if (!faults) GTEST_SKIP() << "NOT RUN: this system does not let this user count events";
  constexpr std::size_t pages = 64;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory = mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, pages * page, MADV_NOHUGEPAGE);
  const auto touch = [&] {
    faults->start();
    for (std::size_t i = 0; i < pages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
    return faults->stop();
  };
  EXPECT_GE(touch(), pages);
  EXPECT_LT(touch(), pages / 2);  // they are there now
  munmap(memory, pages * page);
}

// Machines differ in what they count; where they do, lines out of cache are missed and lines within are not.
TEST(EventCounter, CountsMissesWhereTheProcessorDoes) {
  std::optional<EventCounter> misses = EventCounter::open(Event::cache_misses);
  if (!misses) GTEST_SKIP() << "NOT RUN: this machine counts no cache misses";
  std::vector<char> memory(std::size_t{256} << 20, 1);
  constexpr std::size_t line = 64;
  const auto read = [&](std::size_t bytes) {
    unsigned sum = 0;
    misses->start();
    for (std::size_t at = 0; at < bytes; at += line) sum += static_cast<unsigned char>(static_cast<volatile char*>(memory.data())[at]);
    const std::int64_t missed = misses->stop();
    EXPECT_EQ(sum, bytes / line);
    return missed;
  };
  const std::int64_t all = read(memory.size());
  read(1 << 12);
  EXPECT_LT(read(1 << 12) * 100, all);
}

}  // namespace
}  // namespace neap::event_counter_test

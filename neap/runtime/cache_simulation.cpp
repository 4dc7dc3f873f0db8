#include "neap/runtime/cache_simulation.h"

#include <algorithm>
#include <bit>

namespace neap {
namespace {

constexpr std::uint64_t whole = ~std::uint64_t{0};

std::uint64_t mask(std::int64_t from, std::int64_t to) {  // of bytes [from, to) of a line
  return (to - from == 64 ? whole : (std::uint64_t{1} << (to - from)) - 1) << from;
}

}  // namespace

CacheSimulation::CacheSimulation(std::int64_t bytes, int ways)
    : sets_(std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(1, bytes / line_bytes / ways)))),
      ways_(static_cast<std::size_t>(ways)),
      lines_(sets_ * ways_) {}

template <class F>
void CacheSimulation::each_line(const void* address, std::int64_t bytes, const F& visit) {
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  for (std::uintptr_t at = begin; at < begin + static_cast<std::uintptr_t>(bytes);) {
    const std::uintptr_t number = at / line_bytes, next = std::min((number + 1) * line_bytes, begin + static_cast<std::uintptr_t>(bytes));
    visit(line_of(number), mask(static_cast<std::int64_t>(at % line_bytes), static_cast<std::int64_t>(next - number * line_bytes)));
    at = next;
  }
}

CacheSimulation::Line& CacheSimulation::line_of(std::uint64_t number) {
  const auto set = lines_.begin() + static_cast<std::ptrdiff_t>((number & (sets_ - 1)) * ways_);
  const auto end = set + static_cast<std::ptrdiff_t>(ways_);
  auto found = std::find_if(set, end, [&](const Line& line) { return line.tag == number; });
  if (found == end) {
    found = std::min_element(set, end, [](const Line& a, const Line& b) { return a.used < b.used; });
    leave(*found);
    found->tag = number;
  }
  found->used = ++now_;
  return *found;
}

void CacheSimulation::leave(Line& line) {
  if (line.dirty) {
    read_ += line.there == whole ? 0 : 1;
    ++written_;
  }
  line = {};
}

void CacheSimulation::load(const void* address, std::int64_t bytes) {
  each_line(address, bytes, [&](Line& line, std::uint64_t wanted) {
    if ((line.there & wanted) == wanted) return;
    ++read_;
    line.there = whole;
  });
}

void CacheSimulation::store(const void* address, std::int64_t bytes) {
  each_line(address, bytes, [&](Line& line, std::uint64_t stored) {
    line.there |= stored;
    line.dirty = true;
  });
}

void CacheSimulation::flush() {
  for (Line& line : lines_) leave(line);
}

}  // namespace neap

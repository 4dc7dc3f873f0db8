#include "neap/base/pieces.h"

namespace neap {
namespace {

constexpr unsigned half = 32;

std::uint64_t packed(std::uint64_t first, std::uint64_t end) { return first << half | end; }

// The first or the last piece of a range.
std::optional<std::size_t> take(std::atomic<std::uint64_t>& bounds, bool last) {
  std::uint64_t now = bounds.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t first = now >> half, end = now & 0xffffffffU;
    if (first >= end) return std::nullopt;
    if (bounds.compare_exchange_weak(now, last ? packed(first, end - 1) : packed(first + 1, end), std::memory_order_relaxed))
      return last ? end - 1 : first;
  }
}

}  // namespace

Pieces::Pieces(std::size_t count, int threads) : ranges_(static_cast<std::size_t>(threads)) {
  const std::size_t all = ranges_.size();
  for (std::size_t i = 0; i < all; ++i) ranges_[i].bounds = packed(i * count / all, (i + 1) * count / all);
}

std::optional<std::size_t> Pieces::next(int thread) {
  const auto own = static_cast<std::size_t>(thread);
  std::optional<std::size_t> piece = take(ranges_[own].bounds, false);
  for (std::size_t i = 1; !piece && i < ranges_.size(); ++i) piece = take(ranges_[(own + i) % ranges_.size()].bounds, true);
  return piece;
}

}  // namespace neap

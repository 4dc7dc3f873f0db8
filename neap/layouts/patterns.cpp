#include "neap/layouts/patterns.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t most_patterns = 1024;

std::int64_t pattern_count(std::int64_t n, std::int64_t m) {
  std::int64_t count = 1;
  for (std::int64_t i = 1; i <= n && count <= most_patterns * m; ++i) count = count * (m - n + i) / i;
  return count;
}

std::vector<KeptRows> revolving_door(int n, int m) {
  if (n == 0) return {KeptRows{}};
  if (n == m) {
    KeptRows all(static_cast<std::size_t>(m));
    for (int i = 0; i < m; ++i) all[static_cast<std::size_t>(i)] = i;
    return {all};
  }
  std::vector<KeptRows> made = revolving_door(n, m - 1), with_last = revolving_door(n - 1, m - 1);
  for (auto pattern = with_last.rbegin(); pattern != with_last.rend(); ++pattern) {
    pattern->push_back(m - 1);
    made.push_back(*pattern);
  }
  return made;
}

}  // namespace

const std::vector<KeptRows>& kept_row_patterns(std::int64_t n, std::int64_t m) {
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, std::vector<KeptRows>> known;
  if (n < 1 || n > m) throw Error(fmt::format("{} of {} rows cannot be kept", n, m), "layout nmg", "n is from 1 to m");
  if (const std::int64_t count = pattern_count(n, m); count > most_patterns)
    throw Error(fmt::format("{}:{} has more than {} patterns", n, m, most_patterns), "layout nmg", "use a smaller m, or the layout nm");
  const std::lock_guard lock(mutex);
  auto& patterns = known[{n, m}];
  if (patterns.empty()) patterns = revolving_door(static_cast<int>(n), static_cast<int>(m));
  return patterns;
}

}  // namespace neap

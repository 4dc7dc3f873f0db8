#include "neap/layouts/patterns.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

#include "neap/base/error.h"
#include "neap/base/revolving_door.h"

namespace neap {
namespace {

constexpr std::int64_t most_patterns = 1024;

}  // namespace

void check_kept_rows(std::int64_t n, std::int64_t m, std::string_view place) {
  if (n < 1 || n > m) throw Error(fmt::format("{} of {} rows cannot be kept", n, m), std::string(place), "n is from 1 to m");
}

const std::vector<KeptRows>& kept_row_patterns(std::int64_t n, std::int64_t m) {
  static std::mutex mutex;
  static std::map<std::pair<std::int64_t, std::int64_t>, std::vector<KeptRows>> known;
  check_kept_rows(n, m, "layout nmg");
  const std::int64_t count = binomial(static_cast<int>(m), static_cast<int>(n));
  if (count > most_patterns)
    throw Error(fmt::format("{}:{} has more than {} patterns", n, m, most_patterns), "layout nmg", "use a smaller m, or the layout nm");
  const std::lock_guard lock(mutex);
  auto& patterns = known[{n, m}];
  for (std::int64_t at = static_cast<std::int64_t>(patterns.size()); at < count; ++at) {
    patterns.emplace_back(static_cast<std::size_t>(n));
    revolving_door(static_cast<int>(n), static_cast<int>(m), at, patterns.back().data());
  }
  return patterns;
}

}  // namespace neap

#include "neap/base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"

namespace neap {

std::int64_t memory_left() {
  const std::int64_t memory = machine().memory_bytes;
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return memory;
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const auto allowed = static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, rlim_t{1} << 62));
  const std::int64_t left = std::max<std::int64_t>(1, allowed - pages * ::sysconf(_SC_PAGESIZE));
  return memory == 0 ? left : std::min(memory, left);
}

void check_memory(double bytes, const std::string& what, const std::string& place, std::int64_t limit) {
  if (limit == 0) limit = memory_left();
  if (limit == 0 || bytes <= static_cast<double>(limit)) return;
  throw Error(
      fmt::format("{} needs {} ({:.0f} bytes), and there are {}", what, human_bytes(bytes), bytes, human_bytes(static_cast<double>(limit))),
      place, "use a part of it, or a machine with more memory");
}

}  // namespace neap

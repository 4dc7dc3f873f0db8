#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>
#include <sys/utsname.h>

#include <array>
#include <cstdlib>
#include <ctime>

#include "bench/harness.h"
#include "neap/base/machine.h"

namespace neap::bench {

std::string machine_text() {
  std::array<double, 3> load{};
  if (getloadavg(load.data(), 3) < 0) load.fill(-1);
  utsname system{};
  uname(&system);
  std::array<char, 32> date{};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M", gmtime_r(&now, &parts));
  const Machine& here = machine();
  const dnnl_version_t* onednn = dnnl_version();
  return fmt::format(
      "date      {} UTC\n"
      "machine   {}, {} cores, {}; caches {} + {} KiB a core, {} MiB shared; {}\n"
      "threads   {}\n"
      "versions  compiler {}, oneDNN {}.{}.{}, {} {}\n"
      "load      {:.1f} {:.1f} {:.1f} (1, 5, 15 minutes, before this run)\n",
      date.data(), here.cpu, here.cores, name(best_isa()), here.l1_bytes >> 10, here.l2_bytes >> 10, here.l3_bytes >> 20,
      fmt::format("{} GiB", here.memory_bytes >> 30), thread_count(), __VERSION__, onednn->major, onednn->minor, onednn->patch,
      system.sysname, system.release, load[0], load[1], load[2]);
}

}  // namespace neap::bench

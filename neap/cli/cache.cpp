// neap cache
#include "neap/codegen/cache.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/progress.h"
#include "neap/base/rates.h"
#include "neap/cli/command.h"
#include "neap/files/json.h"

namespace neap::cache_command {
namespace {

nlohmann::json to_json(const Rates& rates) {
  return {{"copy_bytes_per_second", rates.copy_bytes_per_second},
          {"cache_bytes_per_second", rates.cache_bytes_per_second},
          {"flops_per_second", rates.flops_per_second}};
}

// What this machine was measured to reach, if it was.
std::optional<Rates> known_rates() {
  try {
    return read_rates(rates_file(rates_folder()));
  } catch (const Error&) {  // no folder of ours
    return std::nullopt;
  }
}

int print_statistics(bool json) {
  const CacheStatistics found = cache_statistics();
  const std::optional<Rates> rates = known_rates();
  if (json) {
    fmt::print("{}\n", json_page({{"folder", found.folder.string()},
                                  {"kernels", found.kernels},
                                  {"libraries", found.libraries},
                                  {"bytes", found.bytes},
                                  {"limit", found.limit},
                                  {"rates", rates ? to_json(*rates) : nlohmann::json()}}));
    return exit_ok;
  }
  fmt::print("{}: {} kernels in {} libraries, {} of at most {}\n", found.folder.string(), found.kernels, found.libraries,
             human_bytes(static_cast<double>(found.bytes)), human_bytes(static_cast<double>(found.limit)));
  if (rates) {
    fmt::print("this machine copies {} a second, {} within its caches, and makes {:.0f} GFLOP a second, by which plans are made\n",
               human_bytes(rates->copy_bytes_per_second), human_bytes(rates->cache_bytes_per_second), rates->flops_per_second / 1e9);
  } else {
    fmt::print("this machine has not been measured yet\n");
  }
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  struct Given {
    std::string action = "stats";
    bool json = false;
  };
  const auto given = std::make_shared<Given>();
  options
      .add("action", &given->action,
           "stats; trim: drop what was not used for longest, down to NEAP_CACHE_BYTES (512 MiB); clear; or measure: this machine's rates "
           "anew, by which plans are made")
      .shows_default()
      .one_of({"stats", "trim", "clear", "measure"});
  options.add("--json", &given->json, "print JSON");
  return [given] {
    if (given->action == "trim") trim_cache();
    if (given->action == "clear") clear_cache();
    if (given->action == "measure") write_rates(rates_file(rates_folder()), measure_rates());
    return print_statistics(given->json);
  };
}

const RegisterCommand command{{.name = "cache",
                               .about = "what the cache of compiled kernels holds, and the machine's rates; trim, clear, measure",
                               .declare = declare,
                               .examples = {"neap cache", "neap cache trim"}}};

}  // namespace
}  // namespace neap::cache_command

// neap cache
#include "neap/codegen/cache.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/progress.h"
#include "neap/cli/command.h"

namespace neap {
namespace {

int print_statistics(bool json) {
  const CacheStatistics found = cache_statistics();
  if (json) {
    fmt::print("{}\n", nlohmann::json{{"folder", found.folder.string()},
                                      {"kernels", found.kernels},
                                      {"libraries", found.libraries},
                                      {"bytes", found.bytes},
                                      {"limit", found.limit}}
                           .dump(2));
  } else {
    fmt::print("{}: {} kernels in {} libraries, {} of at most {}\n", found.folder.string(), found.kernels, found.libraries,
               human_bytes(static_cast<double>(found.bytes)), human_bytes(static_cast<double>(found.limit)));
  }
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  struct Given {
    std::string action = "stats";
    bool json = false;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("action", given->action, "stats; trim: drop what was not used for longest, down to NEAP_CACHE_BYTES (512 MiB); or clear")
      ->capture_default_str()
      ->check(CLI::IsMember({"stats", "trim", "clear"}));
  app.add_flag("--json", given->json, "print JSON");
  return [given] {
    if (given->action == "trim") trim_cache();
    if (given->action == "clear") clear_cache();
    return print_statistics(given->json);
  };
}

const RegisterCommand command{{.name = "cache", .about = "what the cache of compiled kernels holds; trim or clear it", .declare = declare}};

}  // namespace
}  // namespace neap

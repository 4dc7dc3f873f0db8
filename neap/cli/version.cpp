// neap version
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/progress.h"
#include "neap/cli/command.h"
#include "neap/files/json.h"
#include "neap/viewer/graph_json.h"

namespace neap::version_command {
namespace {

std::function<int()> declare(const Options& options) {
  const auto json = std::make_shared<bool>(false);
  options.add("--json", json.get(), "print JSON");
  return [json] {
    const nlohmann::json versions = versions_json(), machine = machine_json();
    if (*json) {
      fmt::print("{}\n", json_page({{"versions", versions}, {"machine", machine}}));
      return exit_ok;
    }
    for (const auto& [name, version] : versions.items()) fmt::print("{} {}\n", name, version.get<std::string>());
    fmt::print("{}: {} cores, {}, {} threads, {} of memory\n", machine["cpu"].get<std::string>(), machine["cores"].get<int>(),
               machine["isa"].get<std::string>(), machine["threads"].get<int>(), human_bytes(machine["memory"].get<double>()));
    return exit_ok;
  };
}

const RegisterCommand command{{.name = "version", .about = "versions, and what this machine is", .declare = declare}};

}  // namespace
}  // namespace neap::version_command

// neap help
#include <memory>

#include "neap/cli/command.h"
#include "neap/cli/usage.h"

namespace neap::help_command {
namespace {

std::function<int()> declare(const Options& options) {
  const auto words = std::make_shared<std::vector<std::string>>();
  options.add("command", words.get(), "whose page is printed, as `train gnn` (default: the list of commands)");
  return [words] {
    fmt::print("{}", help_page(*words));
    return exit_ok;
  };
}

const RegisterCommand command{
    {.name = "help", .about = "print this list, or a command's page", .declare = declare, .examples = {"neap help train gnn"}}};

}  // namespace
}  // namespace neap::help_command

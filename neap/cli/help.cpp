// neap help
#include <memory>

#include "neap/base/suggestion.h"
#include "neap/cli/command.h"
#include "neap/cli/usage.h"

namespace neap {
namespace {

int run(const std::vector<std::string>& words) {
  const CommandLine line;
  const CLI::App* command = &line.app;
  for (const std::string& word : words) {
    std::vector<std::string> names;
    const CLI::App* found = nullptr;
    for (const CLI::App* inner : command->get_subcommands({})) {
      names.push_back(inner->get_name());
      if (inner->get_name() == word) found = inner;
    }
    if (found == nullptr) throw Error(fmt::format("there is no command '{}'", word), words_of(*command), suggestion(word, names));
    command = found;
  }
  fmt::print("{}", command->help(command->get_parent() == nullptr ? "" : words_of(*command->get_parent())));
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  const auto words = std::make_shared<std::vector<std::string>>();
  app.add_option("command", *words, "whose page is printed, as `train gnn` (default: the list of commands)");
  return [words] { return run(*words); };
}

const RegisterCommand command{
    {.name = "help", .about = "print this list, or a command's page", .declare = declare, .examples = {"neap help train gnn"}}};

}  // namespace
}  // namespace neap

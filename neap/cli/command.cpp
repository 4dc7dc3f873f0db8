#include "neap/cli/command.h"

#include <algorithm>
#include <cstdio>

#include "neap/base/error.h"
#include "neap/base/progress.h"

namespace neap {
namespace {

std::vector<Command>& registry() {
  static std::vector<Command> commands;
  return commands;
}

std::string& command_words() {
  static std::string text = "neap";
  return text;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_-./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

void show(const Error& error) {
  const bool coloured = colours(2);
  const char *strong = coloured ? "\033[1;31m" : "", *weak = coloured ? "\033[2m" : "", *plain = coloured ? "\033[0m" : "";
  std::fflush(stdout);
  fmt::print(stderr, "{}neap:{} {}\n", strong, plain, error.problem());
  if (!error.place().empty()) fmt::print(stderr, "  {}at:{} {}\n", weak, plain, error.place());
  if (!error.remedy().empty()) fmt::print(stderr, "  {}try:{} {}\n", weak, plain, error.remedy());
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error, const std::string& first) {
  const auto commands = app.get_subcommands({});
  std::string names;
  bool known = false;
  for (const CLI::App* command : commands) {
    names += (names.empty() ? "" : ", ") + command->get_name();
    known = known || command->get_name() == first;
  }
  if (known) return Error(error.what(), "the command line", fmt::format("neap {} --help", first));
  if (first.empty() || first[0] == '-') return Error("which command?", "", "one of " + names);
  return Error(fmt::format("there is no command '{}'", first), "", "one of " + names);
}

}  // namespace

RegisterCommand::RegisterCommand(Command command) { registry().push_back(std::move(command)); }

std::vector<Command> all_commands() {
  std::vector<Command> commands = registry();
  std::sort(commands.begin(), commands.end(), [](const Command& a, const Command& b) { return a.name < b.name; });
  return commands;
}

const std::string& command_text() { return command_words(); }

CommandLine::CommandLine() : app("Neap: deep learning that moves less data.", "neap") {
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 good, 1 a wrong result, 2 the command line, 3 bad input, 130 stopped by Ctrl-C.\n`neap COMMAND --help` says more.");
  for (const Command& command : all_commands()) {
    const std::size_t space = command.name.find(' ');
    if (space == std::string::npos) {
      actions.push_back(command.declare(*app.add_subcommand(command.name, command.about)));
    } else {
      add_within(command, space);
    }
  }
}

// Commands are sorted, so the outer one is the last that was added.
void CommandLine::add_within(const Command& command, std::size_t space) {
  CLI::App& outer = *app.get_subcommand(command.name.substr(0, space));
  CLI::App& inner = *outer.add_subcommand(command.name.substr(space + 1), command.about);
  actions.back() = [&inner, run_inner = command.declare(inner), run_outer = actions.back()] {
    return inner.parsed() ? run_inner() : run_outer();
  };
}

int run_command_line(int count, char** arguments) {
  for (int i = 1; i < count; ++i) command_words() += " " + quoted(arguments[i]);
  try {
    CommandLine line;
    try {
      line.app.parse(count, arguments);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return line.app.exit(error);
      show(usage_error(line.app, error, count > 1 ? arguments[1] : ""));
      return exit_usage;
    }
    const auto commands = line.app.get_subcommands({});
    for (std::size_t i = 0; i < commands.size(); ++i) {
      if (commands[i]->parsed()) return line.actions[i]();
    }
    return exit_usage;
  } catch (const Error& error) {
    show(error);
  } catch (const std::bad_alloc&) {
    show(Error("there is not enough memory", "", "use a smaller batch or model"));
  } catch (const std::exception& error) {
    show(Error(error.what()));
  }
  return exit_bad_input;
}

}  // namespace neap

#include "neap/cli/command.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "neap/base/build_id.h"
#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/cli/command_line.h"
#include "neap/cli/usage.h"

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

int run_words(int count, char** arguments) {
  CommandLine line;
  try {
    line.app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app.exit(error);
    if (count == 1) {
      fmt::print(stderr, "{}", line.app.help());
    } else {
      show(usage_error(line.app, error));
    }
    return exit_usage;
  }
  const auto commands = line.app.get_subcommands({});
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (commands[i]->parsed()) return line.actions[i]();
  }
  return exit_usage;
}

}  // namespace

RegisterCommand::RegisterCommand(Command command) { registry().push_back(std::move(command)); }

std::vector<Command> all_commands() {
  std::vector<Command> commands = registry();
  std::sort(commands.begin(), commands.end(), [](const Command& a, const Command& b) { return a.name < b.name; });
  return commands;
}

const std::string& command_text() { return command_words(); }

Option add_threads(const Options& options, int& threads) {
  return options.add("--threads", &threads, "default: all cores").between(1, 1024);
}

void use_threads(int threads) {
  if (threads > 0) set_thread_count(threads);
}

CommandLine::CommandLine() : app("Neap: deep learning that moves less data.", "neap") {
  app.require_subcommand(1);
  app.formatter(help_format());
  app.set_help_flag("-h,--help", "print this page");
  for (const Command& command : all_commands()) {
    const std::size_t space = command.name.find(' ');
    if (space == std::string::npos) {
      actions.push_back(declare(command, *app.add_subcommand(command.name, command.about)));
    } else {
      add_within(command, space);
    }
  }
  app.set_version_flag("--version", fmt::format("neap {}", version()), "print Neap's version");
  app.footer(
      "Exit codes: 0 good, 1 a wrong result, 2 the command line, 3 bad input, 130 stopped by Ctrl-C.\n`neap COMMAND --help` says more.");
}

std::function<int()> CommandLine::declare(const Command& command, CLI::App& app) {
  app.group("Commands");
  app.footer("");  // not that of the command around it
  std::function<int()> action = command.declare(Options(&app));
  std::string footer = app.get_footer();
  if (!command.examples.empty()) footer += footer.empty() ? "For example:" : "\n\nFor example:";
  for (const std::string& example : command.examples) footer += "\n  " + example;
  app.footer(footer);
  return action;
}

// Commands are sorted, so the outer one is the last that was added.
void CommandLine::add_within(const Command& command, std::size_t space) {
  CLI::App& outer = *app.get_subcommand(command.name.substr(0, space));
  CLI::App& inner = *outer.add_subcommand(command.name.substr(space + 1), command.about);
  // What the outer command needs is not asked of the inner one; the parser would take the inner one's name for it.
  std::vector<const CLI::Option*> needed;
  for (CLI::Option* option : outer.get_options()) {
    if (option->get_required()) needed.push_back(option->required(false));
  }
  if (!needed.empty()) {
    outer.parse_complete_callback([&outer, needed] {
      for (const CLI::Option* option : needed) {
        if (outer.get_subcommands().empty() && option->count() == 0) throw CLI::RequiredError(option->get_name());
      }
    });
  }
  actions.back() = [&inner, run_inner = declare(command, inner), run_outer = actions.back()] {
    return inner.parsed() ? run_inner() : run_outer();
  };
}

int run_command_line(int count, char** arguments) {
  for (int i = 1; i < count; ++i) command_words() += " " + quoted(arguments[i]);
  try {
    const int code = run_words(count, arguments);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw Error(fmt::format("cannot write: {}", std::strerror(errno)), "standard output", "is the disk full?");
    return code;
  } catch (const Error& error) {
    show(error);
  } catch (const std::bad_alloc&) {
    show(Error("there is not enough memory", "", "use smaller data, a smaller batch or model"));
  } catch (const std::exception& error) {
    show(Error(error.what()));
  }
  return exit_bad_input;
}

}  // namespace neap

// cli/: the program `neap`: one file a command, each of which registers itself.
#pragma once
#include <fmt/core.h>

#include <functional>
#include <string>
#include <vector>

#include "neap/cli/options.h"

namespace neap {

// What the program's end means to who called it.
enum ExitCode : int {
  exit_ok = 0,
  exit_wrong = 1,      // it ran, and the result is not what it must be
  exit_usage = 2,      // the command line
  exit_bad_input = 3,  // a file, a model or a size that cannot be used
  exit_stopped = 130   // by Ctrl-C, with everything saved
};

struct Command {
  std::string name;   // "train", or "train gnn": a command within another
  std::string about;  // one line
  // Adds the command's options and gives what runs it: an ExitCode. What it throws as Error is shown as neap: problem / at / try.
  std::function<std::function<int()>(const Options& options)> declare;
  std::vector<std::string> examples = {};  // whole command lines, shown below the options
};

// `static const RegisterCommand x{{.name = ...}};`
struct RegisterCommand {
  explicit RegisterCommand(Command command);
};
std::vector<Command> all_commands();  // by name

// --threads, which several commands take; 0: all cores.
Option add_threads(const Options& options, int& threads);
void use_threads(int threads);

int run_command_line(int count, char** arguments);

// The words of this process's command line, quoted where a shell needs it: for reports.
const std::string& command_text();

}  // namespace neap

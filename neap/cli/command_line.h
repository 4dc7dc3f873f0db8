// The program as CLI11 has it. For those few files that ask it: whatever includes this takes seconds longer to compile.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <vector>

#include "neap/cli/command.h"

namespace neap {

// The whole program with its commands; each command's action is put beside its sub-command.
struct CommandLine {
  CommandLine();
  CLI::App app;
  std::vector<std::function<int()>> actions;  // in the order of app.get_subcommands({})

 private:
  static std::function<int()> declare(const Command& command, CLI::App& app);
  void add_within(const Command& command, std::size_t space);
};

}  // namespace neap

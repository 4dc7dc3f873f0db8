// neap completion
#include <memory>

#include "neap/base/error.h"
#include "neap/cli/command.h"

namespace neap {
namespace {

struct Completed {
  std::string name, about;
  std::vector<std::pair<std::string, std::string>> options;  // "--level", what it says
};

std::vector<Completed> table() {
  CommandLine line;
  std::vector<Completed> commands;
  for (const CLI::App* app : line.app.get_subcommands({})) {
    Completed& command = commands.emplace_back(Completed{app->get_name(), app->get_description(), {}});
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_snames()) command.options.emplace_back("-" + name, option->get_description());
      for (const std::string& name : option->get_lnames()) command.options.emplace_back("--" + name, option->get_description());
    }
  }
  return commands;
}

std::string option_words(const Completed& command) {
  std::string words;
  for (const auto& [name, about] : command.options) words += (words.empty() ? "" : " ") + name;
  return words;
}

// Within single quotes of a shell; `special` are characters that zsh's _arguments reads in a description.
std::string quoted(const std::string& text, std::string_view special = "") {
  std::string safe;
  for (const char c : text) {
    if (c == '\'') {
      safe += "'\\''";
    } else {
      if (special.find(c) != special.npos) safe += '\\';
      safe += c;
    }
  }
  return safe;
}

std::string bash(const std::vector<Completed>& commands) {
  std::string names, cases;
  for (const Completed& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    cases += fmt::format("    {}) words='{}' ;;\n", command.name, option_words(command));
  }
  return fmt::format(
      "# bash: source <(neap completion bash)\n"
      "_neap() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} words=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi\n"
      "  case ${{COMP_WORDS[1]}} in\n{}  esac\n"
      "  case $word in\n"
      "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
      "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _neap neap\n",
      names, cases);
}

std::string zsh(const std::vector<Completed>& commands) {
  std::string names, cases;
  for (const Completed& command : commands) {
    names += fmt::format("    '{}:{}'\n", command.name, quoted(command.about, ":"));
    cases += fmt::format("    {}) _arguments", command.name);
    for (const auto& [name, about] : command.options) cases += fmt::format(" '{}[{}]'", name, quoted(about, "[]:"));
    cases += " '*:file:_files' ;;\n";
  }
  return fmt::format(
      "#compdef neap\n"
      "# zsh: neap completion zsh > a folder of $fpath/_neap, or source <(neap completion zsh)\n"
      "_neap() {{\n"
      "  local -a commands=(\n{}  )\n"
      "  if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
      "  local command=$words[2]\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "# Loaded by name from $fpath this file is the function's first call; sourced it only declares it.\n"
      "if [[ $funcstack[1] == _neap ]]; then _neap \"$@\"; else compdef _neap neap; fi\n",
      names, cases);
}

std::string fish(const std::vector<Completed>& commands) {
  std::string text = "# fish: neap completion fish > ~/.config/fish/completions/neap.fish\n";
  const auto about_of = [](const std::string& about) {
    std::string safe;
    for (const char c : about) safe += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return safe;
  };
  for (const Completed& command : commands) {
    text += fmt::format("complete -c neap -f -n __fish_use_subcommand -a {} -d '{}'\n", command.name, about_of(command.about));
    for (const auto& [name, about] : command.options) {
      const bool wide = name.rfind("--", 0) == 0;
      text += fmt::format("complete -c neap -n '__fish_seen_subcommand_from {}' -{} {} -d '{}'\n", command.name, wide ? "l" : "s",
                          name.substr(wide ? 2 : 1), about_of(about));
    }
  }
  return text;
}

std::function<int()> declare(CLI::App& app) {
  const auto shell = std::make_shared<std::string>();
  app.add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell] {
    const std::vector<Completed> commands = table();
    fmt::print("{}", *shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
    return exit_ok;
  };
}

const RegisterCommand command{{.name = "completion", .about = "print the completion of this command line for a shell", .declare = declare}};

}  // namespace
}  // namespace neap

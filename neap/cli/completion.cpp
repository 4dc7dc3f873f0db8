// neap completion
#include <fmt/format.h>

#include <memory>

#include "neap/cli/command.h"
#include "neap/cli/usage.h"

namespace neap::completion_command {
namespace {

bool is_inner(const CommandWords& command) { return command.name.find(' ') != std::string::npos; }

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

std::string bash(const std::vector<CommandWords>& commands) {
  std::string names, inner, values, cases;
  for (const CommandWords& command : commands) {
    if (is_inner(command)) {
      inner += (inner.empty() ? "'" : "|'") + command.name + "'";
    } else {
      names += (names.empty() ? "" : " ") + command.name;
    }
    std::vector<std::string> options;
    for (const OptionWords& option : command.options) {
      options.insert(options.end(), option.names.begin(), option.names.end());
      if (option.choices.empty()) continue;
      for (const std::string& name : option.names)
        values += fmt::format("    '{} {}') words='{}' ;;\n", command.name, name, fmt::join(option.choices, " "));
    }
    cases += fmt::format("    '{}') options='{}' words='{}' ;;\n", command.name, fmt::join(options, " "), fmt::join(command.words, " "));
  }
  return fmt::format(
      "# bash: source <(neap completion bash)\n"
      "_neap() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} first=2 options= words=\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi\n"
      "  case \"$command ${{COMP_WORDS[2]}}\" in\n"
      "    {}) [ \"$COMP_CWORD\" -gt 2 ] && command+=\" ${{COMP_WORDS[2]}}\" && first=3 ;;\n"
      "  esac\n"
      "  case \"$command ${{COMP_WORDS[COMP_CWORD-1]}}\" in\n{}  esac\n"
      "  if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$word\")); return; fi\n"
      "  case $command in\n{}  esac\n"
      "  [ \"$COMP_CWORD\" -eq $first ] || words=\n"
      "  case $word in\n"
      "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
      "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\")) ;;\n"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _neap neap\n",
      names, inner, values, cases);
}

std::string zsh(const std::vector<CommandWords>& commands) {
  std::string names, inner, cases;
  for (const CommandWords& command : commands) {
    if (is_inner(command)) {
      inner += fmt::format("{}'{}'", inner.empty() ? "" : "|", command.name);
    } else {
      names += fmt::format("    '{}:{}'\n", command.name, quoted(command.about, ":"));
    }
    cases += fmt::format("    '{}') _arguments", command.name);
    for (const OptionWords& option : command.options) {
      const std::string value = option.flag              ? ""
                                : option.choices.empty() ? ":value:_files"
                                                         : fmt::format(":value:({})", fmt::join(option.choices, " "));
      for (const std::string& name : option.names) cases += fmt::format(" '{}[{}]{}'", name, quoted(option.about, "[]:"), value);
    }
    if (!command.words.empty()) cases += fmt::format(" '1:word:({})'", fmt::join(command.words, " "));
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
      "  case \"$command $words[2]\" in\n"
      "    {}) if (( CURRENT > 2 )); then command+=\" $words[2]\"; shift words; (( CURRENT-- )); fi ;;\n"
      "  esac\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "# Loaded by name from $fpath this file is the function's first call; sourced it only declares it.\n"
      "if [[ $funcstack[1] == _neap ]]; then _neap \"$@\"; else compdef _neap neap; fi\n",
      names, inner, cases);
}

std::string in_fish(const std::string& about) {
  std::string safe;
  for (const char c : about) safe += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return safe;
}

// What must have been written before: "train", and none or one of the commands within it.
std::string fish_condition(const CommandWords& command) {
  const std::size_t space = command.name.find(' ');
  std::string text = "__fish_seen_subcommand_from " + command.name.substr(0, space);
  if (space != std::string::npos) text += "; and __fish_seen_subcommand_from " + command.name.substr(space + 1);
  if (!command.within.empty()) text += fmt::format("; and not __fish_seen_subcommand_from {}", fmt::join(command.within, " "));
  return text;
}

std::string fish(const std::vector<CommandWords>& commands) {
  std::string text = "# fish: neap completion fish > ~/.config/fish/completions/neap.fish\n";
  for (const CommandWords& command : commands) {
    const std::string condition = fish_condition(command);
    if (!is_inner(command))
      text += fmt::format("complete -c neap -f -n __fish_use_subcommand -a {} -d '{}'\n", command.name, in_fish(command.about));
    if (!command.words.empty()) text += fmt::format("complete -c neap -n '{}' -a '{}'\n", condition, fmt::join(command.words, " "));
    for (const OptionWords& option : command.options) {
      text += fmt::format("complete -c neap -n '{}'", condition);
      for (const std::string& name : option.names) text += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.flag) text += option.choices.empty() ? " -r" : fmt::format(" -x -a '{}'", fmt::join(option.choices, " "));
      text += fmt::format(" -d '{}'\n", in_fish(option.about));
    }
  }
  return text;
}

std::function<int()> declare(const Options& options) {
  const auto shell = std::make_shared<std::string>();
  options.add("shell", shell.get(), "bash, zsh or fish").required().one_of({"bash", "zsh", "fish"});
  return [shell] {
    const std::vector<CommandWords> commands = words_of_commands();
    fmt::print("{}", *shell == "bash" ? bash(commands) : *shell == "zsh" ? zsh(commands) : fish(commands));
    return exit_ok;
  };
}

const RegisterCommand command{{.name = "completion",
                               .about = "print the completion of this command line for a shell",
                               .declare = declare,
                               .examples = {"source <(neap completion bash)"}}};

}  // namespace
}  // namespace neap::completion_command

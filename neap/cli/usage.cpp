#include "neap/cli/usage.h"

#include <algorithm>

#include "neap/base/suggestion.h"
#include "neap/cli/command_line.h"

namespace neap {
namespace {

// "neap train gnn"
std::string words_of(const CLI::App& command) {
  return command.get_parent() == nullptr ? command.get_name() : words_of(*command.get_parent()) + " " + command.get_name();
}

// The command that was named, that within another where there is one; `program` itself where none was.
const CLI::App& named_command(const CLI::App& program) {
  const auto named = program.get_subcommands();
  return named.empty() ? program : named_command(*named.front());
}

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> command_names(const CLI::App& outer) {
  std::vector<std::string> names;
  for (const CLI::App* command : outer.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

Error no_command(const CLI::App& outer, const std::string& word) {
  const std::string within = outer.get_parent() == nullptr ? "" : fmt::format(" in {}", words_of(outer));
  return Error(fmt::format("there is no command '{}'{}", word, within), "", suggestion(word, command_names(outer)));
}

Error no_option(const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('=')), near = nearest_word(name, option_names(command));
  return Error(fmt::format("{} has no option '{}'", words_of(command), name), "",
               near.empty() ? words_of(command) + " --help" : fmt::format("did you mean '{}'?", near));
}

CommandWords command_words(const CLI::App& app, const std::string& name) {
  CommandWords command{name, app.get_description(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      if (command.words.empty()) command.words = choices_of(*option);
      continue;
    }
    OptionWords& one =
        command.options.emplace_back(OptionWords{{}, option->get_description(), option->get_type_size() == 0, choices_of(*option)});
    for (const std::string& letter : option->get_snames()) one.names.push_back("-" + letter);
    for (const std::string& word : option->get_lnames()) one.names.push_back("--" + word);
  }
  command.within = command_names(app);
  command.words.insert(command.words.end(), command.within.begin(), command.within.end());
  return command;
}

}  // namespace

std::string help_page(const std::vector<std::string>& words) {
  const CommandLine line;
  const CLI::App* command = &line.app;
  for (const std::string& word : words) {
    const std::vector<const CLI::App*> within = command->get_subcommands({});
    const auto found = std::find_if(within.begin(), within.end(), [&](const CLI::App* inner) { return inner->get_name() == word; });
    if (found == within.end())
      throw Error(fmt::format("there is no command '{}'", word), words_of(*command), suggestion(word, command_names(*command)));
    command = *found;
  }
  return command->help(command->get_parent() == nullptr ? "" : words_of(*command->get_parent()));
}

std::vector<CommandWords> words_of_commands() {
  const CommandLine line;
  std::vector<CommandWords> commands;
  for (const CLI::App* app : line.app.get_subcommands({})) {
    commands.push_back(command_words(*app, app->get_name()));
    for (const CLI::App* inner : app->get_subcommands({}))
      commands.push_back(command_words(*inner, app->get_name() + " " + inner->get_name()));
  }
  return commands;
}

Error usage_error(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = named_command(program);
  const std::vector<std::string> unknown = command.remaining();
  const bool holds_commands = !command.get_subcommands({}).empty();
  if (!unknown.empty() && holds_commands && !is_option(unknown[0])) return no_command(command, unknown[0]);
  const auto option = std::find_if(unknown.begin(), unknown.end(), is_option);
  if (option != unknown.end()) return no_option(command, *option);
  if (!unknown.empty()) return Error(fmt::format("'{}' is a word too many", unknown[0]), words_of(command), words_of(command) + " --help");
  return Error(error.what(), words_of(command), words_of(command) + " --help");
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find(":{"), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 2, close - open - 2), ',');
}

}  // namespace neap

// How the command line speaks of itself: help pages, words for completion, and what is said of words that it does not know.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/base/error.h"

namespace CLI {
class App;
class FormatterBase;
class Option;
class ParseError;
}  // namespace CLI

namespace neap {

// Of the command that `words` name: {"train", "gnn"}; of the program if there are none. Error where there is no such command.
std::string help_page(const std::vector<std::string>& words);

struct OptionWords {
  std::vector<std::string> names;  // "-o", "--out"
  std::string about;
  bool flag = false;
  std::vector<std::string> choices;  // of its value; none: a file's name, or anything
};

struct CommandWords {
  std::string name, about;  // "train", or "train gnn"
  std::vector<OptionWords> options;
  std::vector<std::string> words;   // that may follow at once: commands within it, choices of its first argument
  std::vector<std::string> within;  // only the commands
};
std::vector<CommandWords> words_of_commands();  // those within another directly behind it

// Lines no longer than the terminal's, or 100 where there is none; what an option takes, its bounds and default in words.
std::shared_ptr<CLI::FormatterBase> help_format();

// What was wrong with the words after `program` parsed them, and the nearest that would have done.
Error usage_error(const CLI::App& program, const CLI::ParseError& error);

// The words that an option or argument takes where they are a list; empty otherwise.
std::vector<std::string> choices_of(const CLI::Option& option);

}  // namespace neap

// How the command line speaks of itself: help pages, and what is said of words that it does not know.
#pragma once
#include <CLI/CLI.hpp>
#include <memory>

#include "neap/base/error.h"

namespace neap {

// Lines no longer than the terminal's, or 100 where there is none; what an option takes, its bounds and default in words.
std::shared_ptr<CLI::FormatterBase> help_format();

// The command that was named, that within another where there is one; `program` itself where none was.
const CLI::App& named_command(const CLI::App& program);
std::string words_of(const CLI::App& command);  // "neap train gnn"

// What was wrong with the words after `program` parsed them, and the nearest that would have done.
Error usage_error(const CLI::App& program, const CLI::ParseError& error);

// The words that an option or argument takes where they are a list; empty otherwise.
std::vector<std::string> choices_of(const CLI::Option& option);

}  // namespace neap

// The help pages' form.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "neap/base/progress.h"
#include "neap/cli/usage.h"

namespace neap {
namespace {

constexpr std::size_t column = 28;  // where descriptions start

// `text` in lines of at most `width` bytes, those after the first indented to the column.
std::string wrapped(const std::string& text, std::size_t width) {
  std::string lines;
  std::size_t at = column;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (at > column && at + 1 + word.size() > width) {
      lines += "\n" + std::string(column, ' ');
      at = column;
    } else if (at > column) {
      lines += ' ';
      ++at;
    }
    lines += word;
    at += word.size();
  }
  return lines;
}

// "INT in [0 - 4]" as "0 to 4".
std::string bounds(const std::string& check) {
  if (check == "POSITIVE") return "above 0";
  if (check == "NONNEGATIVE") return "0 or more";
  const std::size_t open = check.find(" in ["), middle = check.find(" - ", open), close = check.rfind(']');
  if (open == std::string::npos || middle == std::string::npos || close == std::string::npos) return "";
  return check.substr(open + 5, middle - open - 5) + " to " + check.substr(middle + 3, close - middle - 3);
}

// "N" of "INT:INT in [0 - 4]"; "" of a flag.
std::string taken(const CLI::Option& option) {
  if (option.get_type_size() == 0) return "";
  const std::string type = option.get_type_name();
  const std::string kind = type.substr(0, type.find(':'));
  return kind == "INT" || kind == "UINT" ? "N" : kind == "FLOAT" ? "X" : kind;
}

std::string description(const CLI::Option& option) {
  std::vector<std::string> notes;
  const std::string &about = option.get_description(), type = option.get_type_name();
  const std::vector<std::string> choices = choices_of(option);
  const bool told = std::all_of(choices.begin(), choices.end(), [&](const std::string& word) { return about.find(word) != about.npos; });
  if (!told) notes.push_back(CLI::detail::join(choices, ", "));
  if (const std::size_t colon = type.find(':'); colon != type.npos) notes.push_back(bounds(type.substr(colon + 1)));
  if (const std::string& given = option.get_default_str(); !given.empty()) notes.push_back("default: " + given);
  if (option.get_required() && option.nonpositional()) notes.emplace_back("required");
  if (option.get_expected_max() == CLI::detail::expected_max_vector_size) notes.emplace_back("may be repeated");
  for (const CLI::Option* other : option.get_excludes()) notes.push_back("not with " + other->get_name());
  std::string text;
  for (const std::string& note : notes) text += note.empty() ? "" : (text.empty() ? "" : "; ") + note;
  return text.empty() ? about : about + " (" + text + ")";
}

class HelpFormat : public CLI::Formatter {
 public:
  HelpFormat() {
    label("Positionals", "Arguments");
    label("SUBCOMMAND", "COMMAND");
  }

  std::string make_option(const CLI::Option* option, bool positional) const override {
    std::string names = CLI::detail::find_and_replace(option->get_name(positional, !positional), ",", ", ");
    if (!positional && !taken(*option).empty()) names += " " + taken(*option);
    return row(names, description(*option));
  }
  std::string make_subcommand(const CLI::App* command) const override { return row(command->get_name(), command->get_description()); }
  // The number of commands that must be named is no business of whoever reads this.
  std::string make_description(const CLI::App* command) const override { return command->get_description() + "\n"; }

 private:
  static std::string row(const std::string& name, const std::string& about) {
    constexpr std::size_t widest = 100, least = column + 20;
    const int columns = terminal_columns(1);
    const std::size_t width = columns == 0 ? widest : std::clamp<std::size_t>(static_cast<std::size_t>(columns), least, widest);
    const std::string left = "  " + name;
    const std::string gap = left.size() + 2 > column ? "\n" + std::string(column, ' ') : std::string(column - left.size(), ' ');
    return left + gap + wrapped(about, width) + "\n";
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_format() { return std::make_shared<HelpFormat>(); }

}  // namespace neap

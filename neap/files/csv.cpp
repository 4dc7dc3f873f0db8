#include "neap/files/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/file.h"
#include "neap/base/memory.h"
#include "neap/files/bytes.h"
#include "neap/files/text.h"

namespace neap {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::optional<double> number(std::string_view field) { return parse_number<double>(trimmed(field)); }

// The front field of the line, which loses it together with the ',' after it; nothing at the end of the line.
class Fields {
 public:
  Fields(std::string_view line, std::string place) : rest_(line), place_(std::move(place)) {}

  std::optional<std::string> next() {
    if (ended_) return std::nullopt;
    std::string field = trimmed(rest_).starts_with('"') ? quoted() : plain();
    ended_ = rest_.empty();
    if (!ended_) rest_.remove_prefix(1);
    return field;
  }

 private:
  std::string plain() {
    const std::string_view field = rest_.substr(0, rest_.find(','));
    rest_.remove_prefix(field.size());
    return std::string(trimmed(field));
  }
  std::string quoted() {
    std::string field;
    rest_.remove_prefix(rest_.find('"') + 1);
    for (;;) {
      const std::size_t quote = rest_.find('"');
      if (quote == rest_.npos) throw Error("a quoted field does not end on its line", place_, "close the quotes");
      field += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      field += '"';  // two of them stand for one
      rest_.remove_prefix(1);
    }
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    if (!rest_.empty() && rest_.front() != ',') throw Error("text follows a quoted field", place_, "put a ',' there");
    return field;
  }

  std::string_view rest_;
  std::string place_;
  bool ended_ = false;
};

std::vector<std::string> all_fields(std::string_view line, const std::string& place) {
  std::vector<std::string> result;
  for (Fields fields(line, place); auto field = fields.next();) result.push_back(std::move(*field));
  return result;
}

std::string quoted_name(const std::string& name) {
  if (name.find_first_of("\r\n") != name.npos) throw Error(fmt::format("the column {} has a line's end in its name", shown(name)), "csv");
  if (name.find_first_of("\",") == name.npos && trimmed(name) == name) return name;
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

void check_names(const std::vector<std::string>& columns, const std::string& place) {
  std::vector<std::string> sorted = columns;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    throw Error(fmt::format("two columns are called {}", shown(*twice)), place, "give each a name of its own");
}

// For the lines of `text`, if each has as many numbers: each takes a byte, and one is between two of them. Where it has not, it is refused
// before the space is used up.
Array space_for(std::string_view text, std::size_t columns, DType dtype, const std::string& place, std::int64_t memory_limit) {
  const auto lines = static_cast<std::int64_t>(text.empty() ? 0 : std::ranges::count(text, '\n') + 1);
  const std::int64_t most = (static_cast<std::int64_t>(text.size()) + 1) / 2, wide = static_cast<std::int64_t>(columns);
  const std::int64_t count = lines > most / wide ? most : lines * wide;
  check_memory(static_cast<double>(count * size_of(dtype)), fmt::format("a table of {} lines", lines), place, memory_limit);
  return {dtype, {count}};
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& place, DType dtype, std::int64_t memory_limit) {
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  text = text.substr(0, text.find_last_not_of("\r\n") + 1);  // the last line may end, and empty lines may follow
  if (text.empty()) throw Error("the file has no line", place, "it needs a line of names and lines of numbers");
  Table table;
  std::int64_t line_number = 1;
  const auto line_place = [&] { return fmt::format("{}:{}", place, line_number); };
  const std::string_view whole = text;
  table.columns = all_fields(take_line(text), line_place());
  if (std::ranges::all_of(table.columns, [](const std::string& field) { return number(field).has_value(); })) {
    for (std::size_t column = 0; column < table.columns.size(); ++column) table.columns[column] = std::to_string(column);
    text = whole;
    line_number = 0;
    table.first_line = 1;
  }
  check_names(table.columns, line_place());
  Array values = space_for(text, table.columns.size(), dtype, place, memory_limit);
  std::int64_t count = 0;
  while (!text.empty()) {
    ++line_number;
    std::size_t column = 0;
    for (Fields fields(take_line(text), line_place()); const auto field = fields.next(); ++column) {
      if (column >= table.columns.size()) continue;  // counted only
      const auto value = number(*field);
      if (!value) {
        throw Error(fmt::format("{} in column {} is not a number", shown(*field), shown(table.columns[column])), line_place(),
                    "tables hold numbers only: give classes and dates numbers");
      }
      values.set(count++, *value);
    }
    if (column != table.columns.size()) {
      throw Error(fmt::format("the line has {} fields, the first line has {}", column, table.columns.size()), line_place(),
                  "mend the line, or quote fields that hold a ','");
    }
  }
  const auto columns = static_cast<std::int64_t>(table.columns.size());
  table.values = values.reshape({count / columns, columns});
  return table;
}

Table read_csv(const std::filesystem::path& path) { return parse_csv(read_file(path), path.string()); }

std::string csv_text(const Table& table) {
  const auto columns = static_cast<std::int64_t>(table.columns.size());
  if (columns == 0 || table.values.rank() != 2 || table.values.size(1) != columns) {
    throw Error(fmt::format("{} names for a table of {}", columns, to_string(table.values.sizes())), "csv", "give a name a column");
  }
  std::string text;
  for (std::int64_t column = 0; column < columns; ++column) {
    text += (column == 0 ? "" : ",") + quoted_name(table.columns[static_cast<std::size_t>(column)]);
  }
  text += '\n';
  for (std::int64_t i = 0; i < table.values.count(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}{}", table.values.get(i), (i + 1) % columns == 0 ? '\n' : ',');
  }
  return text;
}

void write_csv(const std::filesystem::path& path, const Table& table) { write_file(path, csv_text(table)); }

}  // namespace neap

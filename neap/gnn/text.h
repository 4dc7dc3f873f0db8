// What the readers of text formats share: lines with their numbers, fields, and numbers that are checked.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "neap/base/error.h"
#include "neap/files/bytes.h"
#include "neap/files/text.h"
#include "neap/gnn/csr.h"

namespace neap::gnn {

// The lines of a text, in order; "\n" or "\r\n" ends one.
class Lines {
 public:
  Lines(std::string_view text, std::string file) : rest_(text), file_(std::move(file)) {}

  // The next line, without its end; nothing after the last.
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    ++number_;
    return take_line(rest_);
  }
  const std::string& file() const { return file_; }
  std::int64_t number() const { return number_; }  // of the line that was the last
  std::string place() const { return number_ == 0 ? file_ : fmt::format("{}:{}", file_, number_); }
  std::int64_t bytes_left() const { return static_cast<std::int64_t>(rest_.size()); }

 private:
  std::string_view rest_;
  std::string file_;
  std::int64_t number_ = 0;
};

// The fields of a text, of one line unless `separators` say otherwise.
class Words {
 public:
  explicit Words(std::string_view text, std::string_view separators = " \t,;") : rest_(text), separators_(separators) {}
  std::optional<std::string_view> next() {
    const std::size_t begin = rest_.find_first_not_of(separators_);
    if (begin == rest_.npos) return std::nullopt;
    rest_.remove_prefix(begin);
    const std::string_view word = rest_.substr(0, rest_.find_first_of(separators_));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_, separators_;
};

// Error at the line where the word is missing (nothing), is no number, or does not fit.
std::int64_t integer(std::optional<std::string_view> word, const char* what, const Lines& lines);
double number(std::optional<std::string_view> word, const char* what, const Lines& lines);
// An id in first .. first + vertices - 1, from 0; `most_vertices`: their number is not known.
VertexId vertex_id(std::optional<std::string_view> word, std::int64_t first, std::int64_t vertices, const char* what, const Lines& lines);
void no_more(Words& words, const Lines& lines);

// What a header says of the graph is checked before anything is allocated: against the memory, against 31 bits of an id, and against the
// bytes of the file, of which each edge needs at least `edge_bytes`; vertices without edges cost a file nothing, but more than 8 million of
// them are believed only to files of a twenty-fifth byte for each.
void check_header(std::int64_t vertices, std::int64_t edges, std::int64_t edge_bytes, std::int64_t memory_limit, const Lines& lines);
void check_vertices(std::int64_t vertices, std::int64_t file_bytes, std::int64_t memory_limit, const std::string& place);

}  // namespace neap::gnn

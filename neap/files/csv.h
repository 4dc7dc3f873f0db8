// CSV: tables of numbers with a line of names.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "neap/base/array.h"

namespace neap {

struct Table {
  std::vector<std::string> columns;
  Array values;                 // f64 [rows, columns], unless another dtype is asked for
  std::int64_t first_line = 2;  // of the first row in the text; 1 where there is no line of names
  bool has_header() const { return first_line > 1; }
};

// Fields are separated by ',' and may be quoted; "nan" and "inf" are numbers. A first line whose fields are all numbers is no header:
// columns are then called "0", "1", ... Error naming the line on rows of another length, on two columns of one name, and the column too on
// what is no number; before the table is allocated, where it needs more than `memory_limit` (0: the machine's memory).
Table read_csv(const std::filesystem::path& path);
Table parse_csv(std::string_view text, const std::string& place, DType dtype = DType::f64, std::int64_t memory_limit = 0);

void write_csv(const std::filesystem::path& path, const Table& table);
std::string csv_text(const Table& table);  // numbers are written so that they read back the same

}  // namespace neap

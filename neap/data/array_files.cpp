#include "neap/data/array_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/files/csv.h"
#include "neap/files/npy.h"
#include "neap/files/npz.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> numbers_below(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

DatasetPtr table_dataset(const Table& table, const std::string& label, DType dtype, const std::string& place) {
  const Array& values = table.values;
  if (label.empty()) return array_dataset({"x"}, {values.cast(dtype)}, {}, place);
  const auto found = std::ranges::find(table.columns, label);
  if (found == table.columns.end()) {
    throw Error(fmt::format("there is no column '{}'", label), place, fmt::format("the columns are: {}", fmt::join(table.columns, ", ")));
  }
  constexpr std::int64_t most_classes = 1 << 20;
  const std::int64_t at = found - table.columns.begin(), rows = values.size(0), columns = values.size(1);
  Array x(dtype, {rows, columns - 1}), y(DType::f64, {rows});
  double largest = -1;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      const double value = values.get(row * columns + column);
      if (column != at) x.set(row * (columns - 1) + column - (column > at ? 1 : 0), value);
      if (column == at) y.set(row, value);
    }
    largest = std::max(largest, y.get(row));
  }
  const auto classes = largest < most_classes ? static_cast<std::int64_t>(largest) + 1 : most_classes;
  const Array labels = checked_labels(y, classes, fmt::format("{}, column '{}'", place, label));
  return array_dataset({"x", "y"}, {x, labels}, numbers_below(classes), place);
}

}  // namespace

DatasetPtr open_array_file(const fs::path& path, const std::string& label, DType dtype) {
  const std::string extension = path.extension().string(), place = path.string();
  if (extension == ".csv") return table_dataset(read_csv(path), label, dtype, place);
  if (!label.empty())
    throw Error(fmt::format("a label '{}' for a file that is no table", label), place, "name a label for .csv files only");
  if (extension == ".npy") return array_dataset({"x"}, {read_npy(path)}, {}, place);
  if (extension != ".npz") throw Error("the file is none of arrays", place, "give .npz, .npy or .csv");
  std::vector<std::string> names;
  std::vector<Array> arrays;
  for (auto& [name, array] : read_npz(path)) {
    names.push_back(name);
    arrays.push_back(array);
  }
  return array_dataset(std::move(names), std::move(arrays), {}, place);
}

}  // namespace neap

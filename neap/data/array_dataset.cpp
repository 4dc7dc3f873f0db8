#include "neap/data/array_dataset.h"

#include <algorithm>

#include "neap/base/error.h"

namespace neap {
namespace {

std::vector<Field> fields_of(const std::vector<std::string>& names, const std::vector<Array>& arrays, const std::string& place) {
  if (names.size() != arrays.size()) throw Error(fmt::format("{} names for {} arrays", names.size(), arrays.size()), place);
  if (arrays.empty()) throw Error("a dataset needs an array", place);
  std::vector<Field> fields;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const Sizes& sizes = arrays[i].sizes();
    if (sizes.empty()) throw Error(fmt::format("'{}' is a scalar", names[i]), place, "the first axis must count the examples");
    if (sizes[0] != arrays[0].size(0)) {
      throw Error(fmt::format("'{}' has {} examples, '{}' has {}", names[i], sizes[0], names[0], arrays[0].size(0)), place,
                  "the first axis of all must be the same");
    }
    fields.push_back({.name = names[i], .dtype = arrays[i].dtype(), .sizes = {sizes.begin() + 1, sizes.end()}});
  }
  return fields;
}

class ArrayDataset : public Dataset {
 public:
  ArrayDataset(std::vector<std::string> names, std::vector<Array> arrays, std::vector<std::string> class_names, std::string place)
      : Dataset(fields_of(names, arrays, place), std::move(class_names), place), arrays_(std::move(arrays)) {}
  std::int64_t count() const override { return arrays_[0].size(0); }
  std::vector<Array> batch(std::span<const std::int64_t> indices) const override {
    check_indices(indices);
    std::vector<Array> result;
    for (const Array& array : arrays_) {
      Sizes sizes = array.sizes();
      sizes[0] = static_cast<std::int64_t>(indices.size());
      Array rows(array.dtype(), std::move(sizes));
      const std::int64_t row = indices.empty() ? 0 : rows.bytes() / static_cast<std::int64_t>(indices.size());
      std::byte* to = rows.raw();
      for (const std::int64_t index : indices) to = std::copy_n(array.raw() + index * row, row, to);
      result.push_back(std::move(rows));
    }
    return result;
  }

 private:
  std::vector<Array> arrays_;
};

}  // namespace

DatasetPtr array_dataset(std::vector<std::string> names, std::vector<Array> arrays, std::vector<std::string> class_names,
                         std::string place) {
  return std::make_shared<ArrayDataset>(std::move(names), std::move(arrays), std::move(class_names), std::move(place));
}

}  // namespace neap

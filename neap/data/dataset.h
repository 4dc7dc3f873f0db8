// data/: what training reads: datasets, the order of examples, augmentation, and the thread that prepares batches ahead.
// A dataset is a numbered list of examples; an example has one value for each field ("x", "y").
#pragma once
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neap/base/array.h"

namespace neap {

// One field of an example: {"x", f32, [1,28,28]} for an image (channels, height, width), {"y", i64, []} for a label.
struct Field {
  std::string name;
  DType dtype = DType::f32;
  Sizes sizes;
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t count() const = 0;
  // One array a field, [indices.size(), sizes of the field...], rows in the order of `indices`. May be called from several threads at once.
  // Error on an index that does not exist.
  virtual std::vector<Array> batch(std::span<const std::int64_t> indices) const = 0;

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<std::string>& class_names() const { return class_names_; }  // by label; empty where labels are no classes
  const std::string& place() const { return place_; }                           // where the examples come from, for errors and reports
  std::vector<Array> range(std::int64_t begin, std::int64_t end) const;         // the batch of begin, begin+1, ..., end-1

 protected:
  Dataset(std::vector<Field> fields, std::vector<std::string> class_names, std::string place)
      : fields_(std::move(fields)), class_names_(std::move(class_names)), place_(std::move(place)) {}
  void check_indices(std::span<const std::int64_t> indices) const;

 private:
  std::vector<Field> fields_;
  std::vector<std::string> class_names_;
  std::string place_;
};

using DatasetPtr = std::shared_ptr<const Dataset>;

// The examples `indices` of another dataset, renumbered from 0.
DatasetPtr subset(DatasetPtr whole, std::vector<std::int64_t> indices);

// The first of so many equal parts of another dataset: one example at least.
DatasetPtr first_part(DatasetPtr whole, std::int64_t parts);

// {training, validation}: round(count * validation) examples chosen by `seed` go to the second, each part in the order of the whole. Error
// unless 0 <= validation <= 1.
std::pair<DatasetPtr, DatasetPtr> split(const DatasetPtr& whole, double validation, std::uint64_t seed);

// Labels as i64. Error naming the first that is not an integer in 0 .. classes-1, and its index.
Array checked_labels(const Array& labels, std::int64_t classes, const std::string& place);

}  // namespace neap

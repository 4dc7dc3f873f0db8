#include "neap/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "neap/base/error.h"
#include "neap/data/sampler.h"

namespace neap {
namespace {

class Subset : public Dataset {
 public:
  Subset(DatasetPtr whole, std::vector<std::int64_t> indices)
      : Dataset(whole->fields(), whole->class_names(), whole->place()), whole_(std::move(whole)), indices_(std::move(indices)) {}
  std::int64_t count() const override { return static_cast<std::int64_t>(indices_.size()); }
  std::vector<Array> batch(std::span<const std::int64_t> indices) const override {
    check_indices(indices);
    std::vector<std::int64_t> chosen;
    chosen.reserve(indices.size());
    for (const std::int64_t index : indices) chosen.push_back(indices_[static_cast<std::size_t>(index)]);
    return whole_->batch(chosen);
  }

 private:
  DatasetPtr whole_;
  std::vector<std::int64_t> indices_;
};

}  // namespace

std::vector<Array> Dataset::range(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || end < begin || end > count()) throw Error(fmt::format("examples {} to {} of {}", begin, end, count()), place());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return batch(indices);
}

void Dataset::check_indices(std::span<const std::int64_t> indices) const {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= count()) throw Error(fmt::format("there is no example {} among {}", index, count()), place());
  }
}

DatasetPtr subset(DatasetPtr whole, std::vector<std::int64_t> indices) {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= whole->count()) {
      throw Error(fmt::format("there is no example {} among {}", index, whole->count()), whole->place());
    }
  }
  return std::make_shared<Subset>(std::move(whole), std::move(indices));
}

DatasetPtr first_part(DatasetPtr whole, std::int64_t parts) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::max<std::int64_t>(1, whole->count() / parts)));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return subset(std::move(whole), std::move(indices));
}

std::pair<DatasetPtr, DatasetPtr> split(const DatasetPtr& whole, double validation, std::uint64_t seed) {
  if (!(validation >= 0 && validation <= 1)) throw Error(fmt::format("a part of {} for validation", validation), "", "give 0 to 1");
  std::vector<std::int64_t> order = shuffled(whole->count(), CounterRandom(seed, Draw::split, 0));
  const auto middle = order.end() - std::llround(static_cast<double>(order.size()) * validation);
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  return {subset(whole, {order.begin(), middle}), subset(whole, {middle, order.end()})};
}

Array checked_labels(const Array& labels, std::int64_t classes, const std::string& place) {
  if (labels.rank() != 1) throw Error(fmt::format("labels of sizes {}", to_string(labels.sizes())), place, "give one label an example");
  for (std::int64_t i = 0; i < labels.count(); ++i) {
    const double label = labels.get(i);
    if (!(label >= 0 && label == std::floor(label))) {
      throw Error(fmt::format("label {} at index {} is no class", label, i), place, "classes are whole numbers from 0");
    }
    if (label >= static_cast<double>(classes)) {
      throw Error(fmt::format("label {} at index {} is none of the {} classes 0 to {}", label, i, classes, classes - 1), place,
                  "mend the label, or give the right number of classes");
    }
  }
  return labels.cast(DType::i64);
}

}  // namespace neap

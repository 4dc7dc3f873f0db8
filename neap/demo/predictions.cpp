#include "neap/demo/predictions.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "neap/base/error.h"

namespace neap {

Array logits_of(Executable& executable, const Dataset& dataset, std::int64_t batch) {
  Array all;
  for (std::int64_t begin = 0; begin < dataset.count(); begin += batch) {
    const std::int64_t end = std::min(begin + batch, dataset.count());
    const Array rows = executable.run({dataset.range(begin, end)[0]}).at(0);
    if (rows.rank() != 2 || rows.size(0) != end - begin) {
      throw Error(fmt::format("the network gives {} for {} images", to_string(rows.sizes()), end - begin), "evaluation",
                  "it must give one row of scores an image");
    }
    if (begin == 0) all = Array(rows.dtype(), {dataset.count(), rows.size(1)});
    std::memcpy(all.raw() + begin * rows.size(1) * size_of(rows.dtype()), rows.raw(), static_cast<std::size_t>(rows.bytes()));
  }
  return all;
}

std::vector<std::int64_t> predicted(const Array& logits) {
  const std::int64_t rows = logits.size(0), classes = logits.size(1);
  std::vector<std::int64_t> best(static_cast<std::size_t>(rows), 0);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int64_t& mine = best[static_cast<std::size_t>(i)];
    for (std::int64_t c = 1; c < classes; ++c) {
      if (logits.get(i * classes + c) > logits.get(i * classes + mine)) mine = c;
    }
  }
  return best;
}

std::vector<std::int64_t> labels_of(const Dataset& dataset) {
  std::vector<std::int64_t> labels;
  constexpr std::int64_t chunk = 1000;
  for (std::int64_t begin = 0; begin < dataset.count(); begin += chunk) {
    const Array some = dataset.range(begin, std::min(begin + chunk, dataset.count())).at(1);
    for (std::int64_t i = 0; i < some.count(); ++i) labels.push_back(some.get_int(i));
  }
  return labels;
}

double accuracy(const Array& logits, const std::vector<std::int64_t>& labels) {
  const std::vector<std::int64_t> best = predicted(logits);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += best.at(i) == labels[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(std::max<std::size_t>(1, labels.size()));
}

Agreement agreement(const Array& first, const Array& second) {
  constexpr double near = 1e-3;
  Agreement result;
  if (first.sizes() != second.sizes()) {
    throw Error(fmt::format("scores of {} and of {}", to_string(first.sizes()), to_string(second.sizes())), "comparison of predictions");
  }
  const std::vector<std::int64_t> a = predicted(first), b = predicted(second);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int64_t row = static_cast<std::int64_t>(i) * first.size(1);
    if (a[i] == b[i]) {
      ++result.same;
    } else {
      ++(first.get(row + a[i]) - first.get(row + b[i]) < near ? result.ties : result.different);
    }
  }
  for (std::int64_t i = 0; i < first.count(); ++i) {
    const double difference = std::abs(first.get(i) - second.get(i));
    if (!(difference <= result.largest_difference)) result.largest_difference = difference;  // NaN too
  }
  return result;
}

std::string Agreement::to_string() const {
  std::string text = fmt::format("{} of {} predictions agree", same, same + ties + different);
  if (ties > 0) text += fmt::format(", {} differ where two classes are within 0.001", ties);
  return text + fmt::format("; logits differ by at most {:.1e}", largest_difference);
}

}  // namespace neap

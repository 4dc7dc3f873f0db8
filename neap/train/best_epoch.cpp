#include "neap/train/best_epoch.h"

#include "neap/base/error.h"

namespace neap {

void BestEpoch::offer(std::int64_t epoch, const Evaluation& evaluation, const NamedArrays& arrays) {
  if (!keeps()) return;
  double value = evaluation.loss;
  if (measure_ != "loss") {
    const auto found = evaluation.metrics.find(measure_);
    if (found == evaluation.metrics.end()) {
      throw Error(fmt::format("the objective has no metric '{}'", measure_), "training",
                  "keep the best epoch by one that it has, or by loss");
    }
    value = found->second;
  }
  const bool better = epoch_ < 0 || (measure_ == "loss" ? value < value_ : value > value_);
  if (!better) return;
  epoch_ = epoch;
  value_ = value;
  arrays_.clear();
  for (const auto& [name, array] : arrays) arrays_[name] = array.clone();
}

bool BestEpoch::is_over(std::int64_t epochs_done) const { return patience_ > 0 && epoch_ >= 0 && epochs_done - 1 - epoch_ >= patience_; }

void BestEpoch::load(const std::string& measure, std::int64_t epoch, double value, NamedArrays arrays) {
  if (measure != measure_) return;
  epoch_ = epoch;
  value_ = value;
  arrays_ = std::move(arrays);
}

}  // namespace neap

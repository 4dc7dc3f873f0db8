#include "neap/train/best_epoch.h"

#include <cmath>
#include <nlohmann/json.hpp>

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

nlohmann::json BestEpoch::state() const { return {{"measure", measure_}, {"epoch", epoch_}, {"value", value_}}; }

void BestEpoch::load(const nlohmann::json& state, NamedArrays arrays) {
  if (state.at("measure").get<std::string>() != measure_) return;  // another measure: what was best by the one before is not by this
  epoch_ = state.at("epoch").get<std::int64_t>();
  value_ = state.at("value").get<double>();
  arrays_ = std::move(arrays);
}

}  // namespace neap

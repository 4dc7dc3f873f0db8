// Which epoch of a run was the best so far, its parameters, and whether a better one is still to be expected.
#pragma once
#include <string>

#include "neap/files/bytes.h"
#include "neap/train/evaluate.h"

namespace neap {

class BestEpoch {
 public:
  // `measure`: "loss", of which less is better, or a metric of the objective, of which more is. Empty: nothing is kept. `patience`: epochs
  // without a better one after which a run is over; 0: never.
  explicit BestEpoch(std::string measure = "", std::int64_t patience = 0) : measure_(std::move(measure)), patience_(patience) {}

  bool keeps() const { return !measure_.empty(); }
  // Copies the arrays where this epoch is better than all before; the first of equals stays. Error on a metric that there is not.
  void offer(std::int64_t epoch, const Evaluation& evaluation, const NamedArrays& arrays);
  bool is_over(std::int64_t epochs_done) const;

  std::int64_t epoch() const { return epoch_; }  // from 0; -1: none yet
  double value() const { return value_; }
  const NamedArrays& arrays() const { return arrays_; }

  const std::string& measure() const { return measure_; }
  // Goes on from what another one was. What was best by another measure is not so by this one.
  void load(const std::string& measure, std::int64_t epoch, double value, NamedArrays arrays);

 private:
  std::string measure_;
  std::int64_t patience_ = 0, epoch_ = -1;
  double value_ = 0;
  NamedArrays arrays_;
};

}  // namespace neap

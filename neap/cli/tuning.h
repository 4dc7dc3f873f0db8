// What commands that tune have in common: the option, a progress bar, and what is said of it.
#pragma once
#include <optional>

#include "neap/base/progress.h"
#include "neap/cli/options.h"
#include "neap/transform/optimizer.h"

namespace neap {

// `seconds` is 0 where the option is not given.
Option add_tune(const Options& options, double& seconds, const std::string& what);

// For as long as something is tuned.
class TuningProgress {
 public:
  explicit TuningProgress(double seconds);
  TuneOptions options();  // which advance it

 private:
  Progress progress_;
  double seconds_, shown_ = 0;
};

std::string tuning_text(const Tuning& tuning);  // a line

}  // namespace neap

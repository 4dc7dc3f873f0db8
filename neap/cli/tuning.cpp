#include "neap/cli/tuning.h"

#include <fmt/format.h>

namespace neap {

Option add_tune(const Options& options, double& seconds, const std::string& what) {
  constexpr double usual = 30;
  return options.add("--tune", &seconds, fmt::format("{}, for this many seconds ({})", what, usual)).value_or(usual).positive();
}

TuningProgress::TuningProgress(double seconds) : progress_("tuning", static_cast<std::int64_t>(seconds), "s"), seconds_(seconds) {}

TuneOptions TuningProgress::options() {
  return {.seconds = seconds_, .report = [this](double seconds, const std::string& note) {
            shown_ += seconds;
            const auto whole = static_cast<std::int64_t>(shown_);
            shown_ -= static_cast<double>(whole);
            progress_.advance(whole, note);
          }};
}

std::string tuning_text(const Tuning& tuning) {
  std::string text = fmt::format("tuned {} kernels, {} of them by measuring: {} run better with other parameters", tuning.kernels,
                                 tuning.measured, tuning.changed);
  if (tuning.before > 0)
    text += fmt::format("; those measured take {} in place of {}", human_seconds(tuning.after), human_seconds(tuning.before));
  if (tuning.ways > 0) text += fmt::format("; {} ways of the whole were run", tuning.ways);
  if (tuning.left > 0) text += fmt::format("; no time was left for {}", tuning.left);
  return text + "\n";
}

}  // namespace neap

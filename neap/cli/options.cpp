#include "neap/cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace neap {
namespace {

// Takes finite numbers that fit, and says what is wanted of others; what is no number is refused where it is converted. (CLI11's own checks
// let NaN pass, take -1 for the largest unsigned number, and say "not in range 0.000000 to 1797693134862315...".)
CLI::Validator number(bool (*fits)(double), const std::string& wanted, const std::string& kind) {
  const auto wrong = [fits, wanted](const std::string& text) -> std::string {
    char* end = nullptr;
    const double given = std::strtod(text.c_str(), &end);
    if (end == text.c_str()) return "";
    if (!std::isfinite(given)) return fmt::format("must be a finite number, not {}", text);
    return fits(given) ? "" : fmt::format("{}: {}", wanted, text);
  };
  return {wrong, kind};
}

bool is_positive(double number) { return number > 0; }
bool is_not_negative(double number) { return number >= 0; }

}  // namespace

Option Option::about(const std::string& text) const { return Option(option_->description(text)); }

Option Option::required() const { return Option(option_->required()); }

Option Option::shows_default() const { return Option(option_->capture_default_str()); }

Option Option::between(int least, int most) const { return Option(option_->check(CLI::Range(least, most))); }

Option Option::between(double least, double most) const { return Option(option_->check(CLI::Range(least, most))); }

Option Option::positive() const { return Option(option_->check(number(is_positive, "must be more than 0", "POSITIVE"))); }

Option Option::not_negative() const { return Option(option_->check(number(is_not_negative, "must not be negative", "NONNEGATIVE"))); }

Option Option::one_of(const std::vector<std::string>& words) const { return Option(option_->check(CLI::IsMember(words))); }

Option Option::by_commas() const { return Option(option_->delimiter(',')); }

Option Option::one_at_a_time() const { return Option(option_->allow_extra_args(false)); }

Option Option::value_or(double without) const { return Option(option_->expected(0, 1)->default_str(fmt::format("{}", without))); }

Option Option::not_with(Option other) const { return Option(option_->excludes(other.option_)); }

bool Option::given() const { return option_->count() > 0; }

Option Options::add(const std::string& names, Filled filled, const std::string& about) const {
  const auto add_to = [&](auto* value) {
    if constexpr (std::is_same_v<decltype(value), bool*>) {
      return Option(app_->add_flag(names, *value, about));
    } else if constexpr (std::is_same_v<decltype(value), std::uint64_t*>) {
      return Option(app_->add_option(names, *value, about)).not_negative();
    } else {
      return Option(app_->add_option(names, *value, about));
    }
  };
  return std::visit(add_to, filled);
}

void Options::add_action(const std::string& names, std::function<void()> work, const std::string& about) const {
  const auto work_alone = [work = std::move(work)] {
    work();
    throw CLI::Success();
  };
  app_->add_flag_callback(names, work_alone, about);
}

void Options::add_note(const std::string& text) const { app_->footer(text); }

bool Options::given_beside(const std::vector<Option>& those) const {
  const auto is_other = [&](const CLI::Option* given) {
    return std::none_of(those.begin(), those.end(), [given](Option one) { return one.option_ == given; });
  };
  const std::vector<CLI::Option*>& all = app_->parse_order();
  return std::any_of(all.begin(), all.end(), is_other);
}

}  // namespace neap

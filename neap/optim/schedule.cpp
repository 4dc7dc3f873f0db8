#include "neap/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "neap/base/error.h"

namespace neap {
namespace {

double half_cosine(double from, double to, double part) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * std::clamp(part, 0.0, 1.0))) / 2;
}

void check_steps(std::int64_t steps) {
  if (steps < 1) throw Error(fmt::format("a schedule over {} steps", steps), "", "at least 1");
}

}  // namespace

RateSchedule constant_rate(double rate) {
  return [rate](std::int64_t) { return rate; };
}

RateSchedule cosine_rate(double peak, std::int64_t steps, double last) {
  check_steps(steps);
  return [=](std::int64_t step) { return half_cosine(peak, last, static_cast<double>(step) / static_cast<double>(steps)); };
}

RateSchedule one_cycle_rate(double peak, std::int64_t steps, double warm) {
  check_steps(steps);
  const double top = std::max(1.0, warm * static_cast<double>(steps) - 1), end = std::max(top + 1, static_cast<double>(steps) - 1);
  return [=](std::int64_t step) {
    const double at = static_cast<double>(step), first = peak / 25;
    return at <= top ? half_cosine(first, peak, at / top) : half_cosine(peak, first / 1e4, (at - top) / (end - top));
  };
}

RateSchedule step_rate(double first, std::int64_t every, double factor) {
  check_steps(every);
  return [=](std::int64_t step) {
    const std::int64_t times = step / every;
    return first * std::pow(factor, static_cast<double>(times));
  };
}

RateSchedule warm_up(std::int64_t steps, RateSchedule after) {
  check_steps(steps);
  return [steps, after = std::move(after)](std::int64_t step) {
    return step < steps ? after(0) * static_cast<double>(step + 1) / static_cast<double>(steps) : after(step - steps);
  };
}

}  // namespace neap

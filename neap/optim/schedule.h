// Learning rates over the steps of a run: plain functions of the step, so that a change needs no new graph.
#pragma once
#include <cstdint>
#include <functional>

namespace neap {

using RateSchedule = std::function<double(std::int64_t step)>;  // step from 0

RateSchedule constant_rate(double rate);
// Half a cosine from `peak` to `last` over `steps`, then `last` (Loshchilov and Hutter 2017, arXiv:1608.03983).
RateSchedule cosine_rate(double peak, std::int64_t steps, double last = 0);
// Up from peak / 25 for the first `warm` of the steps and down to peak / 25 / 10^4, both as half a cosine (Smith and Topin 2018,
// arXiv:1708.07120).
RateSchedule one_cycle_rate(double peak, std::int64_t steps, double warm = 0.3);
RateSchedule step_rate(double first, std::int64_t every, double factor);  // times `factor` after each `every` steps
// In a line from 0 over `steps`, then `after`, which starts at its own step 0.
RateSchedule warm_up(std::int64_t steps, RateSchedule after);

}  // namespace neap

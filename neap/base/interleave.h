// Several ways to do one thing, timed in turns: what else the machine does falls on all of them.
#pragma once
#include <functional>
#include <vector>

namespace neap {

// Seconds a run, by way and round. Every other round goes backwards; a turn is as many runs as take `turn_seconds` or one. Each way has run
// before that. Shows its progress.
std::vector<std::vector<double>> interleaved_seconds(const std::vector<std::function<void()>>& ways, int rounds,
                                                     double turn_seconds = 0.01);

double quantile(std::vector<double> values, double part);  // the nearest of them

}  // namespace neap

// base/: what everything else stands on: errors, dtypes, arrays, files, threads, CPU features, progress.
#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace neap {

// Every failure that a person may see: what was wrong, where (node, file:line, tensor), and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(std::string problem, std::string place = "", std::string remedy = "");

  const std::string& problem() const { return problem_; }
  const std::string& place() const { return place_; }
  const std::string& remedy() const { return remedy_; }

 private:
  std::string problem_, place_, remedy_;
};

// A broken promise of our own code (not of a user's input): says so, and names the place.
[[noreturn]] void internal_error(const char* file, int line, const std::string& message);
#define NEAP_ASSERT(condition, ...)                                                                                   \
  do {                                                                                                                \
    if (!(condition)) ::neap::internal_error(__FILE__, __LINE__, #condition __VA_OPT__(+::fmt::format(__VA_ARGS__))); \
  } while (false)

}  // namespace neap

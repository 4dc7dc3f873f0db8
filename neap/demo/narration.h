// What a demo tells while it runs, and what it holds against what.
#pragma once
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace neap {

struct Check {
  std::string name;
  bool passed = false;
  std::string detail;
};

class Narration {
 public:
  const std::vector<Check>& checks() const { return checks_; }

 protected:
  explicit Narration(std::FILE* text) : text_(text) {}

  template <class... Arguments>
  void say(fmt::format_string<Arguments...> text, Arguments&&... arguments) const {
    fmt::print(text_, text, std::forward<Arguments>(arguments)...);
    std::fflush(text_);
  }
  void check(std::string name, bool passed, std::string detail) { checks_.push_back({std::move(name), passed, std::move(detail)}); }
  // Whether all checks held, each of which is said.
  bool say_checks() const {
    for (const Check& check : checks_) say("   {} {}: {}\n", check.passed ? "holds:" : "FAILS:", check.name, check.detail);
    return std::all_of(checks_.begin(), checks_.end(), [](const Check& check) { return check.passed; });
  }

 private:
  std::FILE* text_;
  std::vector<Check> checks_;
};

}  // namespace neap

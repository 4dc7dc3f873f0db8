#include "bench/peers/answer.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "bench/core/graphs.h"
#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench {
namespace {

// Short calls are warmed up: the other side has run meanwhile.
double seconds_of(const Work& work, int calls) {
  const Threads threads(work.threads);
  if (calls > 1) work.run();
  const auto all = [&] {
    for (int i = 0; i < calls; ++i) work.run();
  };
  return once_seconds(all, work.threads == 1 ? Clock::thread : Clock::wall) / calls;
}

// A line of /proc/self/status, in bytes.
double status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return 1024 * std::stod(line.substr(field.size() + 1));
  }
  throw Error("/proc/self/status has no " + field, "bench");
}

double peak_of(const Work& work) {
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM begins anew
  const Threads threads(work.threads);
  for (int i = 0; i < 2; ++i) work.run();
  return status_bytes("VmHWM");
}

class Made {
 public:
  explicit Made(const std::map<std::string, Maker>& makers) : makers_(makers) {}
  const Work& at(const std::string& name) {
    const auto found = made_.find(name);
    if (found != made_.end()) return found->second;
    const auto maker = makers_.find(name);
    if (maker == makers_.end()) throw Error("there is no '" + name + "'", "bench", "ask for what this program knows");
    const Work& work = made_.emplace(name, maker->second()).first->second;
    const Threads threads(work.threads);
    work.run();
    return work;
  }
  void forget() { made_.clear(); }

 private:
  const std::map<std::string, Maker>& makers_;
  std::map<std::string, Work> made_;
};

}  // namespace

void answer(const std::map<std::string, Maker>& makers) {
  Made made(makers);
  const double before = status_bytes("VmRSS");
  const auto print = [](const std::string& text) {
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  };
  print("ready");
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string first, second;
    words >> first >> second;
    if (first == "peak") {
      print(fmt::format("{:.0f}", peak_of(made.at(second)) - before));
      continue;
    }
    if (first == "forget") {
      made.forget();
      print("0");
      continue;
    }
    const int calls = std::atoi(second.c_str());
    if (calls < 1) throw Error("cannot do '" + line + "'", "bench", "NAME CALLS, peak NAME, or forget all");
    print(fmt::format("{:.9g}", seconds_of(made.at(first), calls)));
  }
}

int run_worker(const char* program, int count, char** arguments, void (*run)(const std::vector<std::string>&)) {
  try {
    run({arguments + 1, arguments + count});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 1;
  }
}

std::string only_folder(const char* program, const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) throw Error("takes one folder", program, fmt::format("{} FOLDER", program));
  return arguments[0];
}

}  // namespace neap::bench

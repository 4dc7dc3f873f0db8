// What a command takes: options by name, arguments by place. CLI11 reads them, behind this face: to include it costs a file seconds of
// compiling.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace neap {

// One that was added, and what more is said of it.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option about(const std::string& text) const;  // in place of what it was added with
  Option required() const;
  Option shows_default() const;  // in the help: what its variable holds now
  Option between(int least, int most) const;
  Option between(double least, double most) const;
  Option positive() const;
  Option not_negative() const;
  Option one_of(const std::vector<std::string>& words) const;
  Option by_commas() const;               // a list: "--hidden 64,32"
  Option one_at_a_time() const;           // a list: "--set N=1 --set M=2"
  Option value_or(double without) const;  // the name alone stands for `without`
  Option not_with(Option other) const;

  bool given() const;  // once the command line was read

 private:
  friend class Options;
  CLI::Option* option_;
};

// What an option fills, which must live as long as the command. A bool makes a flag.
using Filled = std::variant<bool*, int*, std::int64_t*, std::uint64_t*, double*, std::string*, std::filesystem::path*,
                            std::vector<std::string>*, std::vector<int>*, std::vector<std::int64_t>*, std::vector<double>*>;

class Options {
 public:
  explicit Options(CLI::App* app) : app_(app) {}

  // "--name" or "-n,--name"; an argument: "name".
  Option add(const std::string& names, Filled filled, const std::string& about) const;
  // A flag that does `work` in place of the command.
  void add_action(const std::string& names, std::function<void()> work, const std::string& about) const;
  void add_note(const std::string& text) const;  // below them in the help

  bool given_beside(const std::vector<Option>& those) const;  // any other, once the command line was read

 private:
  CLI::App* app_;
};

}  // namespace neap

// A progress bar on a terminal, plain lines elsewhere; nothing where NEAP_QUIET is set. NO_COLOR turns colours off.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace neap {

bool colours(int fd);          // whether `fd` is a terminal and NO_COLOR is unset
int terminal_columns(int fd);  // 0 where `fd` is no terminal, or one that does not know

class Progress {
 public:
  Progress(std::string title, std::int64_t total, std::string unit);  // written to standard error
  ~Progress();                                                        // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void advance(std::int64_t amount, const std::string& note = "");  // note: "loss 0.312"; redrawn at most 10 times a second
  double rate() const;                                              // units a second since the start

 private:
  void draw(bool final);
  std::string title_, unit_, note_;
  std::int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool terminal_;
};

std::string human_bytes(double bytes);      // "3.2 kB", "1.4 MB"
std::string human_seconds(double seconds);  // "12 us", "3.4 ms", "1 min 20 s"

}  // namespace neap

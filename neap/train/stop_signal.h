// Ctrl-C and a polite kill, as a question that a loop asks between its steps.
#pragma once

namespace neap {

// While it lives, the first SIGINT or SIGTERM only makes `asked` true; a second one ends the process as it would have. One at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  static bool asked();

 private:
  struct Handlers;
  Handlers* before_;
};

}  // namespace neap

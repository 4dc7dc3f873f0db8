#include "neap/train/stop_signal.h"

#include <csignal>

namespace neap {
namespace {

volatile std::sig_atomic_t stop_asked = 0;

void on_signal(int signal) {
  if (stop_asked != 0) {
    // SA_RESETHAND cannot be used: both signals share the flag.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  stop_asked = 1;
}

}  // namespace

struct StopSignal::Handlers {
  struct sigaction interrupt, terminate;
};

StopSignal::StopSignal() : before_(new Handlers) {
  stop_asked = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &before_->interrupt);
  ::sigaction(SIGTERM, &action, &before_->terminate);
}

StopSignal::~StopSignal() {
  ::sigaction(SIGINT, &before_->interrupt, nullptr);
  ::sigaction(SIGTERM, &before_->terminate, nullptr);
  delete before_;
}

bool StopSignal::asked() { return stop_asked != 0; }

}  // namespace neap

// Events that the operating system and the processor count for this thread (Linux perf events).
#pragma once
#include <cstdint>
#include <optional>

namespace neap {

enum class Event : std::uint8_t {
  cache_misses,  // of the last cache, in lines that this thread's loads and stores asked memory for; by the processor
  page_faults    // by the kernel
};

class EventCounter {
 public:
  // Nothing where this machine does not count such events (virtual machines often lack the processor's), or not for this user.
  static std::optional<EventCounter> open(Event event);
  ~EventCounter();
  EventCounter(EventCounter&& other) noexcept : file_(other.file_) { other.file_ = -1; }
  EventCounter& operator=(EventCounter&&) = delete;

  void start();         // from 0
  std::int64_t stop();  // events since `start`, in user space; Error where the counter ran only a part of that time

 private:
  explicit EventCounter(int file) : file_(file) {}
  int file_;
};

}  // namespace neap

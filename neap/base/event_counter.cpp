#include "neap/base/event_counter.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "neap/base/error.h"

namespace neap {

std::optional<EventCounter> EventCounter::open(Event event) {
  perf_event_attr wanted{};
  wanted.size = sizeof wanted;
  wanted.type = event == Event::cache_misses ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
  wanted.config = event == Event::cache_misses ? std::uint64_t{PERF_COUNT_HW_CACHE_MISSES} : std::uint64_t{PERF_COUNT_SW_PAGE_FAULTS};
  wanted.disabled = 1;
  wanted.exclude_kernel = 1;
  wanted.exclude_hv = 1;
  wanted.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  constexpr int this_thread = 0, any_core = -1, no_group = -1;
  const long file = syscall(SYS_perf_event_open, &wanted, this_thread, any_core, no_group, PERF_FLAG_FD_CLOEXEC);
  if (file < 0) return std::nullopt;
  return EventCounter(static_cast<int>(file));
}

EventCounter::~EventCounter() {
  if (file_ >= 0) close(file_);
}

void EventCounter::start() {
  ioctl(file_, PERF_EVENT_IOC_RESET, 0);
  ioctl(file_, PERF_EVENT_IOC_ENABLE, 0);
}

std::int64_t EventCounter::stop() {
  ioctl(file_, PERF_EVENT_IOC_DISABLE, 0);
  std::array<std::uint64_t, 3> counted{};  // events, time enabled, time running
  if (read(file_, counted.data(), sizeof counted) != static_cast<ssize_t>(sizeof counted))
    throw Error("an event counter could not be read", "perf events");
  if (counted[2] < counted[1])
    throw Error("an event counter was shared with others", "perf events", "stop other profilers, or count again");
  return static_cast<std::int64_t>(counted[0]);
}

}  // namespace neap

// Hashes, the machine, environment variables, progress.
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/hash.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "tests/support/environment.h"

namespace neap::small_parts_test {
namespace {

TEST(Hash, OfBytesIsThePublishedXxh3) {
  EXPECT_EQ(hash_bytes("").hex(), "99aa06d3014798d86001c324468d497f");  // XXH3_128bits of nothing, as xxHash publishes it
  EXPECT_NE(hash_bytes("a"), hash_bytes("b"));
  EXPECT_EQ(Hash{}.hex(), std::string(32, '0'));
}

TEST(Hash, FollowsTheOrderAndTheBoundsOfWhatIsFed) {
  std::set<std::string> seen;
  seen.insert(Hasher().finish().hex());
  seen.insert(Hasher().add(0).finish().hex());
  seen.insert(Hasher().add(0).add(0).finish().hex());
  seen.insert(Hasher().add(1).add(2).finish().hex());
  seen.insert(Hasher().add(2).add(1).finish().hex());
  seen.insert(Hasher().add("ab").add("c").finish().hex());
  seen.insert(Hasher().add("a").add("bc").finish().hex());
  seen.insert(Hasher().add("").finish().hex());
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_EQ(Hasher().add(1).add("x").finish(), Hasher().add(1).add("x").finish());
}

TEST(Hash, SmallNumbersDoNotCollide) {
  std::set<std::string> seen;
  for (std::uint64_t a = 0; a < 100; ++a) {
    for (std::uint64_t b = 0; b < 100; ++b) seen.insert(Hasher().add(a).add(b).finish().hex());
  }
  EXPECT_EQ(seen.size(), 10000u);
}

TEST(Machine, KnowsItself) {
  const Machine& m = machine();
  EXPECT_GE(m.cores, 1);
  EXPECT_GT(m.l1_bytes, 0);
  EXPECT_GT(m.l2_bytes, 0);
  EXPECT_GT(m.l3_bytes, 0);
  EXPECT_GT(m.memory_bytes, 0);
  EXPECT_TRUE(supports(Isa::portable));
  EXPECT_TRUE(supports(best_isa()));
  EXPECT_EQ(name(Isa::avx512), "avx512");
}

TEST(Machine, RatesAreMeasured) {
  const Rates& rates = machine_rates();
  EXPECT_GT(rates.copy_bytes_per_second, 1e7);
  EXPECT_GT(rates.cache_bytes_per_second, 1e7);
  EXPECT_GT(rates.flops_per_second, 1e7);
  EXPECT_EQ(&rates, &machine_rates());
}

TEST(Machine, Threads) {
  const int before = thread_count();
  EXPECT_GE(before, 1);
  set_thread_count(3);
  EXPECT_EQ(thread_count(), 3);
  try {
    set_thread_count(0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "0 threads");
  }
  EXPECT_EQ(thread_count(), 3);
  set_thread_count(before);
  EXPECT_TRUE(deterministic());
}

TEST(Environment, SetToNothingOrZeroIsSwitchedOff) {
  constexpr const char* name = "NEAP_TEST_SWITCH";
  EXPECT_FALSE(is_switched_on(name));
  EXPECT_EQ(environment_value(name), "");
  for (const char* off : {"", "0"}) {
    const Environment set(name, off);
    EXPECT_FALSE(is_switched_on(name)) << off;
    EXPECT_EQ(environment_value(name), off);
  }
  for (const char* on : {"1", "yes", "00"}) {
    const Environment set(name, on);
    EXPECT_TRUE(is_switched_on(name)) << on;
  }
}

TEST(Progress, HumanBytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(3200), "3.2 kB");
  EXPECT_EQ(human_bytes(999960), "1.0 MB");
  EXPECT_EQ(human_bytes(1.4e6), "1.4 MB");
  EXPECT_EQ(human_bytes(250e9), "250 GB");
  EXPECT_EQ(human_bytes(5e15), "5000 TB");
  EXPECT_EQ(human_bytes(-3200), "-3.2 kB");
}

TEST(Progress, HumanSeconds) {
  EXPECT_EQ(human_seconds(12e-6), "12 us");
  EXPECT_EQ(human_seconds(3.4e-3), "3.4 ms");
  EXPECT_EQ(human_seconds(0.9999), "1.0 s");
  EXPECT_EQ(human_seconds(0.99996e-3), "1 ms");
  EXPECT_EQ(human_seconds(59.94), "59.9 s");
  EXPECT_EQ(human_seconds(80), "1 min 20 s");
}

std::string shown(const std::function<void()>& f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

TEST(Progress, EndsWithOneWholeLine) {
  const std::string text = shown([] {
    Progress progress("train", 200, "images");
    for (int i = 0; i < 10; ++i) progress.advance(20, "loss 0.3");
    EXPECT_GT(progress.rate(), 0);
  });
  EXPECT_NE(text.find("train"), std::string::npos);
  EXPECT_NE(text.find("100 %"), std::string::npos);
  EXPECT_NE(text.find("images/s"), std::string::npos);
  EXPECT_NE(text.find("loss 0.3"), std::string::npos);
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(text.find('\033'), std::string::npos);  // no terminal, no control codes
}

// What a terminal of so many columns is sent by a bar.
std::string sent_to_terminal(unsigned short columns) {
  int outer = -1, inner = -1;
  winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::openpty(&outer, &inner, nullptr, nullptr, &size), 0);
  const int before = ::dup(2);
  ::dup2(inner, 2);
  EXPECT_EQ(terminal_columns(2), columns);
  {
    Progress progress("epoch 3/14", 1000, "images");
    progress.advance(500, "loss 0.312");
  }
  ::dup2(before, 2);
  char text[4096];
  const ssize_t count = ::read(outer, text, sizeof text);
  for (const int fd : {before, inner, outer}) ::close(fd);
  return {text, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

// Columns that a line of UTF-8 takes, without the codes and the line's end.
std::size_t width_of(const std::string& sent) {
  const std::string line = sent.substr(sent.rfind("\033[K") + 3);
  const auto starts = [](char c) { return c >= ' ' || static_cast<unsigned char>(c) >= 0xC0; };  // a character; 0x80 to 0xBF go on with one
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), starts));
}

TEST(Progress, NoLineIsLongerThanTheTerminal) {
  EXPECT_EQ(terminal_columns(-1), 0);
  for (const unsigned short columns : {200, 100, 80, 20, 2, 1}) {
    const std::string sent = sent_to_terminal(columns);
    EXPECT_LT(width_of(sent), columns) << sent;
    EXPECT_EQ(sent.find("loss 0.312") != sent.npos, columns >= 80) << sent;
    EXPECT_EQ(sent.find("█") != sent.npos, columns >= 80) << sent;
  }
}

TEST(Progress, NothingToDoShowsNothing) {
  EXPECT_EQ(shown([] { const Progress progress("train", 0, "images"); }), "");
}

TEST(Progress, QuietShowsNothing) {
  ::setenv("NEAP_QUIET", "1", 1);
  EXPECT_EQ(shown([] {
              Progress progress("train", 2, "images");
              progress.advance(2);
            }),
            "");
  ::unsetenv("NEAP_QUIET");
}

}  // namespace
}  // namespace neap::small_parts_test

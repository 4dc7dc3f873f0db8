// Programs that we start end with us.
#include "neap/base/process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "neap/base/build_id.h"
#include "neap/base/file.h"

namespace neap::process_test {
namespace {

const std::string shell = "/bin/sh";

// Whether it becomes true within five seconds.
template <class F>
bool soon(F f) {
  for (int i = 0; i < 500; ++i) {
    if (f()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// The process that wrote its number there.
pid_t written_in(const std::filesystem::path& file) {
  const bool there = soon([&] { return std::filesystem::exists(file) && !read_file(file, 100).empty(); });
  return there ? std::atoi(read_file(file, 100).c_str()) : -1;
}

// Also where nobody has asked for its exit code yet.
bool is_dead(pid_t process) {
  FILE* file = std::fopen(("/proc/" + std::to_string(process) + "/stat").c_str(), "r");
  if (file == nullptr) return true;
  char state = '?';
  const bool read = std::fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
  std::fclose(file);
  return !read || state == 'Z' || state == 'X';
}

TEST(Process, GivesExitCodesAndOutput) {
  std::string output;
  EXPECT_EQ(run_program({shell, "-c", "echo one; echo two >&2; exit 5"}, output, 10), 5);
  EXPECT_EQ(output, "one\ntwo\n");
  EXPECT_EQ(run_program({shell, "-c", "kill -9 $$"}, output, 10), 128 + SIGKILL);
  EXPECT_EQ(run_program({"/nonexistent"}, output, 10), not_started);
  EXPECT_EQ(run_program({shell, "-c", "read line || echo no input"}, output = "", 10), 0);
  EXPECT_EQ(output, "no input\n");
}

TEST(Process, OutputIsBounded) {
  std::string output;
  EXPECT_EQ(run_program({shell, "-c", "head -c 5000000 /dev/zero"}, output, 20), 0);
  EXPECT_LE(output.size(), std::size_t{1} << 21);
}

TEST(Process, TakesItsGroupAlongWhenItTakesTooLong) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "pid";
  std::string output;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(run_program({shell, "-c", "sleep 1000 & echo $! > " + file.string() + "; wait"}, output, 0.5), took_too_long);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  const pid_t sleeper = written_in(file);
  ASSERT_GT(sleeper, 0);
  EXPECT_TRUE(soon([&] { return is_dead(sleeper); }));
}

TEST(Process, EndsWithAParentThatIsKilledAndHasAGroupOfItsOwn) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "pid";
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    std::string output;
    run_program({shell, "-c", "echo $$ > " + file.string() + "; exec sleep 1000"}, output, 1000);
    std::_Exit(0);
  }
  const pid_t sleeper = written_in(file);
  ASSERT_GT(sleeper, 0);
  EXPECT_EQ(::getpgid(sleeper), sleeper);  // Ctrl-C is for the parent to answer
  EXPECT_NE(::getpgid(sleeper), ::getpgid(parent));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(soon([&] { return is_dead(sleeper); }));
}

TEST(Process, SignalsThatWeIgnoreOrHandleAreAsUsualForIt) {
  const auto before = ::signal(SIGTERM, SIG_IGN);
  std::string output;
  EXPECT_EQ(run_program({shell, "-c", "kill -15 $$; sleep 5"}, output, 10), 128 + SIGTERM);
  ::signal(SIGTERM, before);
}

TEST(Process, ProgramsAreFoundByPath) {
  EXPECT_EQ(find_program("/bin/sh"), "/bin/sh");
  EXPECT_EQ(find_program("/nonexistent"), "");
  EXPECT_EQ(find_program("no_such_program"), "");
  EXPECT_NE(find_program("sh"), "");
}

TEST(Process, ABuildHasAnIdentity) {
  EXPECT_GE(build_id().size(), 16U);
  EXPECT_EQ(build_id().find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace neap::process_test

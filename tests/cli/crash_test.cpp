// A run of `neap train` that is killed or stopped at any moment and started again ends with the bits of an unbroken one.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "neap/files/checkpoint.h"
#include "tests/cli/program.h"

namespace neap::crash_test {
namespace {

class Crashes : public ProgramTest {
 protected:
  Crashes() {
    std::string text = "a,b,label\n";
    for (int i = 0; i < 400; ++i) {
      const double a = std::sin(12.9898 * (i + 1)), b = std::sin(78.233 * (i + 1));
      text += std::to_string(a) + "," + std::to_string(b) + "," + std::to_string((a > 0 ? 1 : 0) + (b > 0 ? 2 : 0)) + "\n";
    }
    file("points.csv", text);
  }

  // The rate is the same in every step, so that the first epochs do not depend on how many there will be.
  std::vector<std::string> command(const std::string& out, std::int64_t epochs) const {
    return {NEAP_PROGRAM, "train",   "--data",   path("points.csv"),     "--model",  "mlp",     "--hidden",
            "8",          "--level", "0",        "--schedule",           "constant", "--batch", "16",
            "--threads",  "1",       "--epochs", std::to_string(epochs), "--out",    path(out)};
  }

  // Microseconds from the start of the program to its end with one more epoch done: what random moments are measured by.
  int epoch_time(const std::string& out) {
    EXPECT_EQ(interrupted(command(out, 1), 0, 0), 0) << read_file(path("log.txt"));  // what is compiled is in the cache then
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(interrupted(command(out, 2), 0, 0), 0) << read_file(path("log.txt"));
    return static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count());
  }

  // Starts the command, sends it the signal after some microseconds, and waits: its exit code, or 128 + the signal that ended it.
  int interrupted(const std::vector<std::string>& words, int signal, int microseconds) const {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    const std::string log = path("log.txt");
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_t child = 0;
    posix_spawnattr_t attributes;  // what starts tests may ignore Ctrl-C, which a child would inherit
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int failed = ::posix_spawn(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) return 127;
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
    ::kill(child, signal);
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Epochs that the program said to be done before it ended.
  std::int64_t epochs_told() const {
    const std::string text = read_file(path("log.txt"));
    const std::size_t at = text.rfind("epoch ");
    return at == std::string::npos ? 0 : std::stoll(text.substr(at + 6));
  }
  std::int64_t state(const std::string& out, const char* what) const {
    const std::string folder = path(out) + "/checkpoint";
    return has_checkpoint(folder) ? load_checkpoint(folder).state.at(what).get<std::int64_t>() : 0;
  }

  // Lets `out` go on to `epochs`, makes the same run without a break, and compares all that training made.
  void expect_same_as_unbroken(const std::string& out, std::int64_t epochs) const {
    const Ran last = neap(command_words(command(out, epochs)));
    ASSERT_EQ(last.code, 0) << last.text;
    const Ran unbroken = neap(command_words(command("unbroken", epochs)));
    ASSERT_EQ(unbroken.code, 0) << unbroken.text;
    EXPECT_EQ(read_file(path(out + "/model.safetensors")), read_file(path("unbroken/model.safetensors")));
    const Checkpoint mine = load_checkpoint(path(out) + "/checkpoint"), theirs = load_checkpoint(path("unbroken/checkpoint"));
    ASSERT_EQ(mine.arrays.size(), theirs.arrays.size());
    for (const auto& [name, array] : mine.arrays) EXPECT_EQ(bytes_of(array), bytes_of(theirs.arrays.at(name))) << name;
    EXPECT_EQ(mine.state.at("losses"), theirs.state.at("losses"));
  }

 private:
  static std::vector<std::string> command_words(std::vector<std::string> words) {
    words.erase(words.begin());
    return words;
  }
};

constexpr std::int64_t endless = 100000;

// A third of them or so falls into the start of the program, the others into some epoch.
TEST_F(Crashes, AHundredKillsLoseAtMostAnEpochEach) {
  constexpr int kills = 100;
  std::uniform_int_distribution<> moment(0, 3 * epoch_time("killed") / 2);
  std::mt19937 random(1);
  std::int64_t done = state("killed", "epoch"), resumed = 0;
  for (int i = 0; i < kills; ++i) {
    ASSERT_EQ(interrupted(command("killed", endless), SIGKILL, moment(random)), 128 + SIGKILL) << read_file(path("log.txt"));
    const std::int64_t after = state("killed", "epoch");
    EXPECT_GE(after, std::max(done, epochs_told())) << "kill " << i;
    EXPECT_EQ(state("killed", "batch"), 0);  // nothing but whole epochs is saved without being asked
    resumed += after > done ? 1 : 0;
    done = after;
  }
  EXPECT_GT(resumed, 10);
  expect_same_as_unbroken("killed", done + 2);
}

TEST_F(Crashes, CtrlCFinishesTheStepAndTheSameCommandGoesOn) {
  std::uniform_int_distribution<> moment(0, 2 * epoch_time("stopped"));
  std::mt19937 random(2);
  int within = 0;
  std::int64_t steps = state("stopped", "step");
  for (int i = 0; i < 12; ++i) {
    // A signal that comes before the run has begun ends the program as it would any.
    const int code = interrupted(command("stopped", endless), SIGINT, moment(random));
    ASSERT_EQ(code, 130) << read_file(path("log.txt"));
    EXPECT_GE(state("stopped", "step"), steps);
    steps = state("stopped", "step");
    within += state("stopped", "batch") > 0 ? 1 : 0;
  }
  EXPECT_GT(within, 0) << "no stop fell within an epoch";
  expect_same_as_unbroken("stopped", state("stopped", "epoch") + 2);
}

}  // namespace
}  // namespace neap::crash_test

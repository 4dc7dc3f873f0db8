#include "neap/files/checkpoint.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <random>

#include "neap/base/file.h"
#include "tests/files/examples.h"
#include "tests/support/expect_error.h"

namespace neap::checkpoint_test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// What step `step` saves: every element and the state say the same number.
void save_step(const fs::path& folder, std::int64_t step) {
  const auto value = static_cast<double>(step);
  save_checkpoint(folder, {{"weights", Array::full(DType::f32, {100, 50}, value)}, {"bias", Array::full(DType::f64, {7}, value)}},
                  {{"step", step}, {"note", std::string(static_cast<std::size_t>(step % 50), 'x')}});
}

// The step that the checkpoint is of; fails if its parts are of different steps.
std::int64_t consistent_step(const fs::path& folder) {
  const Checkpoint found = load_checkpoint(folder);
  const auto step = found.state["step"].get<std::int64_t>();
  EXPECT_EQ(found.state["note"], std::string(static_cast<std::size_t>(step % 50), 'x'));
  EXPECT_EQ(found.arrays.at("weights").sizes(), (Sizes{100, 50}));
  for (const auto& [name, array] : found.arrays) {
    for (std::int64_t i = 0; i < array.count(); ++i) EXPECT_EQ(array.get(i), static_cast<double>(step)) << name;
  }
  return step;
}

std::int64_t files_in(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), fs::directory_iterator()); }

TEST(Checkpoint, ComesBackAndLeavesTwoFiles) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a" / "b";
  EXPECT_FALSE(has_checkpoint(path));
  const json state = {{"epoch", 3}, {"loss", 0.1}, {"names", {"a\n", "\u00e9"}}, {"none", nullptr}, {"large", std::uint64_t{1} << 63}};
  for (int round = 0; round < 3; ++round) {
    save_checkpoint(path, testing_arrays(), state);
    EXPECT_EQ(files_in(path), 2);
    const Checkpoint back = load_checkpoint(path);
    expect_same(back.arrays, testing_arrays());
    EXPECT_EQ(back.state, state);
  }
  EXPECT_TRUE(has_checkpoint(path));
}

TEST(Checkpoint, SurvivesAHundredKills) {
  const TemporaryFolder folder;
  save_step(folder.path(), 0);
  std::mt19937 random(1);
  std::int64_t last = 0;
  for (int kill = 0; kill < 100; ++kill) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (std::int64_t step = last + 1;; ++step) save_step(folder.path(), step);
    }
    ::usleep(std::uniform_int_distribution<unsigned>(100, 30000)(random));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";
    const std::int64_t step = consistent_step(folder.path());
    ASSERT_GE(step, last);
    last = step;
  }
  EXPECT_GT(last, 5) << "the kills came before anything was saved";
  save_step(folder.path(), last + 1);
  EXPECT_EQ(files_in(folder.path()), 2) << "what the killed left is removed";
}

TEST(Checkpoint, IsWholeForAReaderWhileAnotherSaves) {
  const TemporaryFolder folder;
  save_step(folder.path(), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (std::int64_t step = 1;; ++step) save_step(folder.path(), step);
  }
  std::int64_t last = 0;
  for (int round = 0; round < 200; ++round) {
    const std::int64_t step = consistent_step(folder.path());
    EXPECT_GE(step, last);
    last = step;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(Checkpoint, AFullDiskLeavesTheOldOne) {
  const TemporaryFolder folder;
  save_step(folder.path(), 4);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10000, 10000};  // bytes of a file: less than the arrays
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      save_step(folder.path(), 5);
    } catch (const Error& error) {
      ::_exit(error.problem().starts_with("cannot write") ? 0 : 2);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(consistent_step(folder.path()), 4);
  EXPECT_EQ(files_in(folder.path()), 2);
}

// Without the care of write_file, which waits for the disk.
void overwrite(const fs::path& path, const std::string& bytes) {
  fs::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(Checkpoint, AnyChangedByteIsFound) {
  const TemporaryFolder folder;
  save_step(folder.path(), 7);
  std::mt19937 random(2);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder.path())) files.push_back(entry.path());
  for (const fs::path& file : files) {
    const std::string whole = read_file(file);
    for (int trial = 0; trial < 1000; ++trial) {
      std::string changed = whole;
      changed[random() % whole.size()] ^= static_cast<char>(1 << random() % 8);
      overwrite(file, changed);
      EXPECT_THROW(load_checkpoint(folder.path()), Error) << file;
    }
    for (int trial = 0; trial < 50; ++trial) {
      overwrite(file, whole.substr(0, random() % whole.size()));
      EXPECT_THROW(load_checkpoint(folder.path()), Error) << file;
    }
    overwrite(file, whole + "\n");
    EXPECT_THROW(load_checkpoint(folder.path()), Error) << file;
    overwrite(file, whole);
  }
  EXPECT_EQ(consistent_step(folder.path()), 7);
}

TEST(Checkpoint, SavingOverADamagedOneMendsIt) {
  const TemporaryFolder folder;
  save_step(folder.path(), 1);
  write_file(folder.path() / "state.json", "{");
  save_step(folder.path(), 2);
  EXPECT_EQ(consistent_step(folder.path()), 2);
  EXPECT_EQ(files_in(folder.path()), 2);
}

TEST(Checkpoint, LeavesForeignFilesAlone) {
  const TemporaryFolder folder;
  write_file(folder.path() / "notes.txt", "mine");
  save_step(folder.path(), 1);
  save_step(folder.path(), 2);
  EXPECT_EQ(read_file(folder.path() / "notes.txt"), "mine");
}

TEST(Checkpoint, Refusals) {
  const TemporaryFolder folder;
  const std::string place = folder.path().string();
  expect_error([&] { load_checkpoint(folder.path()); }, "there is no checkpoint", place);
  expect_error([&] { save_checkpoint(folder.path(), {}, {{"loss", std::nan("")}}); }, "numbers that JSON cannot hold", place);
  expect_error([&] { save_checkpoint(folder.path(), {}, "\xFF"); }, "this cannot be written as JSON", place);
  EXPECT_FALSE(has_checkpoint(folder.path()));
  write_file(folder.path() / "file", "");
  expect_error([&] { save_checkpoint(folder.path() / "file" / "sub", {}, {}); }, "cannot make the folder", place);
  write_file(folder.path() / "state.json", "[]");
  expect_error([&] { load_checkpoint(folder.path()); }, "this is not the state of a checkpoint", "state.json");
  write_file(folder.path() / "state.json", R"({"neap_checkpoint":2})");
  expect_error([&] { load_checkpoint(folder.path()); }, "a checkpoint of version 2, this Neap reads version 1", "state.json");
  write_file(folder.path() / "state.json", R"({"neap_checkpoint":1})");
  expect_error([&] { load_checkpoint(folder.path()); }, "the state was changed or damaged", "state.json");
  save_step(folder.path(), 1);
  fs::remove(folder.path() / "arrays-1.safetensors");
  expect_error([&] { load_checkpoint(folder.path()); }, "cannot open", "arrays-1.safetensors");
}

}  // namespace
}  // namespace neap::checkpoint_test

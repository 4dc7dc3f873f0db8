#include "neap/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/support/environment.h"
#include "tests/support/expect_error.h"

namespace neap::file_test {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(File, WritesAndReadsBytes) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a";
  const std::string bytes("\0\n\xFF x", 5);
  write_file(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  write_file(path, "");
  EXPECT_EQ(read_file(path), "");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(File, ReadingRefusesWhatIsNotAFileOrTooLarge) {
  const TemporaryFolder folder;
  EXPECT_EQ(problem_of([&] { read_file(folder.path() / "none"); }), "cannot open: No such file or directory");
  EXPECT_EQ(problem_of([&] { read_file(folder.path()); }), "this is a folder");
  ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(problem_of([&] { read_file(folder.path() / "pipe"); }), "this is not a regular file");  // and does not wait for a writer
  write_file(folder.path() / "a", "12345");
  EXPECT_EQ(read_file(folder.path() / "a", 5), "12345");
  EXPECT_EQ(problem_of([&] { read_file(folder.path() / "a", 4); }), "the file has 5 bytes, more than the limit of 4");
}

TEST(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "target";
  fs::create_directories(target / "full");  // a folder cannot be replaced by a file
  EXPECT_NE(problem_of([&] { write_file(target, "new"); }), "");
  EXPECT_TRUE(fs::is_directory(target / "full"));
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_NE(problem_of([&] { write_file(folder.path() / "none" / "a", "new"); }), "");
}

TEST(File, ReadersSeeTheOldOrTheNewNeverAPart) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a";
  const std::string one(300000, '1'), two(200000, '2');
  write_file(path, one);
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) write_file(path, i % 2 == 0 ? two : one);
  });
  for (int i = 0; i < 200; ++i) {
    const std::string seen = read_file(path);
    EXPECT_TRUE(seen == one || seen == two) << seen.size();
  }
  writer.join();
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(File, ReadBeneathReadsAPart) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "sub");
  write_file(folder.path() / "sub" / "a", "0123456789");
  EXPECT_EQ(read_beneath(folder.path(), "sub/a", 2, 3), "234");
  EXPECT_EQ(read_beneath(folder.path(), "sub/a", 10, 0), "");
  for (const auto& [offset, length] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {8, 3}, {11, 0}, {-1, 2}, {2, -1}, {INT64_MAX, 1}, {1, INT64_MAX}, {INT64_MAX, INT64_MAX}}) {
    EXPECT_NE(problem_of([&, offset = offset, length = length] { read_beneath(folder.path(), "sub/a", offset, length); }), "")
        << offset << " " << length;
  }
}

TEST(File, ReadBeneathRefusesEscapes) {
  const TemporaryFolder outside, folder;
  write_file(outside.path() / "secret", "secret");
  write_file(folder.path() / "a", "inside");
  fs::create_directory(folder.path() / "sub");
  fs::create_symlink(outside.path() / "secret", folder.path() / "link");
  fs::create_symlink("a", folder.path() / "link_inside");
  fs::create_directory_symlink(outside.path(), folder.path() / "sub" / "folder");
  fs::create_hard_link(outside.path() / "secret", folder.path() / "hard");
  const std::string refused[] = {"../" + outside.path().filename().string() + "/secret",
                                 (outside.path() / "secret").string(),
                                 "sub/../../" + outside.path().filename().string() + "/secret",
                                 "link",
                                 "link_inside",
                                 "sub/folder/secret",
                                 "hard",
                                 "sub",
                                 ".",
                                 "",
                                 "none",
                                 std::string("a\0/../../secret", 15)};
  for (const std::string& name : refused) {
    EXPECT_NE(problem_of([&] { read_beneath(folder.path(), name, 0, 1); }), "") << name;
  }
  EXPECT_EQ(read_beneath(folder.path(), "a", 0, 6), "inside");
}

TEST(File, CacheFolderIsPrivateAndOurs) {
  const TemporaryFolder folder;
  const Environment deep("NEAP_CACHE", folder.path() / "deep" / "cache");
  const fs::path made = cache_folder();
  EXPECT_EQ(made, folder.path() / "deep" / "cache");
  EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all);
  const Environment no_folder("NEAP_CACHE", folder.path() / "file");
  write_file(folder.path() / "file", "");
  EXPECT_EQ(problem_of([] { cache_folder(); }), "the cache is not a folder of this user");
}

TEST(File, TemporaryFoldersVanish) {
  fs::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    write_file(path / "a", "x");
    EXPECT_TRUE(fs::is_directory(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace neap::file_test

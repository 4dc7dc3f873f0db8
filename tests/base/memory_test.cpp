// Files larger than what this process may take are refused before they are read, with the bytes that they need.
#include "neap/base/memory.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/hostile.h"

namespace neap::memory_test {
namespace {

TEST(Memory, IsRefusedWithTheBytes) {
  check_memory(100, "it", "place", 100);
  expect_error([] { check_memory(101, "it", "place", 100); }, "it needs 101 B (101 bytes), and there are 100 B", "place");
  EXPECT_GT(memory_left(), 0);
}

TEST(Memory, OfALimitedProcessIsWhatTheLimitLeaves) {
  if (sanitized) GTEST_SKIP() << "sanitizers reserve terabytes of addresses";
  const TemporaryFolder folder;
  const std::filesystem::path large = folder.path() / "large";
  write_file(large, "");
  std::filesystem::resize_file(large, 600 << 20);  // takes no place on the disk
  const MemoryLimit limit(rlim_t{400} << 20);
  EXPECT_LE(memory_left(), std::int64_t{401} << 20);  // the allocator may have given some pages of its heap back since
  expect_error([&] { read_file(large); }, "the file needs 629 MB (629145600 bytes), and there are 4", "large");
}

TEST(Memory, FoldersAndFilesOverTheLimitHaveARemedy) {
  const TemporaryFolder folder;
  const std::string text = error_of([&] { read_file(folder.path()); });
  EXPECT_NE(text.find("this is a folder"), std::string::npos) << text;
  EXPECT_NE(text.find("give a file"), std::string::npos) << text;
  write_file(folder.path() / "file", "four");
  const std::string over = error_of([&] { read_file(folder.path() / "file", 3); });
  EXPECT_NE(over.find("the file has 4 bytes, more than the limit of 3"), std::string::npos) << over;
  EXPECT_NE(over.find("give a part of it"), std::string::npos) << over;
}

}  // namespace
}  // namespace neap::memory_test

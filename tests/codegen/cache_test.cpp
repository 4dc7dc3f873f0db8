// The cache of compiled kernels gives back only what it stored itself, whole.
#include "neap/codegen/cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "neap/base/error.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* before = std::getenv("NEAP_CACHE")) before_ = before;
    ::chmod(folder_.path().c_str(), 0700);
    ::setenv("NEAP_CACHE", (folder_.path() / "cache").c_str(), 1);
    write_file(library(), std::string(5000, 'k'));
  }
  void TearDown() override { before_.empty() ? ::unsetenv("NEAP_CACHE") : ::setenv("NEAP_CACHE", before_.c_str(), 1); }

  fs::path library() const { return folder_.path() / "made.so"; }

  // After this is done to an entry it is not given any more, and can be stored again.
  void expect_refused(const std::function<void(const fs::path& library, const fs::path& seal)>& damage) {
    KernelCache cache;
    cache.store("key", library());
    const std::string kept = cache.find("key");
    ASSERT_NE(kept, "");
    damage(kept, fs::path(kept).replace_extension(".seal"));
    EXPECT_EQ(cache.find("key"), "");
    EXPECT_EQ(cache.find("key"), "");
    cache.store("key", library());
    ASSERT_NE(cache.find("key"), "");
    EXPECT_EQ(read_file(cache.find("key"), 10000), read_file(library(), 10000));
  }

  TemporaryFolder folder_;
  std::string before_;
};

TEST_F(CacheTest, GivesBackWhatWasStored) {
  KernelCache cache;
  EXPECT_EQ(cache.find("key"), "");
  cache.store("key", library());
  EXPECT_EQ(read_file(KernelCache().find("key"), 10000), std::string(5000, 'k'));
  EXPECT_EQ(cache_statistics().entries, 1);
  clear_cache();
  EXPECT_EQ(cache.find("key"), "");
}

TEST_F(CacheTest, RefusesATruncatedEntry) {
  expect_refused([](const fs::path& library, const fs::path&) { fs::resize_file(library, 4999); });
  expect_refused([](const fs::path& library, const fs::path&) { fs::resize_file(library, 0); });
  expect_refused([](const fs::path&, const fs::path& seal) { fs::resize_file(seal, 10); });
}

TEST_F(CacheTest, RefusesAChangedEntry) {
  expect_refused([](const fs::path& library, const fs::path&) {
    std::string bytes = read_file(library, 10000);
    bytes[2500] ^= 1;
    write_file(library, bytes);
  });
}

TEST_F(CacheTest, RefusesWhatOthersMayWrite) {
  expect_refused([](const fs::path& library, const fs::path&) { ::chmod(library.c_str(), 0666); });
  expect_refused([](const fs::path&, const fs::path& seal) { ::chmod(seal.c_str(), 0620); });
}

TEST_F(CacheTest, RefusesALinkAndAnotherOwner) {
  expect_refused([this](const fs::path& entry, const fs::path&) {
    fs::remove(entry);
    fs::create_symlink(library(), entry);
  });
  if (::geteuid() != 0) return;  // only root can give a file away
  expect_refused([](const fs::path& library, const fs::path&) { EXPECT_EQ(::chown(library.c_str(), 12345, 12345), 0); });
}

TEST_F(CacheTest, MakesItsFolderPrivate) {
  fs::create_directories(folder_.path() / "cache");
  ::chmod((folder_.path() / "cache").c_str(), 0777);
  KernelCache cache;
  cache.store("key", library());
  EXPECT_EQ(fs::status(folder_.path() / "cache").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder_.path() / "cache" / "kernels").permissions(), fs::perms::owner_all);
}

TEST_F(CacheTest, TwoProcessesStoreAndFindWholeEntries) {
  const auto work = [this](char letter) {
    const fs::path mine = folder_.path() / (std::string(1, letter) + ".so");
    write_file(mine, std::string(100000, letter));
    KernelCache cache;
    for (int i = 0; i < 100; ++i) {
      cache.store("shared", mine);
      const std::string found = cache.find("shared");
      if (found.empty()) continue;
      try {
        const std::string bytes = read_file(found, 1 << 20);
        if (bytes != std::string(100000, bytes.at(0))) return 1;
      } catch (const Error&) {  // removed by the other
      }
    }
    return 0;
  };
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) std::_Exit(3);
    std::_Exit(work('a'));
  }
  EXPECT_EQ(work('b'), 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace neap

// The cache of compiled kernels gives back only what it stored itself, whole.
#include "neap/codegen/cache.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "tests/support/environment.h"

namespace neap::cache_test {
namespace {

namespace fs = std::filesystem;

class CacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::chmod(folder_.path().c_str(), 0700);
    write_file(library(), std::string(5000, 'k'));
  }

  fs::path library() const { return folder_.path() / "made.so"; }
  fs::path folder() const { return folder_.path() / "cache" / "kernels"; }

  // Path of the library that holds the kernel, checked; or "".
  static std::string find(KernelCache& cache, const std::string& kernel) {
    const std::string library = cache.library_of(kernel);
    return library.empty() ? "" : cache.open(library);
  }
  static std::string contents(const std::string& path) {
    const std::string bytes = read_file(path, 1 << 20);
    return bytes.substr(0, bytes.find('\n'));
  }

  // After this is done to a library it is not given any more, and can be stored again.
  void expect_refused(const std::function<void(const fs::path& library)>& damage) {
    KernelCache cache("here");
    cache.store({"kernel"}, library());
    const std::string kept = find(cache, "kernel");
    ASSERT_NE(kept, "");
    damage(kept);
    EXPECT_EQ(find(cache, "kernel"), "");
    EXPECT_EQ(find(cache, "kernel"), "");
    cache.store({"kernel"}, library());
    ASSERT_NE(find(cache, "kernel"), "");
    EXPECT_EQ(contents(find(cache, "kernel")), read_file(library(), 10000));
  }

  // A library of 100 kB that holds one kernel, last used so many hours ago.
  static void store_used(KernelCache& cache, const std::string& kernel, int hours, const fs::path& made) {
    write_file(made, std::string(100000, kernel[0]));
    cache.store({kernel}, made);
    const fs::path kept = find(cache, kernel);
    fs::last_write_time(kept, fs::file_time_type::clock::now() - std::chrono::hours(hours));
  }

  TemporaryFolder folder_;
  const Environment cache_{"NEAP_CACHE", folder_.path() / "cache"};
};

TEST_F(CacheTest, GivesBackWhatWasStored) {
  KernelCache cache("here");
  EXPECT_EQ(find(cache, "a"), "");
  cache.store({"a", "b"}, library());
  KernelCache again("here"), elsewhere("elsewhere");
  EXPECT_EQ(contents(find(again, "a")), std::string(5000, 'k'));
  EXPECT_EQ(find(again, "a"), find(again, "b"));
  EXPECT_EQ(find(again, "c"), "");
  EXPECT_EQ(find(elsewhere, "a"), "");  // another compiler, other flags, another CPU
  const CacheStatistics held = cache_statistics();
  EXPECT_EQ(held.libraries, 1);
  EXPECT_EQ(held.kernels, 2);
  EXPECT_GT(held.bytes, 5000);
  clear_cache();
  EXPECT_EQ(find(cache, "a"), "");
  EXPECT_EQ(cache_statistics().kernels, 0);
}

TEST_F(CacheTest, AKernelStoredAgainIsThatOfItsNewLibrary) {
  KernelCache cache("here");
  cache.store({"a", "b"}, library());
  write_file(library(), std::string(100, 'n'));
  cache.store({"b", "c"}, library());
  EXPECT_EQ(contents(find(cache, "a")), std::string(5000, 'k'));
  EXPECT_EQ(contents(find(cache, "b")), std::string(100, 'n'));
}

TEST_F(CacheTest, RemembersWhichKernelAMapBecomes) {
  const Hash map{1, 2}, other{1, 3};
  KernelCache cache("here");
  EXPECT_EQ(cache.kernel_of(map), "");
  cache.note(map, "k_1");
  cache.note(map, "k_2");
  EXPECT_EQ(KernelCache("here").kernel_of(map), "k_2");
  EXPECT_EQ(cache.kernel_of(other), "");
  clear_cache();
  EXPECT_EQ(cache.kernel_of(map), "");
}

TEST_F(CacheTest, RefusesATruncatedLibrary) {
  expect_refused([](const fs::path& library) { fs::resize_file(library, 4999); });
  expect_refused([](const fs::path& library) { fs::resize_file(library, fs::file_size(library) - 1); });
  expect_refused([](const fs::path& library) { fs::resize_file(library, 0); });
}

TEST_F(CacheTest, RefusesAChangedLibrary) {
  expect_refused([](const fs::path& library) {
    std::string bytes = read_file(library, 10000);
    bytes[2500] ^= 1;
    write_file(library, bytes);
  });
}

TEST_F(CacheTest, RefusesALibraryInAnothersPlace) {
  KernelCache cache("here");
  cache.store({"other"}, library());
  const std::string other = find(cache, "other");
  expect_refused([&](const fs::path& library) { fs::copy_file(other, library, fs::copy_options::overwrite_existing); });
}

TEST_F(CacheTest, RefusesWhatOthersMayWrite) {
  expect_refused([](const fs::path& library) { ::chmod(library.c_str(), 0666); });
}

TEST_F(CacheTest, RefusesALinkAndAnotherOwner) {
  expect_refused([this](const fs::path& entry) {
    fs::remove(entry);
    fs::create_symlink(library(), entry);
  });
  if (::geteuid() != 0) return;  // only root can give a file away
  expect_refused([](const fs::path& library) { EXPECT_EQ(::chown(library.c_str(), 12345, 12345), 0); });
  KernelCache cache("here");
  cache.store({"kernel"}, library());
  for (const auto& file : fs::directory_iterator(folder())) {
    if (file.is_symlink()) {
      EXPECT_EQ(::lchown(file.path().c_str(), 12345, 12345), 0);
    }
  }
  EXPECT_EQ(cache.library_of("kernel"), "");
}

TEST_F(CacheTest, LinksLeadNowhereElse) {
  KernelCache cache("here");
  cache.store({"kernel"}, library());
  for (const char* target : {"/tmp/evil.so", "../evil.so", "..", "a/b.so"}) {
    for (const auto& file : fs::directory_iterator(folder())) {
      if (!file.is_symlink()) continue;
      fs::remove(file.path());
      fs::create_symlink(target, file.path());
      break;
    }
    EXPECT_EQ(cache.library_of("kernel"), "") << target;
  }
}

TEST_F(CacheTest, MakesItsFolderPrivate) {
  fs::create_directories(folder_.path() / "cache");
  ::chmod((folder_.path() / "cache").c_str(), 0777);
  KernelCache cache("here");
  cache.store({"kernel"}, library());
  EXPECT_EQ(fs::status(folder_.path() / "cache").permissions(), fs::perms::owner_all);
  EXPECT_EQ(fs::status(folder()).permissions(), fs::perms::owner_all);
}

TEST_F(CacheTest, DoesNotUseAFolderOfSomebodyElse) {
  if (::geteuid() != 0) return;  // only root can give a folder away
  { KernelCache("here").store({"kernel"}, library()); }
  ASSERT_EQ(::chown(folder().c_str(), 12345, 12345), 0);
  KernelCache cache("here");
  EXPECT_EQ(find(cache, "kernel"), "");
  cache.store({"kernel"}, library());
  EXPECT_EQ(find(cache, "kernel"), "");
}

TEST_F(CacheTest, DropsWhatWasNotUsedForLongest) {
  const Environment roomy("NEAP_CACHE_BYTES", "1000000");
  KernelCache cache("here");
  const std::string kernels = "abcdefgh";
  for (std::size_t i = 0; i < kernels.size(); ++i)
    store_used(cache, kernels.substr(i, 1), static_cast<int>(10 - i), folder_.path() / "some.so");
  EXPECT_EQ(cache_statistics().libraries, 8);
  trim_cache();
  EXPECT_EQ(cache_statistics().libraries, 8);
  ASSERT_NE(find(cache, "a"), "");  // used now: no longer the oldest
  const Environment tight("NEAP_CACHE_BYTES", "500000");
  EXPECT_EQ(cache_statistics().limit, 500000);
  trim_cache();
  const CacheStatistics held = cache_statistics();
  EXPECT_LE(held.bytes, 450000);
  EXPECT_EQ(held.libraries, 4);
  EXPECT_EQ(held.kernels, 4);
  for (const char* kernel : {"b", "c", "d", "e"}) EXPECT_EQ(cache.library_of(kernel), "") << kernel;
  for (const char* kernel : {"a", "f", "g", "h"}) EXPECT_NE(find(cache, kernel), "") << kernel;
}

TEST_F(CacheTest, StoringTrimsNowAndThen) {
  const Environment tight("NEAP_CACHE_BYTES", "250000");
  KernelCache cache("here");
  for (const char* kernel : {"a", "b", "c", "d"}) store_used(cache, kernel, 1, folder_.path() / "some.so");
  EXPECT_EQ(cache_statistics().libraries, 4);  // trimmed with the first, and not again at once
  fs::last_write_time(folder() / "trimmed", fs::file_time_type::clock::now() - std::chrono::minutes(2));
  store_used(cache, "e", 0, folder_.path() / "some.so");
  EXPECT_EQ(cache_statistics().libraries, 2);
  EXPECT_NE(find(cache, "e"), "");
}

TEST_F(CacheTest, FilesOfAKilledProcessGo) {
  KernelCache cache("here");
  cache.store({"kernel"}, library());
  const fs::path left = folder() / "0123.so.new.99.0", fresh = folder() / "0123.so.new.99.1";
  write_file(left, "x");
  write_file(fresh, "x");
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  trim_cache();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(fresh));
}

TEST_F(CacheTest, TwoProcessesStoreAndFindWholeEntries) {
  const auto work = [this](char letter) {
    const fs::path mine = folder_.path() / (std::string(1, letter) + ".so");
    write_file(mine, std::string(100000, letter));
    KernelCache cache("here");
    for (int i = 0; i < 100; ++i) {
      cache.store({"shared"}, mine);
      const std::string found = find(cache, "shared");
      if (found.empty()) continue;
      try {
        const std::string bytes = contents(found);
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
}  // namespace neap::cache_test

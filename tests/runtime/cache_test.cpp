// Kernels out of the cache: what is there is not compiled again, what is damaged is, and full or read-only disks stop nobody.
#include "neap/codegen/cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/runtime/executable.h"
#include "tests/support/environment.h"

namespace neap::cache_test {
namespace {

namespace fs = std::filesystem;

// y = x * factor, and z = x + 1, the same in all of them.
Graph graph_of(double factor) {
  return parse_graph(
      fmt::format("graph g {{ input x : f32[4]\n"
                  " %0 = map(x) i:4 {{ %0[i] = x[i] * {:.1f} }} : f32[4]\n"
                  " %1 = map(x) i:4 {{ %1[i] = x[i] + 1.0 }} : f32[4]\n"
                  " output y = %0\n output z = %1 }}",
                  factor));
}

bool is_right(double factor) {
  Array x(DType::f32, {4});
  for (int k = 0; k < 4; ++k) x.set(k, k);
  Executable executable(graph_of(factor));
  for (const NodeProfile& node : executable.profile()) {
    if (node.how != "generated") return false;
  }
  const std::vector<Array> made = executable.run({x});
  for (int k = 0; k < 4; ++k) {
    if (made[0].get(k) != factor * k || made[1].get(k) != k + 1) return false;
  }
  return true;
}

class CachedKernels : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(sources()); }

  fs::path cache() const { return folder_.path() / "cache"; }
  fs::path sources() const { return folder_.path() / "sources"; }

  // How many kernels were given to the compiler since the last call.
  int compiled() const {
    int found = 0;
    for (const auto& file : fs::directory_iterator(sources())) {
      const std::string text = read_file(file.path());
      for (std::size_t at = text.find("_combine(void"); at != std::string::npos; at = text.find("_combine(void", at + 1)) ++found;
      fs::remove(file.path());
    }
    return found;
  }

  fs::path only_library() const {
    for (const auto& file : fs::directory_iterator(cache() / "kernels")) {
      if (file.path().extension() == ".so") return file.path();
    }
    return {};
  }

  // In a process with mounts of its own: 0 where the work returns true, 1 otherwise, 77 where there can be no such mount.
  static int with_small_disk(const fs::path& place, const char* size, const std::function<bool()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool mounted = ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                           ::mount("tmpfs", place.c_str(), "tmpfs", 0, size) == 0;
      std::_Exit(!mounted ? 77 : work() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryFolder folder_;
  const Environment used_{"NEAP_CACHE", cache()}, kept_{"NEAP_KEEP_KERNELS", sources()};
};

TEST_F(CachedKernels, OneMoreKernelIsAllThatIsCompiled) {
  EXPECT_TRUE(is_right(2));
  EXPECT_EQ(compiled(), 2);
  EXPECT_TRUE(is_right(2));
  EXPECT_EQ(compiled(), 0);
  EXPECT_TRUE(is_right(3));
  EXPECT_EQ(compiled(), 1);
  EXPECT_EQ(cache_statistics().libraries, 2);
}

TEST_F(CachedKernels, KernelsAreFoundByTheirTextWhereMapsAreForgotten) {  // as after a rebuild of Neap
  EXPECT_TRUE(is_right(2));
  fs::remove_all(cache() / "maps");
  EXPECT_EQ(compiled(), 2);
  EXPECT_TRUE(is_right(2));
  EXPECT_EQ(compiled(), 0);
}

TEST_F(CachedKernels, AMapThatIsSaidToBeAnotherKernelIsNotBelieved) {
  EXPECT_TRUE(is_right(2));
  for (const auto& file : fs::recursive_directory_iterator(cache() / "maps")) {
    if (!file.is_symlink()) continue;
    fs::remove(file.path());
    fs::create_symlink("k_0123", file.path());
  }
  EXPECT_TRUE(is_right(2));
}

TEST_F(CachedKernels, DamagedLibrariesAreMadeAnew) {
  for (const bool cut : {true, false}) {
    EXPECT_TRUE(is_right(2));
    const fs::path library = only_library();
    if (cut) {
      fs::resize_file(library, fs::file_size(library) / 2);
    } else {
      fs::remove(library);
      fs::create_symlink("/lib/x86_64-linux-gnu/libm.so.6", library);
    }
    compiled();
    EXPECT_TRUE(is_right(2));
    EXPECT_EQ(compiled(), 2);
  }
}

TEST_F(CachedKernels, ALibraryWithoutItsKernelsIsNotBelieved) {
  EXPECT_TRUE(is_right(2));
  EXPECT_TRUE(is_right(3));
  std::string wrong;
  for (const auto& file : fs::directory_iterator(cache() / "kernels")) {  // every kernel is said to be in one library
    if (!file.is_symlink()) continue;
    if (wrong.empty()) wrong = fs::read_symlink(file.path());
    fs::remove(file.path());
    fs::create_symlink(wrong, file.path());
  }
  EXPECT_TRUE(is_right(2));
  EXPECT_TRUE(is_right(3));
}

TEST_F(CachedKernels, TwoProcessesMayFillItAtOnce) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  const auto work = [] {
    for (int factor = 2; factor < 6; ++factor) {
      if (!is_right(factor)) return 1;
    }
    return 0;
  };
  if (child == 0) std::_Exit(work());
  EXPECT_EQ(work(), 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  compiled();
  EXPECT_EQ(work(), 0);
  EXPECT_EQ(compiled(), 0);
}

TEST_F(CachedKernels, AFullDiskStopsNobody) {
  fs::create_directories(cache());
  const int code = with_small_disk(cache(), "size=16k", [&] {
    ::chmod(cache().c_str(), 0700);
    try {
      write_file(cache() / "filler", std::string(16 << 10, 'x'), false);
    } catch (const Error&) {
    }
    return is_right(2) && is_right(2) && cache_statistics().libraries == 0;
  });
  if (code == 77) GTEST_SKIP() << "this process cannot mount a disk";
  EXPECT_EQ(code, 0);
}

TEST_F(CachedKernels, AReadOnlyCacheIsRead) {
  fs::create_directories(cache());
  const int code = with_small_disk(cache(), "size=4m", [&] {
    ::chmod(cache().c_str(), 0700);
    if (!is_right(2) || compiled() != 2) return false;
    if (::mount(nullptr, cache().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return false;
    return is_right(2) && compiled() == 0 && is_right(3) && compiled() == 1 && is_right(3) && compiled() == 1;
  });
  if (code == 77) GTEST_SKIP() << "this process cannot mount a disk";
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace neap::cache_test

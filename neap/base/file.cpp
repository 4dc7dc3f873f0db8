#include "neap/base/file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/memory.h"

namespace neap {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what, const std::string& path, const std::string& remedy = "") {
  throw Error(fmt::format("{}: {}", what, std::strerror(errno)), path, remedy);
}

std::string read_range(int fd, std::int64_t offset, std::int64_t length, const std::string& path) {
  std::string bytes(static_cast<std::size_t>(length), '\0');
  std::int64_t done = 0;
  while (done < length) {
    const ssize_t got = ::pread(fd, bytes.data() + done, static_cast<std::size_t>(length - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path);
    if (got == 0) throw Error("the file became shorter while it was read", path);
    done += got;
  }
  return bytes;
}

struct stat regular(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail("cannot read", path);
  if (S_ISDIR(status.st_mode)) throw Error("this is a folder", path, "give a file");
  if (!S_ISREG(status.st_mode)) throw Error("this is not a regular file", path, "copy what it gives into a file");
  return status;
}

}  // namespace

std::string read_file(const std::filesystem::path& path, std::int64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail("cannot open", path.string(), errno == ENOENT ? "is the name right?" : "");
  const std::int64_t size = regular(file.get(), path.string()).st_size;
  if (size > limit)
    throw Error(fmt::format("the file has {} bytes, more than the limit of {}", size, limit), path.string(), "give a part of it");
  check_memory(static_cast<double>(size), "the file", path.string());
  return read_range(file.get(), 0, size, path.string());
}

void write_file(const std::filesystem::path& path, std::string_view bytes, bool durable) {
  static std::atomic<int> counter{0};
  std::string fresh;
  int opened = -1;
  do {  // a process that was killed may have left a file under our number
    fresh = fmt::format("{}.new.{}.{}", path.string(), ::getpid(), counter++);
    opened = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (opened < 0 && errno == EEXIST);
  const Descriptor file(opened);
  if (file.get() < 0) fail("cannot write", path.string(), "give another place");
  try {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t wrote = ::write(file.get(), bytes.data() + done, bytes.size() - done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) fail("cannot write", path.string(), "is the disk full?");
      done += static_cast<std::size_t>(wrote);
    }
    if (durable && ::fsync(file.get()) != 0) fail("cannot write", path.string(), "is the disk full?");
    if (::rename(fresh.c_str(), path.c_str()) != 0) fail("cannot replace", path.string());
  } catch (...) {
    ::unlink(fresh.c_str());
    throw;
  }
  if (!durable) return;
  const Descriptor folder(::open(path.has_parent_path() ? path.parent_path().c_str() : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

void make_folder(const std::filesystem::path& folder, const std::string& remedy) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error("cannot make the folder: " + failed.message(), folder.string(), remedy);
}

std::string read_beneath(const std::filesystem::path& folder, std::string_view relative, std::int64_t offset, std::int64_t length) {
  const std::string place = fmt::format("'{}' below {}", relative, folder.string());
  if (relative.find('\0') != std::string_view::npos) throw Error("refused to open: the name has a zero byte", place);
  const Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) fail("cannot open the folder", place);
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const std::string name(relative);
  const Descriptor file(static_cast<int>(::syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
  if (file.get() < 0) fail("refused to open", place, "the file must lie below the folder, without symbolic links on the way");
  const struct stat status = regular(file.get(), place);
  if (status.st_nlink > 1) throw Error("refused: the file has more than one name (hard link)", place, "copy it");
  if (offset < 0 || length < 0 || offset > status.st_size || length > status.st_size - offset) {
    throw Error(fmt::format("bytes {} to {} + {} are asked for, the file has {}", offset, offset, length, status.st_size), place,
                "the file is cut short, or belongs to another");
  }
  return read_range(file.get(), offset, length, place);
}

std::filesystem::path cache_folder() {
  std::filesystem::path folder;
  if (const std::string ours = environment_value("NEAP_CACHE"); !ours.empty()) {
    folder = ours;
  } else if (const std::string xdg = environment_value("XDG_CACHE_HOME"); !xdg.empty()) {
    folder = std::filesystem::path(xdg) / "neap";
  } else if (const std::string home = environment_value("HOME"); !home.empty()) {
    folder = std::filesystem::path(home) / ".cache" / "neap";
  } else {
    throw Error("there is no folder for the cache", "", "set NEAP_CACHE or HOME");
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  const bool ours = opened.get() >= 0 && ::fstat(opened.get(), &status) == 0 && status.st_uid == ::geteuid();
  if (!ours || ((status.st_mode & 0777) != 0700 && ::fchmod(opened.get(), 0700) != 0)) {
    throw Error("the cache is not a folder of this user", folder.string(), "set NEAP_CACHE to one that is");
  }
  return folder;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "neap-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail("cannot make a temporary folder", pattern);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace neap

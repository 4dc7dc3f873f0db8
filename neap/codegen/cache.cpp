#include "neap/codegen/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>

#include "neap/base/build_id.h"
#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/private_file.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t most_library_bytes = std::int64_t{1} << 30;
constexpr std::size_t most_builds = 64;  // whose maps are remembered
constexpr std::chrono::minutes between_trims{1};

std::int64_t limit() {
  constexpr std::int64_t standard = std::int64_t{512} << 20;
  const std::int64_t bytes = std::strtoll(environment_value("NEAP_CACHE_BYTES").c_str(), nullptr, 10);
  return bytes > 0 ? bytes : standard;
}

// Stands at the end of a library, where the loader does not look. The name counts, so that one library cannot take the place of another.
std::string seal_of(std::string_view bytes, const std::string& name) {
  return fmt::format("\nneap kernels 2 {} {:016x}\n", Hasher().add(name).add(bytes).finish().hex(), bytes.size());
}

bool is_sealed(const std::string& bytes, const std::string& name) {
  const std::size_t length = seal_of("", name).size();
  if (bytes.size() < length) return false;
  const std::string_view all = bytes;
  return all.substr(bytes.size() - length) == seal_of(all.substr(0, bytes.size() - length), name);
}

void say_once(const std::string& why) {
  static std::once_flag said;
  std::call_once(said, [&] { std::fprintf(stderr, "neap: compiled kernels are not kept: %s\n", why.c_str()); });
}

std::string read_link(const fs::path& link) {
  struct stat status {};
  if (::lstat(link.c_str(), &status) != 0 || !S_ISLNK(status.st_mode) || status.st_uid != ::geteuid()) return "";
  char target[256];
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof target)) return "";
  std::string name(target, static_cast<std::size_t>(length));
  return name.find('/') == std::string::npos && name.front() != '.' ? name : "";  // beside the link or nowhere
}

// A new link takes the place of an old one.
void write_link(const fs::path& link, const std::string& target) {
  if (::symlink(target.c_str(), link.c_str()) == 0 || errno != EEXIST || read_link(link) == target) return;
  const std::string fresh = fmt::format("{}.new.{}", link.string(), ::getpid());
  if (::symlink(target.c_str(), fresh.c_str()) != 0 || ::rename(fresh.c_str(), link.c_str()) != 0) ::unlink(fresh.c_str());
}

void touch(const fs::path& path) { ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW); }

fs::file_time_type::duration age(const fs::directory_entry& file) {
  std::error_code error;
  return fs::file_time_type::clock::now() - file.last_write_time(error);
}

struct Entry {
  fs::file_time_type time;
  fs::path path;
  std::int64_t bytes = 0;
  bool operator<(const Entry& other) const { return time < other.time; }
};

void trim_libraries(const fs::path& folder) {
  std::vector<Entry> libraries;
  std::vector<fs::path> links;
  std::set<std::string> there;
  std::int64_t total = 0;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.is_symlink(error)) {
      links.push_back(file.path());
    } else if (file.path().extension() == ".so") {
      libraries.push_back({file.last_write_time(error), file.path(), static_cast<std::int64_t>(file.file_size(error))});
      there.insert(file.path().filename());
      total += libraries.back().bytes;
    } else if (file.path().filename().string().find(".new.") != std::string::npos && age(file) > std::chrono::hours(1)) {
      fs::remove(file.path(), error);  // of a process that was killed
    }
  }
  std::sort(libraries.begin(), libraries.end());
  const std::int64_t most = total > limit() ? limit() / 10 * 9 : total;
  for (const Entry& library : libraries) {
    if (total <= most) break;
    fs::remove(library.path, error);
    there.erase(library.path.filename());
    total -= library.bytes;
  }
  for (const fs::path& link : links) {
    if (there.count(read_link(link)) == 0) fs::remove(link, error);
  }
}

void trim_maps(const fs::path& folder) {
  std::vector<Entry> builds;
  std::error_code error;
  for (const auto& build : fs::directory_iterator(folder, error)) builds.push_back({build.last_write_time(error), build.path()});
  std::sort(builds.begin(), builds.end());
  for (std::size_t i = 0; i + most_builds < builds.size(); ++i) fs::remove_all(builds[i].path, error);
}

// Not more often than needed: a cache holds many files. Every process that shares the folder sees when it was done last.
void trim_now_and_then(const fs::path& folder) {
  const fs::path stamp = folder / "trimmed";
  std::error_code error;
  const auto since = fs::file_time_type::clock::now() - fs::last_write_time(stamp, error);
  if (!error && since >= since.zero() && since < between_trims) return;
  write_file(stamp, "", false);
  trim_cache();
}

// Makes the folder where it is not there; whether it may be used.
bool usable(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (fs::is_directory(fs::symlink_status(folder, error))) ::chmod(folder.c_str(), 0700);
  if (is_private(folder)) return true;  // nobody else may put code where it would be loaded
  say_once(fs::exists(folder, error) ? folder.string() + " belongs to somebody else, or others may write to it"
                                     : "cannot make " + folder.string());
  return false;
}

}  // namespace

KernelCache::KernelCache(const std::string& circumstances) : circumstances_(circumstances) {
  try {
    const fs::path folder = cache_folder(), kernels = folder / "kernels", maps = folder / "maps" / build_id();
    if (!usable(kernels)) return;
    kernels_ = kernels;
    writable_ = ::access(kernels.c_str(), W_OK) == 0;
    if (!writable_) say_once(kernels.string() + " is read-only");
    if (!build_id().empty() && usable(maps.parent_path()) && usable(maps)) maps_ = maps;
  } catch (const std::exception& error) {
    say_once(error.what());
  }
}

std::string KernelCache::kernel_of(const Hash& map) const { return maps_.empty() ? "" : read_link(maps_ / map.hex()); }

void KernelCache::note(const Hash& map, const std::string& kernel) {
  if (!maps_.empty() && writable_) write_link(maps_ / map.hex(), kernel);
}

std::string KernelCache::link_name(const std::string& kernel) const { return Hasher().add(circumstances_).add(kernel).finish().hex(); }

std::string KernelCache::library_of(const std::string& kernel) const {
  return kernels_.empty() ? "" : read_link(kernels_ / link_name(kernel));
}

std::string KernelCache::open(const std::string& library) {
  const fs::path path = kernels_ / library;
  std::error_code error;
  if (kernels_.empty() || !fs::exists(fs::symlink_status(path, error))) return "";
  try {
    if (is_private(path) && is_sealed(read_file(path, most_library_bytes), library)) {
      if (writable_) {
        touch(path);
        if (!maps_.empty()) touch(maps_);
      }
      return path.string();
    }
  } catch (const Error&) {  // unreadable: treated as damaged
  }
  std::fprintf(stderr, "neap: a damaged or foreign cache entry is made anew: %s\n", path.c_str());
  fs::remove(path, error);
  return "";
}

void KernelCache::store(const std::vector<std::string>& kernels, const fs::path& library) {
  if (kernels_.empty() || !writable_) return;
  try {
    Hasher all;
    all.add(circumstances_);
    for (const std::string& kernel : kernels) all.add(kernel);
    const std::string name = all.finish().hex() + ".so";
    const std::string bytes = read_file(library, most_library_bytes);
    write_file(kernels_ / name, bytes + seal_of(bytes, name), false);
    for (const std::string& kernel : kernels) write_link(kernels_ / link_name(kernel), name);
    trim_now_and_then(kernels_);
  } catch (const Error& error) {
    say_once(error.problem());
  }
}

CacheStatistics cache_statistics() {
  CacheStatistics statistics{.folder = cache_folder() / "kernels", .limit = limit()};
  std::error_code error;
  for (const auto& file : fs::directory_iterator(statistics.folder, error)) {
    if (file.is_symlink(error)) {
      ++statistics.kernels;
    } else if (file.path().extension() == ".so") {
      ++statistics.libraries;
      statistics.bytes += static_cast<std::int64_t>(file.file_size(error));
    }
  }
  return statistics;
}

void trim_cache() {
  trim_libraries(cache_folder() / "kernels");
  trim_maps(cache_folder() / "maps");
}

void clear_cache() {
  std::error_code error;
  for (const char* part : {"kernels", "maps", "rates"}) {
    for (const auto& file : fs::directory_iterator(cache_folder() / part, error)) fs::remove_all(file.path(), error);
  }
}

}  // namespace neap

#include "neap/codegen/cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/hash.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t most_bytes = std::int64_t{1} << 30;

// Nobody else may be able to put code where it would be loaded.
bool is_private(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && !S_ISLNK(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

std::string seal_of(const std::string& bytes) { return fmt::format("neap kernel 1 {} {}\n", bytes.size(), hash_bytes(bytes).hex()); }

void say_once(const std::string& why) {
  static bool said = false;
  if (!said) std::fprintf(stderr, "neap: compiled kernels are not kept: %s\n", why.c_str());
  said = true;
}

void evict_oldest(const fs::path& folder) {
  struct Entry {
    fs::file_time_type time;
    fs::path path;
    std::int64_t bytes;
  };
  std::vector<Entry> entries;
  std::int64_t total = 0;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    if (file.path().extension() != ".so") continue;
    entries.push_back({file.last_write_time(error), file.path(), static_cast<std::int64_t>(file.file_size(error))});
    total += entries.back().bytes;
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.time < b.time; });
  for (const Entry& entry : entries) {
    if (total <= most_bytes) break;
    fs::remove(entry.path, error);
    fs::remove(fs::path(entry.path).replace_extension(".seal"), error);
    total -= entry.bytes;
  }
}

}  // namespace

KernelCache::KernelCache() {
  try {
    const fs::path folder = cache_folder() / "kernels";
    fs::create_directories(folder);
    ::chmod(folder.c_str(), 0700);
    if (!is_private(folder) || !is_private(folder.parent_path())) {
      say_once(folder.string() + " belongs to somebody else, or others may write to it");
      return;
    }
    if (::access(folder.c_str(), W_OK) != 0) {
      say_once(folder.string() + " is read-only");
      return;
    }
    folder_ = folder;
  } catch (const std::exception& error) {
    say_once(error.what());
  }
}

std::string KernelCache::find(const std::string& key) {
  if (folder_.empty()) return "";
  const fs::path library = folder_ / (key + ".so"), seal = folder_ / (key + ".seal");
  std::error_code error;
  if (!fs::exists(library, error) || !fs::exists(seal, error)) return "";
  try {
    if (is_private(library) && is_private(seal) && read_file(seal, 4096) == seal_of(read_file(library, most_bytes)))
      return library.string();
  } catch (const Error&) {  // unreadable: treated as damaged
  }
  std::fprintf(stderr, "neap: a damaged or foreign cache entry is made anew: %s\n", library.c_str());
  fs::remove(seal, error);
  fs::remove(library, error);
  return "";
}

void KernelCache::store(const std::string& key, const fs::path& library) {
  if (folder_.empty()) return;
  try {
    const std::string bytes = read_file(library, most_bytes);
    write_file(folder_ / (key + ".so"), bytes);
    write_file(folder_ / (key + ".seal"), seal_of(bytes));
    evict_oldest(folder_);
  } catch (const Error& error) {
    say_once(error.problem());
  }
}

CacheStatistics cache_statistics() {
  CacheStatistics statistics{cache_folder() / "kernels"};
  std::error_code error;
  for (const auto& file : fs::directory_iterator(statistics.folder, error)) {
    if (file.path().extension() != ".so") continue;
    ++statistics.entries;
    statistics.bytes += static_cast<std::int64_t>(file.file_size(error));
  }
  return statistics;
}

void clear_cache() {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(cache_folder() / "kernels", error)) fs::remove(file.path(), error);
}

}  // namespace neap

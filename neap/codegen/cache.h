// Compiled kernels on disk: by content, compiler and CPU; in a private folder; whole files, checked before they are loaded.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "neap/base/file.h"

namespace neap {

class KernelCache {
 public:
  KernelCache();  // cache_folder()/kernels; where that cannot be used (read-only, not ours) nothing is kept, which is said once

  // Path of the entry's shared object, or empty. An entry that is truncated, changed, or not ours is removed.
  std::string find(const std::string& key);
  // Keeps a copy, whole or not at all (two processes may store the same key).
  void store(const std::string& key, const std::filesystem::path& library);

 private:
  std::filesystem::path folder_;  // empty: nothing is kept
};

struct CacheStatistics {
  std::filesystem::path folder;
  std::int64_t entries = 0, bytes = 0;
};
CacheStatistics cache_statistics();
void clear_cache();

}  // namespace neap

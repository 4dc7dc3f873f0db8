// Compiled kernels on disk: in a private folder, whole files, checked before they are loaded.
//
//   kernels/LIBRARY.so                shared objects, each of some kernels; sealed: size and hash of the contents stand at the end
//   kernels/KERNEL                    a link to the library that holds the kernel; its name is the hash of the kernel's text and all
//                                     that decides what becomes of it (compiler, flags, CPU)
//   maps/BUILD/MAP                    a link whose target names the kernel that this build of Neap generates from a map, or, where MAP is
//                                     the hash of a kernel and its circumstances, says what tuning found for it
//
// Links are made and replaced whole, so any number of processes may share the folder. A library's time is that of its last use: where the
// libraries take more than the limit, those that were not used for longest go, down to nine tenths of it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "neap/base/hash.h"

namespace neap {

class KernelCache {
 public:
  // In cache_folder(), for kernels made under these circumstances. A folder that is not ours is not used, one that is read-only is read;
  // both are said once.
  explicit KernelCache(const std::string& circumstances);

  // The name of the kernel that this build makes from a map (map_hash), or "".
  std::string kernel_of(const Hash& map) const;
  void note(const Hash& map, const std::string& kernel);

  // The file of the library that is said to hold the kernel, or "": to be opened by open().
  std::string library_of(const std::string& kernel) const;
  // Its path, checked and marked as used; or "". A library that is truncated, changed, or not ours is removed.
  std::string open(const std::string& library);
  // Keeps a copy, whole or not at all. Where that fails it is said once.
  void store(const std::vector<std::string>& kernels, const std::filesystem::path& library);

 private:
  std::string link_name(const std::string& kernel) const;

  std::string circumstances_;
  std::filesystem::path kernels_, maps_;  // empty: not used
  bool writable_ = false;
};

struct CacheStatistics {
  std::filesystem::path folder;
  std::int64_t libraries = 0, kernels = 0, bytes = 0;
  std::int64_t limit = 0;  // of bytes: NEAP_CACHE_BYTES, 512 MiB otherwise
};
CacheStatistics cache_statistics();
void trim_cache();   // down to the limit, and links that lead nowhere
void clear_cache();  // everything

}  // namespace neap

// Files that nobody else may have written.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace neap {

// Whether it is there, this user's, no symbolic link, and nobody else may write to it.
inline bool is_private(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && !S_ISLNK(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

}  // namespace neap

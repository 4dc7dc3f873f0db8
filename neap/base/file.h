// Files that are read with limits and replaced whole or not at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace neap {

// The bytes of a regular file. Error (naming the file) if it is missing, not regular, or larger than `limit` or than the memory.
std::string read_file(const std::filesystem::path& path, std::int64_t limit = std::int64_t{1} << 34);

// Writes to a new file beside `path`, syncs it, and renames it over `path`: readers see the old or the new, never a part. Where it need not
// be `durable` it is not synced: after a crash of the machine it may be anything.
void write_file(const std::filesystem::path& path, std::string_view bytes, bool durable = true);

// Makes a folder, and those that it is in. Error, with this remedy, where that cannot be.
void make_folder(const std::filesystem::path& folder, const std::string& remedy = "give another folder");

// Opens `relative` below `folder` for reading. Refuses absolute paths, "..", symbolic links, hard links (link count > 1),
// and anything that is not a regular file. Returns the bytes [offset, offset+length); Error if the file is shorter.
std::string read_beneath(const std::filesystem::path& folder, std::string_view relative, std::int64_t offset, std::int64_t length);

// A private folder (mode 0700, ours) for caches: $NEAP_CACHE, else $XDG_CACHE_HOME/neap, else ~/.cache/neap.
std::filesystem::path cache_folder();

// A folder made for this process and removed with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace neap

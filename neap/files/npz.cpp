#include "neap/files/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>

#include "neap/base/file.h"
#include "neap/files/gzip.h"
#include "neap/files/npy.h"

namespace neap {
namespace {

constexpr zip_int64_t most_members = 1 << 16;
constexpr std::string_view extension = ".npy";

class ZipError {
 public:
  ZipError() { zip_error_init(&error_); }
  ~ZipError() { zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  zip_error_t* get() { return &error_; }
  [[noreturn]] void raise(const std::string& what, const std::string& place) {
    throw Error(fmt::format("{}: {}", what, zip_error_strerror(&error_)), place, "the file is damaged or of another kind: write it again");
  }

 private:
  zip_error_t error_{};
};

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Member = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;
using Source = std::unique_ptr<zip_source_t, decltype(&zip_source_free)>;

// An archive in memory. It holds a share of its own in `source`.
Archive open_archive(Source& source, int flags, const std::string& place) {
  ZipError error;
  zip_source_keep(source.get());
  Archive archive(zip_open_from_source(source.get(), flags, error.get()), zip_discard);
  if (archive == nullptr) {
    zip_source_free(source.get());
    error.raise("the zip cannot be opened", place);
  }
  return archive;
}

Source memory_source(std::string_view bytes, const std::string& place) {
  ZipError error;
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get()), zip_source_free);
  if (source == nullptr) error.raise("cannot open the bytes", place);
  return source;
}

// The bytes of a member. What its header claims is not believed: the buffer grows with what comes, up to `limit`.
std::string member_bytes(zip_t* archive, zip_uint64_t index, std::int64_t limit, const std::string& place) {
  const auto reason = [&](zip_error_t* error) { return std::string(zip_error_strerror(error)); };
  const char* remedy = "the file is damaged or encrypted: write it again with numpy.savez";
  const Member member(zip_fopen_index(archive, index, 0), zip_fclose);
  if (member == nullptr) throw Error("the array cannot be read: " + reason(zip_get_error(archive)), place, remedy);
  std::string bytes;
  std::vector<char> buffer(std::size_t{64} << 10);
  for (;;) {
    const zip_int64_t got = zip_fread(member.get(), buffer.data(), buffer.size());
    if (got < 0) throw Error("the array cannot be read: " + reason(zip_file_get_error(member.get())), place, remedy);
    if (got == 0) return bytes;
    if (got > limit - static_cast<std::int64_t>(bytes.size())) {
      throw Error("the file expands to more than its size allows", place,
                  "unpack it by hand if you trust it, or store it without compression");
    }
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

NamedArrays parse_npz(std::string_view bytes, const std::string& place) {
  if (!bytes.starts_with("PK")) throw Error("this is not an npz file: it starts with other bytes", place, "write it with numpy.savez");
  Source source = memory_source(bytes, place);
  const Archive archive = open_archive(source, ZIP_RDONLY | ZIP_CHECKCONS, place);
  const zip_int64_t members = zip_get_num_entries(archive.get(), 0);
  if (members > most_members) throw Error(fmt::format("{} arrays, more than {}", members, most_members), place);
  std::int64_t left = expansion_limit(static_cast<std::int64_t>(bytes.size()));
  NamedArrays arrays;
  for (zip_int64_t i = 0; i < members; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* stored = zip_get_name(archive.get(), index, 0);
    const std::string_view file = stored == nullptr ? "" : stored;
    const std::string member = fmt::format("{}, member {}", place, shown(file));
    if (!file.ends_with(extension)) throw Error("the member is no npy file", member, "npz files hold nothing but .npy");
    const std::string name(file.substr(0, file.size() - extension.size()));
    if (arrays.contains(name)) throw Error("there are two arrays of this name", member, "give each a name of its own");
    const std::string content = member_bytes(archive.get(), index, left, member);
    left -= static_cast<std::int64_t>(content.size());
    arrays[name] = parse_npy(content, member);
  }
  return arrays;
}

NamedArrays read_npz(const std::filesystem::path& path) { return parse_npz(read_file(path), path.string()); }

std::string npz_bytes(const NamedArrays& arrays, Packing packing) {
  const std::string place = "npz";
  Source whole = memory_source("", place);
  Archive archive = open_archive(whole, ZIP_CREATE | ZIP_TRUNCATE, place);
  std::vector<std::string> members;  // stay until the archive is written
  members.reserve(arrays.size());
  for (const auto& [name, array] : arrays) {
    members.push_back(npy_bytes(array));
    const std::string file = name + std::string(extension);
    zip_source_t* source = zip_source_buffer(archive.get(), members.back().data(), members.back().size(), 0);
    const zip_int64_t index = source == nullptr ? -1 : zip_file_add(archive.get(), file.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      throw Error(fmt::format("cannot write the array {}: {}", shown(name), zip_strerror(archive.get())), place);
    }
    const zip_int32_t method = packing == Packing::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
    if (zip_set_file_compression(archive.get(), static_cast<zip_uint64_t>(index), method, 0) != 0 ||
        zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), 0, (1 << 5) | 1, 0) != 0) {  // 1980: the same bytes every day
      throw Error(fmt::format("cannot write the array {}: {}", shown(name), zip_strerror(archive.get())), place);
    }
  }
  if (arrays.empty()) throw Error("an npz file needs an array", place);
  if (zip_close(archive.get()) != 0) throw Error(fmt::format("cannot write the arrays: {}", zip_strerror(archive.get())), place);
  static_cast<void>(archive.release());  // zip_close has freed it
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_open(whole.get()) != 0 || zip_source_stat(whole.get(), &stat) != 0) throw Error("cannot read what was written", place);
  std::string bytes(stat.size, '\0');
  const zip_int64_t got = zip_source_read(whole.get(), bytes.data(), bytes.size());
  zip_source_close(whole.get());
  if (got != static_cast<zip_int64_t>(bytes.size())) throw Error("cannot read what was written", place);
  return bytes;
}

void write_npz(const std::filesystem::path& path, const NamedArrays& arrays, Packing packing) {
  write_file(path, npz_bytes(arrays, packing));
}

}  // namespace neap

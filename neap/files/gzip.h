// Compressed bytes (gzip, RFC 1952) through zlib, expanded with a limit.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace neap {

// What `stored` compressed bytes may become: 200 times as much, at least 64 MB, at most 16 GB. Deflate's own end is 1032 times, which only
// bombs come near to.
std::int64_t expansion_limit(std::int64_t stored);

bool is_gzip(std::string_view bytes);

// The expanded bytes; one or several members. Error on bytes that are cut short or damaged, on what follows the last member, and over
// `limit` (0: expansion_limit of the size).
std::string gunzip(std::string_view bytes, const std::string& place, std::int64_t limit = 0);
std::string gzip(std::string_view bytes);

// The bytes of a file, expanded where they are gzip, whatever its name.
std::string read_expanded(const std::filesystem::path& path);

}  // namespace neap

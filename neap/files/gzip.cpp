#include "neap/files/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/memory.h"

namespace neap {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib's way to say: the largest window, gzip's header and check
constexpr std::size_t most_at_once = std::numeric_limits<uInt>::max();

// A zlib stream that is closed by `End`, whatever happens.
template <int (*End)(z_streamp)>
struct Stream : z_stream {
  Stream() : z_stream{} {}
  ~Stream() { End(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Gives zlib the next part of `bytes`: its counters are narrower than a size.
  void feed(std::string_view& bytes) {
    if (avail_in != 0 || bytes.empty()) return;
    const std::size_t part = std::min(bytes.size(), most_at_once);
    next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write there
    avail_in = static_cast<uInt>(part);
    bytes.remove_prefix(part);
  }
};

}  // namespace

std::int64_t expansion_limit(std::int64_t stored) {
  constexpr std::int64_t least = std::int64_t{64} << 20, most = std::int64_t{16} << 30, factor = 200;
  return std::clamp(std::min(stored, most) * factor, least, most);
}

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::string gunzip(std::string_view bytes, const std::string& place, std::int64_t limit) {
  if (limit == 0) limit = expansion_limit(static_cast<std::int64_t>(bytes.size()));
  const auto damaged = [&](const std::string& how) {
    return Error("the compressed bytes " + how, place, "the file is damaged or not gzip: fetch it again");
  };
  Stream<inflateEnd> stream;
  if (inflateInit2(&stream, gzip_window) != Z_OK) throw Error("zlib does not start", place);
  std::vector<char> buffer(std::size_t{256} << 10);
  std::string expanded;
  for (bool member_ended = false;;) {
    stream.feed(bytes);
    if (stream.avail_in == 0) {
      if (member_ended) return expanded;
      throw damaged("end too early");
    }
    if (member_ended && inflateReset(&stream) != Z_OK) throw Error("zlib does not start", place);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) {
      throw damaged(fmt::format("make no sense{}{}", stream.msg == nullptr ? "" : ": ", stream.msg == nullptr ? "" : stream.msg));
    }
    const std::size_t made = buffer.size() - stream.avail_out;
    if (made > static_cast<std::size_t>(limit) - expanded.size()) {
      throw Error(fmt::format("the file expands to more than {} bytes", limit), place, "expand it by hand if you trust it");
    }
    if (expanded.size() + made > expanded.capacity()) {
      const std::size_t grown = std::max(2 * expanded.capacity(), buffer.size());
      check_memory(static_cast<double>(grown), "what the file expands to", place);
      expanded.reserve(grown);
    }
    expanded.append(buffer.data(), made);
    member_ended = status == Z_STREAM_END;
  }
}

std::string gzip(std::string_view bytes) {
  Stream<deflateEnd> stream;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error("zlib does not start");
  std::vector<char> buffer(std::size_t{256} << 10);
  std::string packed;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    stream.feed(bytes);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) throw Error("zlib cannot compress");
    packed.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  return packed;
}

std::string read_expanded(const std::filesystem::path& path) {
  std::string bytes = read_file(path);
  return is_gzip(bytes) ? gunzip(bytes, path.string()) : bytes;
}

}  // namespace neap

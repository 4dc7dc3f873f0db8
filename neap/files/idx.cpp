#include "neap/files/idx.h"

#include <array>
#include <limits>
#include <optional>

#include "neap/base/file.h"
#include "neap/files/bytes.h"
#include "neap/files/gzip.h"

namespace neap {
namespace {

struct Code {
  unsigned char code;
  DType dtype;
};
constexpr std::array<Code, 6> codes = {{
    {0x08, DType::u8},
    {0x09, DType::i8},
    {0x0B, DType::i16},
    {0x0C, DType::i32},
    {0x0D, DType::f32},
    {0x0E, DType::f64},
}};

std::optional<DType> dtype_of_code(char code) {
  for (const Code& known : codes) {
    if (known.code == static_cast<unsigned char>(code)) return known.dtype;
  }
  return std::nullopt;
}

void to_native(Array& array) {
  if (std::endian::native == std::endian::little) swap_bytes(array.raw(), array.count(), size_of(array.dtype()));
}

Array parse_plain(std::string_view bytes, const std::string& place) {
  ByteReader reader(bytes, place);
  const std::string_view magic = reader.take(4, "the first four bytes");
  if (!is_idx(magic)) {
    throw Error("this is not an IDX file: it starts with other bytes", place, "give the files of MNIST's format, plain or as .gz");
  }
  const int axes = static_cast<unsigned char>(magic[3]);
  if (axes > most_axes) throw Error(fmt::format("{} axes, more than {}", axes, most_axes), place, "the file is damaged: fetch it again");
  Sizes sizes;
  for (int axis = 0; axis < axes; ++axis) sizes.push_back(reader.big<std::uint32_t>("the sizes"));
  Array array = array_of_bytes(*dtype_of_code(magic[2]), std::move(sizes), reader.rest(), place);
  to_native(array);
  return array;
}

}  // namespace

bool is_idx(std::string_view front) { return front.size() >= 4 && front[0] == 0 && front[1] == 0 && dtype_of_code(front[2]).has_value(); }

Array parse_idx(std::string_view bytes, const std::string& place) {
  return is_gzip(bytes) ? parse_plain(gunzip(bytes, place), place) : parse_plain(bytes, place);
}

Array read_idx(const std::filesystem::path& path) { return parse_idx(read_file(path), path.string()); }

std::string idx_bytes(const Array& array) {
  std::string bytes(2, '\0');
  for (const Code& known : codes) {
    if (known.dtype == array.dtype()) bytes.push_back(static_cast<char>(known.code));
  }
  if (bytes.size() != 3) throw Error(fmt::format("IDX has no code for {}", name(array.dtype())), "", "cast it, or write npy");
  if (array.rank() > most_axes) throw Error(fmt::format("{} axes, more than {}", array.rank(), most_axes));
  bytes.push_back(static_cast<char>(array.rank()));
  for (const std::int64_t size : array.sizes()) {
    if (size > std::numeric_limits<std::uint32_t>::max()) throw Error(fmt::format("IDX cannot hold the size {}", size), "", "write npy");
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(size >> shift));
  }
  Array elements = array.clone();
  to_native(elements);
  return bytes.append(bytes_of(elements));
}

void write_idx(const std::filesystem::path& path, const Array& array) {
  const std::string bytes = idx_bytes(array);
  write_file(path, path.extension() == ".gz" ? gzip(bytes) : bytes);
}

}  // namespace neap

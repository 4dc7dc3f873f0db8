// files/: readers and writers of values, one file a format; every reader takes bytes from strangers.
// What the readers share: taking bytes from a buffer by steps that are checked, and making an array of them.
#pragma once
#include <bit>
#include <concepts>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "neap/base/array.h"
#include "neap/base/error.h"

namespace neap {

using NamedArrays = std::map<std::string, Array>;

constexpr int most_axes = 64;  // numpy's own limit; more is nonsense in every format

// Takes the front of a buffer, step by step. `place` names the file in errors.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string place) : rest_(bytes), place_(std::move(place)) {}

  std::string_view take(std::uint64_t count, std::string_view what) {
    if (count > rest_.size()) {
      throw Error(fmt::format("the file ends within {}: {} bytes are needed, {} are left", what, count, rest_.size()), place_,
                  "the file is cut short or is of another kind: fetch it again");
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <std::unsigned_integral T>
  T little(std::string_view what) {
    return number<T>(what, std::endian::little);
  }
  template <std::unsigned_integral T>
  T big(std::string_view what) {
    return number<T>(what, std::endian::big);
  }
  std::string_view rest() const { return rest_; }
  const std::string& place() const { return place_; }

 private:
  template <class T>
  T number(std::string_view what, std::endian order) {
    const std::string_view bytes = take(sizeof(T), what);
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      const std::size_t at = order == std::endian::big ? i : sizeof(T) - 1 - i;
      value = static_cast<T>((std::uint64_t{value} << 8) | static_cast<unsigned char>(bytes[at]));
    }
    return value;
  }
  std::string_view rest_;
  std::string place_;
};

// An array of exactly these bytes (native byte order). Error, before anything is allocated, unless sizes and bytes agree; refuses bools
// that are neither 0 nor 1, which C++ may not read.
Array array_of_bytes(DType dtype, Sizes sizes, std::string_view bytes, const std::string& place);
std::string_view bytes_of(const Array& array);

// A name out of a file as errors show it: quoted, control characters escaped, cut after 80 bytes.
std::string shown(std::string_view name);

// Reverses the bytes of each element of `width` bytes.
void swap_bytes(void* elements, std::int64_t count, int width);

}  // namespace neap

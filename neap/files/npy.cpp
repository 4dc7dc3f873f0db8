#include "neap/files/npy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <vector>

#include "neap/base/file.h"
#include "neap/files/bytes.h"

namespace neap {
namespace {

constexpr std::string_view magic{"\x93NUMPY", 6};
constexpr std::uint32_t longest_npy_header = 1 << 20;  // dtypes of Neap and 64 sizes need less than 2 kB
constexpr std::size_t data_alignment = 64;             // of the elements in the file, as numpy writes them

constexpr std::array<std::pair<DType, const char*>, 10> kinds = {{{DType::f32, "f4"},
                                                                  {DType::f64, "f8"},
                                                                  {DType::bf16, "V2"},
                                                                  {DType::f16, "f2"},
                                                                  {DType::i8, "i1"},
                                                                  {DType::i16, "i2"},
                                                                  {DType::i32, "i4"},
                                                                  {DType::i64, "i8"},
                                                                  {DType::u8, "u1"},
                                                                  {DType::boolean, "b1"}}};

struct Header {
  DType dtype = DType::f32;
  std::int64_t text = 0;  // bytes of each element, where the elements are text
  bool big_endian = false, fortran = false;
  Sizes sizes;
};

// The header is a Python dictionary of three known keys: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. This reads that and
// nothing else of Python.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& place) : rest_(text), place_(place) {}

  Header read() {
    Header header;
    bool have_descr = false, have_order = false, have_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !have_descr) {
        have_descr = true;
        read_descr(header);
      } else if (key == "fortran_order" && !have_order) {
        have_order = true;
        header.fortran = boolean();
      } else if (key == "shape" && !have_shape) {
        have_shape = true;
        header.sizes = sizes();
      } else {
        fail(fmt::format("the key {} is unknown or there twice", shown(key)));
      }
      if (!accept(',') && !next_is('}')) fail("a ',' is missing");
    }
    skip_space();
    if (!rest_.empty()) fail("text follows the dictionary");
    if (!have_descr || !have_order || !have_shape) fail("one of descr, fortran_order and shape is missing");
    if (header.text > 0 && header.fortran && header.sizes.size() > 1) fail("text in Fortran order");
    if (header.text > 0) header.sizes.push_back(header.text);
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& how) const {
    throw Error("the npy header is wrong: " + how, place_, "the file is damaged: write it again with numpy.save");
  }
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }
  bool next_is(char c) {
    skip_space();
    return rest_.starts_with(c);
  }
  bool accept(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' is missing", c));
  }
  std::string_view quoted() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') fail("a string is missing");
    const std::size_t end = rest_.find(quote, 1);
    if (end == rest_.npos) fail("a string does not end");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    fail("fortran_order is neither True nor False");
  }
  Sizes sizes() {
    Sizes result;
    expect('(');
    while (!accept(')')) {
      skip_space();
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc{} || size < 0) fail("a size is not a number of 0 or more");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (rest_.starts_with('L')) rest_.remove_prefix(1);  // Python 2 wrote long integers so
      result.push_back(size);
      if (result.size() > most_axes) fail(fmt::format("more than {} axes", most_axes));
      if (!accept(',') && !next_is(')')) fail("a ',' is missing between sizes");
    }
    return result;
  }
  void read_descr(Header& header) {
    if (next_is('[')) {
      throw Error("the array has a structured dtype", place_, "save each of its fields as an array of its own");
    }
    const std::string_view descr = quoted();
    const char order = descr.empty() ? '\0' : descr.front();
    for (const auto& [dtype, kind] : kinds) {
      if (descr.size() != 3 || descr.substr(1) != kind || std::string_view("<>=|").find(order) == std::string_view::npos) continue;
      header.dtype = dtype;
      header.big_endian = order == '>' || (order == '=' && std::endian::native == std::endian::big);
      return;
    }
    if (descr.starts_with("|S")) {  // text of a fixed length: bytes, with one more axis
      const auto [end, error] = std::from_chars(descr.data() + 2, descr.data() + descr.size(), header.text);
      if (error != std::errc{} || end != descr.data() + descr.size() || header.text < 1)
        fail("the length of text is no number of 1 or more");
      header.dtype = DType::u8;
      return;
    }
    throw Error(fmt::format("the array has the dtype {}, which Neap does not have", shown(descr)), place_,
                "cast it to f32, f64, f16, i8, i16, i32, i64, u8 or bool before it is saved; objects are never read");
  }

  std::string_view rest_;
  const std::string& place_;
};

// The elements of an array in Fortran order (its bytes as they stand in the file), put into row-major order.
Array from_fortran(const Array& array) {
  const Sizes& sizes = array.sizes();
  if (array.count() == 0 || sizes.size() < 2) return array;
  Sizes strides(sizes.size(), 1);  // in the file
  for (std::size_t axis = 1; axis < sizes.size(); ++axis) strides[axis] = strides[axis - 1] * sizes[axis - 1];
  Array result(array.dtype(), sizes);
  Sizes at(sizes.size(), 0);
  const int width = size_of(array.dtype());
  std::int64_t from = 0;
  for (std::int64_t to = 0; to < array.count(); ++to) {
    std::memcpy(result.raw() + to * width, array.raw() + from * width, static_cast<std::size_t>(width));
    for (std::size_t axis = sizes.size(); axis-- > 0;) {  // the next position, the last axis fastest
      from += strides[axis];
      if (++at[axis] < sizes[axis]) break;
      from -= strides[axis] * sizes[axis];
      at[axis] = 0;
    }
  }
  return result;
}

std::string shape_text(const Sizes& sizes) {
  std::string text = "(";
  for (const std::int64_t size : sizes) text += fmt::format("{}, ", size);
  if (sizes.size() > 1) text.resize(text.size() - 2);
  if (sizes.size() == 1) text.pop_back();
  return text + ")";
}

}  // namespace

Array parse_npy(std::string_view bytes, const std::string& place) {
  ByteReader reader(bytes, place);
  if (reader.take(magic.size(), "the first bytes") != magic) {
    throw Error("this is not an npy file: it starts with other bytes", place, "write it with numpy.save");
  }
  const std::string_view version = reader.take(2, "the version");
  if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
    throw Error(fmt::format("npy version {}.{}", int{static_cast<unsigned char>(version[0])}, int{static_cast<unsigned char>(version[1])}),
                place, "versions 1.0, 2.0 and 3.0 are read");
  }
  const std::uint32_t length =
      version[0] == 1 ? reader.little<std::uint16_t>("the header's length") : reader.little<std::uint32_t>("the header's length");
  if (length > longest_npy_header) throw Error(fmt::format("an npy header of {} bytes", length), place, "the file is damaged");
  Header header = HeaderReader(reader.take(length, "the header"), place).read();
  Array array = array_of_bytes(header.dtype, std::move(header.sizes), reader.rest(), place);
  if (header.big_endian != (std::endian::native == std::endian::big)) swap_bytes(array.raw(), array.count(), size_of(array.dtype()));
  return header.fortran && header.text == 0 ? from_fortran(array) : array;
}

Array read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path), path.string()); }

std::string npy_bytes(const Array& array) {
  static_assert(std::endian::native == std::endian::little, "the header says '<'");
  const char* kind = std::ranges::find(kinds, array.dtype(), &std::pair<DType, const char*>::first)->second;
  if (array.rank() > most_axes) throw Error(fmt::format("{} axes, more than {}", array.rank(), most_axes), "npy");
  std::string header = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': {}, }}", size_of(array.dtype()) == 1 ? '|' : '<',
                                   kind, shape_text(array.sizes()));
  constexpr std::size_t before = magic.size() + 4;  // version 1.0 and the header's length
  header.append(data_alignment - 1 - (before + header.size()) % data_alignment, ' ').push_back('\n');
  std::string bytes(magic);
  bytes += {'\1', '\0', static_cast<char>(header.size()), static_cast<char>(header.size() >> 8)};
  return bytes.append(header).append(bytes_of(array));
}

void write_npy(const std::filesystem::path& path, const Array& array) { write_file(path, npy_bytes(array)); }

}  // namespace neap

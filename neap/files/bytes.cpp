#include "neap/files/bytes.h"

#include <algorithm>

namespace neap {

Array array_of_bytes(DType dtype, Sizes sizes, std::string_view bytes, const std::string& place) {
  if (sizes.size() > most_axes) throw Error(fmt::format("{} axes, more than {}", sizes.size(), most_axes), place);
  std::int64_t count = 0;
  try {
    count = element_count(sizes);
  } catch (const Error& error) {
    throw Error(error.problem(), place, "the sizes in the file are wrong: fetch or write it again");
  }
  const auto width = static_cast<std::uint64_t>(size_of(dtype));
  if (bytes.size() % width != 0 || bytes.size() / width != static_cast<std::uint64_t>(count)) {
    throw Error(fmt::format("{} of {} is {} elements of {} bytes, but the file holds {} bytes of them", name(dtype), to_string(sizes),
                            count, width, bytes.size()),
                place, "the file is cut short, has bytes too many, or its sizes are wrong: fetch or write it again");
  }
  if (dtype == DType::boolean) {
    const auto wrong = std::ranges::find_if(bytes, [](char byte) { return byte != 0 && byte != 1; });
    if (wrong != bytes.end()) {
      throw Error(fmt::format("element {} is the byte {}, not a bool", wrong - bytes.begin(), int{static_cast<unsigned char>(*wrong)}),
                  place, "write the array as u8, or with 0 and 1 only");
    }
  }
  Array array(dtype, std::move(sizes));
  if (!bytes.empty()) std::memcpy(array.raw(), bytes.data(), bytes.size());
  return array;
}

std::string_view bytes_of(const Array& array) {
  return {reinterpret_cast<const char*>(array.raw()), static_cast<std::size_t>(array.bytes())};
}

std::string shown(std::string_view name) {
  constexpr std::size_t most = 80;
  std::string text = "'";
  for (const char c : name.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return text + (name.size() > most ? "...'" : "'");
}

void swap_bytes(void* elements, std::int64_t count, int width) {
  auto* bytes = static_cast<char*>(elements);
  for (std::int64_t i = 0; i < count; ++i) std::reverse(bytes + i * width, bytes + (i + 1) * width);
}

}  // namespace neap

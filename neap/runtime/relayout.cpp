#include "neap/runtime/relayout.h"

#include <cstring>

namespace neap {
namespace {

// Calls f(row-major position, position in storage) for each element.
template <class F>
void for_each_place(const Type& type, const Symbols& symbols, F&& f) {
  const Storage place = storage(type, symbols);
  const std::vector<std::int64_t> sizes = evaluate(type.shape, symbols);
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  std::vector<std::int64_t> index(sizes.size(), 0);
  for (std::int64_t flat = 0; flat < count; ++flat) {
    f(flat, place.offset(index));
    for (std::size_t axis = sizes.size(); axis-- > 0;) {
      if (++index[axis] < sizes[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace

Array to_row_major(const void* stored, const Type& type, const Symbols& symbols) {
  Array elements(type.dtype, evaluate(type.shape, symbols));
  const auto size = static_cast<std::size_t>(size_of(type.dtype));
  if (type.layout.row_major()) {
    if (elements.count() > 0) std::memcpy(elements.raw(), stored, static_cast<std::size_t>(elements.bytes()));
    return elements;
  }
  const auto* from = static_cast<const std::byte*>(stored);
  for_each_place(type, symbols, [&](std::int64_t flat, std::int64_t place) {
    std::memcpy(elements.raw() + static_cast<std::size_t>(flat) * size, from + static_cast<std::size_t>(place) * size, size);
  });
  return elements;
}

void from_row_major(const Array& elements, void* stored, const Type& type, const Symbols& symbols) {
  auto* to = static_cast<std::byte*>(stored);
  const auto size = static_cast<std::size_t>(size_of(type.dtype));
  if (type.layout.row_major()) {
    if (elements.count() > 0) std::memcpy(to, elements.raw(), static_cast<std::size_t>(elements.bytes()));
    return;
  }
  std::memset(to, 0, static_cast<std::size_t>(storage(type, symbols).count) * size);
  for_each_place(type, symbols, [&](std::int64_t flat, std::int64_t place) {
    std::memcpy(to + static_cast<std::size_t>(place) * size, elements.raw() + static_cast<std::size_t>(flat) * size, size);
  });
}

Array laid_out(const Array& elements, const Type& type) {
  if (type.layout.row_major()) return elements;
  Array stored(type.dtype, {storage(type, {}).count});
  from_row_major(elements, stored.raw(), type, {});
  return stored;
}

}  // namespace neap

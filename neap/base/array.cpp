#include "neap/base/array.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "neap/base/blocks.h"
#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 60;
constexpr std::int64_t most_bytes = std::int64_t{1} << 40;  // more than any machine has: not even asked for

// Every stored type as a number of `T` (double or int64); 16-bit floats go through float.
template <class T, class From>
T as(From value) {
  if constexpr (std::is_same_v<From, BFloat16> || std::is_same_v<From, Float16>) {
    return static_cast<T>(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

// Towards zero, at the ends of the range where it is left, NaN to 0: as casts in maps do.
std::int64_t truncated(double value) {
  constexpr double limit = 9223372036854775808.0;
  if (std::isnan(value)) return 0;
  if (value >= limit) return std::numeric_limits<std::int64_t>::max();
  return value <= -limit ? std::numeric_limits<std::int64_t>::min() : static_cast<std::int64_t>(value);
}

template <class To, class T>
To from(T value) {
  if constexpr (std::is_same_v<To, BFloat16> || std::is_same_v<To, Float16>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_floating_point_v<T> && std::is_integral_v<To>) {
    return static_cast<To>(truncated(value));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

std::int64_t element_count(const Sizes& sizes) {
  std::int64_t count = 1;
  bool zero = false;
  for (const std::int64_t size : sizes) {
    if (size < 0) throw Error(fmt::format("negative size {} in {}", size, to_string(sizes)));
    zero |= size == 0;
  }
  if (zero) return 0;
  for (const std::int64_t size : sizes) {
    if (count > most_elements / size) throw Error(fmt::format("{} has too many elements", to_string(sizes)));
    count *= size;
  }
  return count;
}

std::string to_string(const Sizes& sizes) {
  std::string text = "[";
  for (std::size_t i = 0; i < sizes.size(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ",", sizes[i]);
  return text + "]";
}

Array::Array(DType dtype, Sizes sizes) : dtype_(dtype), sizes_(std::move(sizes)), count_(element_count(sizes_)) {
  if (bytes() <= most_bytes) data_ = allocate_block(static_cast<std::size_t>(bytes()));
  if (data_ == nullptr)
    throw Error(fmt::format("no memory for {} of {} ({} bytes)", name(dtype), to_string(sizes_), bytes()), "",
                "use a smaller batch or smaller sizes");
}

Array Array::zeros(DType dtype, Sizes sizes) {
  Array array(dtype, std::move(sizes));
  std::memset(array.raw(), 0, static_cast<std::size_t>(array.bytes()));
  return array;
}

Array Array::full(DType dtype, Sizes sizes, double value) {
  Array array(dtype, std::move(sizes));
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::ranges::fill(array.values<T>(), from<T>(value));
  });
  return array;
}

Array Array::wrap(DType dtype, Sizes sizes, void* data, std::shared_ptr<void> owner) {
  Array array;
  array.dtype_ = dtype;
  array.count_ = element_count(sizes);
  array.sizes_ = std::move(sizes);
  array.data_ = std::shared_ptr<void>(std::move(owner), data);
  return array;
}

std::int64_t Array::size(int axis) const {
  const int at = axis < 0 ? axis + rank() : axis;
  if (at < 0 || at >= rank()) throw Error(fmt::format("no axis {} in {}", axis, to_string(sizes_)));
  return sizes_[static_cast<std::size_t>(at)];
}

double Array::get(std::int64_t flat) const {
  return dispatch(dtype_, [&](auto tag) { return as<double>(values<typename decltype(tag)::type>()[static_cast<std::size_t>(flat)]); });
}
void Array::set(std::int64_t flat, double value) {
  dispatch(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    values<T>()[static_cast<std::size_t>(flat)] = from<T>(value);
  });
}
std::int64_t Array::get_int(std::int64_t flat) const {
  return dispatch(dtype_,
                  [&](auto tag) { return as<std::int64_t>(values<typename decltype(tag)::type>()[static_cast<std::size_t>(flat)]); });
}
void Array::set_int(std::int64_t flat, std::int64_t value) {
  dispatch(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    values<T>()[static_cast<std::size_t>(flat)] = from<T>(value);
  });
}

Array Array::clone() const {
  if (empty()) return *this;  // its sizes are those of a scalar
  Array copy(dtype_, sizes_);
  copy_elements(*this, copy);
  return copy;
}

void copy_elements(const Array& from, Array& to) {
  if (from.bytes() > 0) std::memcpy(to.raw(), from.raw(), static_cast<std::size_t>(from.bytes()));
}

Array Array::cast(DType dtype) const {
  Array result(dtype, sizes_);
  const bool exact = !is_float(dtype) && !is_float(dtype_);
  for (std::int64_t i = 0; i < count_; ++i) exact ? result.set_int(i, get_int(i)) : result.set(i, get(i));
  return result;
}

Array Array::reshape(Sizes sizes) const {
  if (element_count(sizes) != count_) throw Error(fmt::format("{} cannot become {}", to_string(sizes_), to_string(sizes)));
  Array result = *this;
  result.sizes_ = std::move(sizes);
  return result;
}

Array Array::slice_rows(std::int64_t begin, std::int64_t end) const {
  if (rank() == 0 || begin < 0 || end < begin || end > sizes_[0]) {
    throw Error(fmt::format("rows {} to {} of {}", begin, end, to_string(sizes_)));
  }
  Array result = *this;
  const std::int64_t row = sizes_[0] == 0 ? 0 : count_ / sizes_[0];
  result.sizes_[0] = end - begin;
  result.count_ = row * (end - begin);
  result.data_ = std::shared_ptr<void>(data_, static_cast<std::byte*>(data_.get()) + begin * row * size_of(dtype_));
  return result;
}

void Array::check_type(DType wanted) const {
  if (dtype_ != wanted) throw Error(fmt::format("an array of {} is not one of {}", name(dtype_), name(wanted)));
}

void Array::check_count(std::int64_t wanted) const {
  if (count_ != wanted) throw Error(fmt::format("{} values for {}", wanted, to_string(sizes_)));
}

}  // namespace neap

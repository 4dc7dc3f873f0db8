// A concrete value in memory: dtype, sizes, contiguous elements (row-major unless a graph says otherwise).
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neap/base/dtype.h"

namespace neap {

using Sizes = std::vector<std::int64_t>;

// Number of elements; Error if a size is negative or the product (or its bytes in f64) overflows 2^62.
std::int64_t element_count(const Sizes& sizes);
std::string to_string(const Sizes& sizes);  // "[2,3]"

// A handle: copies share the elements (clone() for a copy of them). 64-byte aligned.
class Array {
 public:
  Array() = default;                // no elements, no sizes: `empty()` is true
  Array(DType dtype, Sizes sizes);  // elements undefined
  static Array zeros(DType dtype, Sizes sizes);
  static Array full(DType dtype, Sizes sizes, double value);
  static Array wrap(DType dtype, Sizes sizes, void* data, std::shared_ptr<void> owner);  // memory that somebody else owns
  template <class T>
  static Array of(const std::vector<T>& values, Sizes sizes);  // Error if the count does not fit
  template <class T>
  static Array of(const std::vector<T>& values) {
    return of(values, Sizes{static_cast<std::int64_t>(values.size())});
  }
  template <class T>
  static Array scalar(T value) {
    return of(std::vector<T>{value}, {});
  }

  DType dtype() const { return dtype_; }
  const Sizes& sizes() const { return sizes_; }
  std::int64_t size(int axis) const;  // negative axes count from the end
  int rank() const { return static_cast<int>(sizes_.size()); }
  std::int64_t count() const { return count_; }  // elements
  std::int64_t bytes() const { return count_ * size_of(dtype_); }
  bool empty() const { return data_ == nullptr && count_ == 0; }

  std::byte* raw() { return static_cast<std::byte*>(data_.get()); }
  const std::byte* raw() const { return static_cast<const std::byte*>(data_.get()); }
  template <class T>
  std::span<T> values() {
    check_type(dtype_of<T>());
    return {static_cast<T*>(data_.get()), static_cast<std::size_t>(count_)};
  }
  template <class T>
  std::span<const T> values() const {
    check_type(dtype_of<T>());
    return {static_cast<const T*>(data_.get()), static_cast<std::size_t>(count_)};
  }

  double get(std::int64_t flat) const;            // any dtype, by row-major position
  void set(std::int64_t flat, double value);      // rounds to the dtype; to an integer as `convert` (ir/scalar.h) does
  std::int64_t get_int(std::int64_t flat) const;  // exact for 64-bit integers
  void set_int(std::int64_t flat, std::int64_t value);

  Array clone() const;
  Array cast(DType dtype) const;
  Array reshape(Sizes sizes) const;                              // shares the elements; Error if the count differs
  Array slice_rows(std::int64_t begin, std::int64_t end) const;  // shares; along axis 0

 private:
  void check_type(DType wanted) const;
  void check_count(std::int64_t wanted) const;
  DType dtype_ = DType::f32;
  Sizes sizes_;
  std::int64_t count_ = 0;
  std::shared_ptr<void> data_;
};

void copy_elements(const Array& from, Array& to);  // of one dtype and as many elements

template <class T>
Array Array::of(const std::vector<T>& values, Sizes sizes) {
  Array made(dtype_of<T>(), std::move(sizes));
  made.check_count(static_cast<std::int64_t>(values.size()));
  std::copy(values.begin(), values.end(), made.values<T>().begin());
  return made;
}

}  // namespace neap

// Arrays to write and read back, of every dtype and of odd sizes.
#pragma once
#include <gtest/gtest.h>

#include "neap/files/bytes.h"

namespace neap {

inline Array example_array(DType dtype, Sizes sizes, std::int64_t seed = 0) {
  Array made(dtype, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const std::int64_t value = (i * 7 + seed) % 101;
    made.set(i, dtype == DType::boolean ? static_cast<double>(value % 2) : static_cast<double>(value) - (dtype == DType::u8 ? 0.0 : 50.5));
  }
  return made;
}

inline NamedArrays testing_arrays() {
  NamedArrays arrays;
  for (const DType dtype :
       {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8, DType::boolean}) {
    for (const Sizes& sizes : {Sizes{}, Sizes{0}, Sizes{1}, Sizes{7}, Sizes{3, 5}, Sizes{2, 0, 3}, Sizes{2, 3, 1, 5}}) {
      arrays[std::string(name(dtype)) + "/" + to_string(sizes)] = example_array(dtype, sizes, static_cast<std::int64_t>(arrays.size()));
    }
  }
  return arrays;
}

inline void expect_same(const Array& found, const Array& wanted, const std::string& what = "") {
  EXPECT_EQ(found.dtype(), wanted.dtype()) << what;
  EXPECT_EQ(found.sizes(), wanted.sizes()) << what;
  EXPECT_EQ(bytes_of(found), bytes_of(wanted)) << what;
}

inline void expect_same(const NamedArrays& found, const NamedArrays& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (const auto& [name, array] : wanted) {
    ASSERT_TRUE(found.contains(name)) << name;
    expect_same(found.at(name), array, name);
  }
}

}  // namespace neap

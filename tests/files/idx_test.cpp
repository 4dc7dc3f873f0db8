#include "neap/files/idx.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/files/bytes.h"
#include "neap/files/gzip.h"
#include "tests/files/examples.h"
#include "tests/support/expect_error.h"

namespace neap::idx_test {
namespace {

using namespace std::string_literals;

TEST(Idx, EveryDtypeComesBack) {
  for (const DType dtype : {DType::u8, DType::i8, DType::i16, DType::i32, DType::f32, DType::f64}) {
    for (const Sizes& sizes : {Sizes{}, Sizes{0}, Sizes{1}, Sizes{7, 3}, Sizes{2, 0, 5}}) {
      const Array array = example_array(dtype, sizes);
      expect_same(parse_idx(idx_bytes(array), "test"), array);
      expect_same(parse_idx(gzip(idx_bytes(array)), "test"), array);
    }
  }
  const TemporaryFolder folder;
  for (const std::string name : {"a.idx", "a.idx.gz"}) {
    write_idx(folder.path() / name, example_array(DType::i16, {7, 3}));
    expect_same(read_idx(folder.path() / name), example_array(DType::i16, {7, 3}));
  }
  EXPECT_TRUE(is_gzip(read_file(folder.path() / "a.idx.gz")));
}

TEST(Idx, BytesAsTheFormatSays) {
  const Array array = parse_idx("\0\0\x0B\2\0\0\0\1\0\0\0\2\x01\x02\xFF\xFE"s, "test");
  EXPECT_EQ(array.sizes(), (Sizes{1, 2}));
  EXPECT_EQ(array.get_int(0), 0x0102);
  EXPECT_EQ(array.get_int(1), -2);
}

TEST(Idx, Refusals) {
  expect_error([] { parse_idx("", "a.idx"); }, "the file ends within the first four bytes: 4 bytes are needed, 0 are left", "a.idx");
  expect_error([] { parse_idx("\x89PNG\r\n", "a.idx"); }, "this is not an IDX file", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\3\0\0\0\1"s, "a.idx"); }, "the file ends within the sizes", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\1\0\0\0\5abcd"s, "a.idx"); }, "u8 of [5] is 5 elements of 1 bytes, but the file holds 4", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\1\0\0\0\3abcd"s, "a.idx"); }, "but the file holds 4", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\x41"s + std::string(65 * 4, 'x'), "a.idx"); }, "65 axes", "a.idx");
  expect_error([] { parse_idx("\0\0\x0E\3"s + std::string(12, '\xFF'), "a.idx"); }, "too many elements", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\2\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, "a.idx"); }, "too many elements", "a.idx");
  expect_error([] { parse_idx("\0\0\x08\1\xFF\xFF\xFF\xFF"s, "a.idx"); }, "but the file holds 0 bytes", "a.idx");
  expect_error([] { idx_bytes(Array::zeros(DType::i64, {1})); }, "IDX has no code for i64");
  expect_error([] { read_idx("/nowhere/a.idx"); }, "cannot open", "/nowhere/a.idx");
}

TEST(Gzip, ComesBack) {
  std::string text;
  for (std::int64_t i = 0; i < 300000; ++i) text += static_cast<char>(i * i % 251);
  for (const std::string& bytes : {""s, "a"s, text}) EXPECT_EQ(gunzip(gzip(bytes), "test"), bytes);
  EXPECT_EQ(gunzip(gzip("one ") + gzip("two"), "test"), "one two");
}

TEST(Gzip, Refusals) {
  const std::string packed = gzip(std::string(1000, 'x'));
  expect_error([&] { gunzip(packed.substr(0, packed.size() - 1), "a.gz"); }, "the compressed bytes end too early", "a.gz");
  expect_error([&] { gunzip(packed.substr(0, 5), "a.gz"); }, "end too early", "a.gz");
  expect_error([&] { gunzip(packed + "rest", "a.gz"); }, "make no sense", "a.gz");
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;  // the check sum
  expect_error([&] { gunzip(wrong, "a.gz"); }, "make no sense: incorrect data check", "a.gz");
  expect_error([&] { gunzip(packed, "a.gz", 999); }, "the file expands to more than 999 bytes", "a.gz");
  EXPECT_EQ(gunzip(packed, "a.gz", 1000).size(), 1000U);
}

TEST(Gzip, ABombIsStopped) {
  const std::string bomb = gzip(std::string(std::size_t{65} << 20, '\0'));
  EXPECT_LT(bomb.size(), 100000U);
  expect_error([&] { gunzip(bomb, "a.gz"); }, "expands to more than", "a.gz");
}

}  // namespace
}  // namespace neap::idx_test

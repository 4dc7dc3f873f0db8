#include "neap/files/npy.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "tests/files/examples.h"
#include "tests/support/expect_error.h"

namespace neap::npy_test {
namespace {

using namespace std::string_literals;

std::string file(const std::string& header, const std::string& data, char version = 1) {
  std::string bytes = "\x93NUMPY"s + version + '\0' + static_cast<char>(header.size()) + static_cast<char>(header.size() >> 8);
  if (version > 1) bytes += "\0\0"s;
  return bytes + header + data;
}
std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}
void refused(const std::string& bytes, const std::string& problem) {
  expect_error([&] { parse_npy(bytes, "a.npy"); }, problem, "a.npy");
}

TEST(Npy, EveryDtypeAndOddSizesComeBack) {
  for (const auto& [name, array] : testing_arrays()) expect_same(parse_npy(npy_bytes(array), "test"), array, name);
  const TemporaryFolder folder;
  write_npy(folder.path() / "a.npy", example_array(DType::f32, {3, 5}));
  expect_same(read_npy(folder.path() / "a.npy"), example_array(DType::f32, {3, 5}));
}

TEST(Npy, WritesWhatNumpyWrites) {
  const std::string bytes = npy_bytes(Array::of(std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}, {2, 3}));
  const std::string start = "\x93NUMPY\1\0v\0{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }"s;
  EXPECT_EQ(bytes.substr(0, start.size()), start);
  EXPECT_EQ(bytes.size(), 128U + 12);
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_NE(npy_bytes(Array::zeros(DType::u8, {3})).find("'descr': '|u1', 'fortran_order': False, 'shape': (3,), }"), std::string::npos);
  EXPECT_NE(npy_bytes(Array::scalar(1.0)).find("'shape': (), }"), std::string::npos);
  EXPECT_NE(npy_bytes(Array::zeros(DType::bf16, {1})).find("'descr': '<V2'"), std::string::npos);
}

TEST(Npy, FortranOrderBecomesRowMajor) {
  const Array array = parse_npy(file(header("|u1", "(2, 3)", "True"), "\1\2\3\4\5\6"), "test");  // columns 1 2, 3 4, 5 6
  expect_same(array, Array::of(std::vector<std::uint8_t>{1, 3, 5, 2, 4, 6}, {2, 3}));
  const Array cube = parse_npy(file(header("<i2", "(2, 1, 3)", "True"), "\1\0\2\0\3\0\4\0\5\0\6\0"s), "test");
  expect_same(cube, Array::of(std::vector<std::int16_t>{1, 3, 5, 2, 4, 6}, {2, 1, 3}));
  EXPECT_EQ(parse_npy(file(header("|u1", "(2, 0)", "True"), ""), "test").sizes(), (Sizes{2, 0}));
}

TEST(Npy, VersionsByteOrdersAndSpellings) {
  for (const char version : {'\1', '\2', '\3'}) {
    const Array array = parse_npy(file(header(">i4", "(1,)"), "\1\2\3\4", version), "test");
    EXPECT_EQ(array.get_int(0), 0x01020304);
  }
  EXPECT_EQ(parse_npy(file(header("=i2", "(1,)"), "\1\2"), "test").get_int(0), 0x0201);
  EXPECT_EQ(parse_npy(file(header(">f8", "()"), "\x3F\xF0\0\0\0\0\0\0"s), "test").get(0), 1);
  expect_same(parse_npy(file(header("|S3", "(2,)"), "csrabc"), "test"),
              Array::of(std::vector<std::uint8_t>{'c', 's', 'r', 'a', 'b', 'c'}, {2, 3}));
  EXPECT_EQ(parse_npy(file(R"({"shape":(1L,2L),"fortran_order":False,"descr":"|i1"})", "ab"), "test").sizes(), (Sizes{1, 2}));
}

TEST(Npy, OtherDtypesAreRefusedByName) {
  refused(file(header("<u4", "(1,)"), "abcd"), "the array has the dtype '<u4', which Neap does not have");
  refused(file(header("|O", "(1,)"), "abcd"), "the array has the dtype '|O'");
  refused(file(header("<c8", "(1,)"), "abcdefgh"), "the array has the dtype '<c8'");
  refused(file(header("|S0", "()"), ""), "the length of text is no number of 1 or more");
  refused(file(header("|S2", "(1, 1)", "True"), "ab"), "text in Fortran order");
  refused(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd"), "a structured dtype");
  refused(file(header("|b1", "(2,)"), "\1\5"), "element 1 is the byte 5, not a bool");
}

TEST(Npy, HeadersThatLie) {
  refused("", "the file ends within the first bytes");
  refused("PK\3\4......", "this is not an npy file");
  refused("\x93NUMPY\4\0\0\0"s, "npy version 4.0");
  refused("\x93NUMPY\1\1\0\0"s, "npy version 1.1");
  refused("\x93NUMPY\1\0\xFF"s, "the file ends within the header's length");
  refused("\x93NUMPY\1\0\xFF\xFF{"s, "the file ends within the header: 65535 bytes");
  refused("\x93NUMPY\2\0\xFF\xFF\xFF\xFF{"s, "an npy header of 4294967295 bytes");
  refused(file(header("<f4", "(2,)"), "abcd"), "f32 of [2] is 2 elements of 4 bytes, but the file holds 4 bytes");
  refused(file(header("<f4", "(1,)"), "abcdefgh"), "but the file holds 8 bytes");
  refused(file(header("<f4", "(1,)"), "abc"), "but the file holds 3 bytes");
  refused(file(header("<f4", "(4611686018427387904, 4)"), ""), "too many elements");
  refused(file(header("<f4", "(4611686018427387904, 1)"), ""), "too many elements");
  refused(file(header("<f4", "(99999999999999999999,)"), ""), "a size is not a number");
  refused(file(header("<f4", "(-1,)"), ""), "a size is not a number of 0 or more");
}

TEST(Npy, HeadersThatAreNoDictionary) {
  const std::string rest = "'fortran_order': False, 'shape': (1,)";
  refused(file("", ""), "'{' is missing");
  refused(file("{", ""), "a string is missing");
  refused(file("{'descr", ""), "a string does not end");
  refused(file("{'descr' '<f4'}", ""), "':' is missing");
  refused(file("{'descr': '<f4' " + rest + "}", ""), "a ',' is missing");
  refused(file("{'descr': '<f4', " + rest + "} x", ""), "text follows the dictionary");
  refused(file("{'descr': '<f4', " + rest + ", 'more': 1}", ""), "the key 'more' is unknown or there twice");
  refused(file("{'descr': '<f4', 'descr': '<f4', " + rest + "}", ""), "the key 'descr' is unknown or there twice");
  refused(file("{" + rest + "}", ""), "one of descr, fortran_order and shape is missing");
  refused(file("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}", ""), "fortran_order is neither True nor False");
  refused(file("{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", ""), "a ',' is missing between sizes");
  refused(file("{'descr': '<f4', 'fortran_order': False, 'shape': 1}", ""), "'(' is missing");
  std::string many = "(";
  for (int i = 0; i <= most_axes; ++i) many += "1,";
  refused(file(header("|u1", many + ")"), "x"), "more than 64 axes");
}

}  // namespace
}  // namespace neap::npy_test

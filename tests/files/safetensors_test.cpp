#include "neap/files/safetensors.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "tests/files/examples.h"
#include "tests/support/expect_error.h"

namespace neap::safetensors_test {
namespace {

using namespace std::string_literals;

// A file with this header (as it stands, not padded) and these bytes of data.
std::string file(const std::string& header, const std::string& data) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(header.size() >> shift));
  return bytes + header + data;
}
std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":)" + tensor(dtype, shape, offsets) + "}";
}
void refused(const std::string& bytes, const std::string& problem) {
  expect_error([&] { parse_safetensors(bytes, "a.safetensors"); }, problem, "a.safetensors");
}

TEST(Safetensors, EveryDtypeAndOddSizesComeBack) {
  const TemporaryFolder folder;
  const NamedArrays arrays = testing_arrays();
  const std::map<std::string, std::string> metadata = {{"made by", "a \"test\"\n"}, {"", ""}};
  write_safetensors(folder.path() / "a.safetensors", arrays, metadata);
  const Safetensors back = read_safetensors(folder.path() / "a.safetensors");
  expect_same(back.arrays, arrays);
  EXPECT_EQ(back.metadata, metadata);
  expect_same(parse_safetensors(safetensors_bytes({}), "none").arrays, {});
}

TEST(Safetensors, BytesAsTheFormatSays) {
  std::string header = R"({"__metadata__":{"k":"v"},"b":{"shape":[2],"dtype":"U8","data_offsets":[4,6]},)"
                       R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})";
  header.resize((header.size() + 3) / 4 * 4, ' ');
  const std::string bytes = file(header, "\0\0\x80\x3F\x05\x06"s);
  const Safetensors parsed = parse_safetensors(bytes, "test");
  EXPECT_EQ(parsed.arrays.at("a").get(0), 1);
  EXPECT_EQ(parsed.arrays.at("b").get(1), 6);
  EXPECT_EQ(parsed.metadata.at("k"), "v");
}

TEST(Safetensors, WritesWhatOthersRead) {
  const std::string bytes = safetensors_bytes({{"a", Array::of(std::vector<std::uint8_t>{7})}, {"b", Array::scalar(1.0F)}});
  const std::string header = R"({"a":{"data_offsets":[4,5],"dtype":"U8","shape":[1]},"b":{"data_offsets":[0,4],"dtype":"F32","shape":[]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(bytes, file(padded, "\0\0\x80\x3F\x07"s));
}

TEST(Safetensors, HeadersThatLie) {
  refused("", "the file ends within the length of the header");
  refused("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s, "a header of 18446744073709551615 bytes");
  refused("\x00\xE1\xF5\x05\0\0\0\0{"s, "the file ends within the header: 100000000 bytes are needed, 1 are left");
  refused("\x01\xE1\xF5\x05\0\0\0\0{"s, "a header of 100000001 bytes, more than 100000000");
  refused(file("[]", ""), "the header does not start with '{'");
  refused(file("{", ""), "the JSON cannot be read");
  refused(file("{} x", ""), "the JSON cannot be read");
  refused(file("{}", "x"), "1 bytes follow the last tensor");
  refused(file(R"({"t":1})", ""), "a tensor needs dtype, shape and data_offsets");
  refused(file(R"({"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":1}})", ""), "a tensor needs dtype");
  refused(file(R"({"t":{"dtype":1,"shape":[0],"data_offsets":[0,0]}})", ""), "the tensor has no dtype");
  refused(file(R"({"t":{"dtype":"U8","shape":0,"data_offsets":[0,0]}})", ""), "the tensor has no shape");
  refused(file(one("F8_E4M3", "0", "0,0"), ""), "the dtype 'F8_E4M3', which Neap does not have");
  refused(file(R"({"t":)" + tensor("U8", "1", "0,1") + R"(,"t":)" + tensor("U8", "1", "0,1") + "}", "x"), "has the key 't' twice");
  refused(file(R"({"__metadata__":[]})", ""), "__metadata__ is no object");
  refused(file(R"({"__metadata__":{"k":1}})", ""), "__metadata__ has no string for 'k'");
  refused(file(R"({"t":)" + std::string(200, '[') + std::string(200, ']') + "}", ""), "more than 100 levels");
}

TEST(Safetensors, SizesThatLie) {
  refused(file(one("U8", "2", "0,1"), "x"), "u8 of [2] is 2 elements of 1 bytes, but the file holds 1");
  refused(file(one("U8", "-1", "0,1"), "x"), "shape of the tensor holds '-1'");
  refused(file(one("U8", "1.0", "0,1"), "x"), "shape of the tensor holds '1.0'");
  refused(file(one("U8", "18446744073709551615", "0,1"), "x"), "shape of the tensor holds");
  refused(file(one("U8", "4611686018427387904,4611686018427387904", "0,1"), "x"), "too many elements");
  refused(file(one("U8", "1", "0"), "x"), "data_offsets are not a begin and an end");
  refused(file(one("U8", "1", "1,0"), "x"), "data_offsets are not a begin and an end");
  refused(file(one("U8", "1", "0,2"), "x"), "the tensor ends at 2 of 1 bytes");
  refused(file(one("BOOL", "2", "0,2"), "\1\2"), "element 1 is the byte 2, not a bool");
  std::string many = "1";
  for (int i = 0; i < most_axes; ++i) many += ",1";
  refused(file(one("U8", many, "0,1"), "x"), "65 axes");
}

TEST(Safetensors, HolesOverlapsAndMisalignment) {
  refused(file(one("U8", "1", "1,2"), "xx"), "the tensor starts at 1, where the one before ends at 0: they leave a hole");
  refused(file(R"({"a":)" + tensor("U8", "2", "0,2") + R"(,"b":)" + tensor("U8", "2", "1,3") + "}", "xxx"), "they overlap");
  refused(file(R"({"a":)" + tensor("U8", "2", "0,2") + R"(,"b":)" + tensor("U8", "2", "0,2") + "}", "xx"), "they overlap");
  refused(file(R"({"a":)" + tensor("U8", "1", "0,1") + R"(,"b":)" + tensor("F32", "1", "1,5") + "}", "xxxxx"), "not aligned");
  refused(file(one("U8", "1", "0,1"), "xx"), "1 bytes follow the last tensor");
}

TEST(Safetensors, HostileNamesAreShownSafely) {
  const std::string name = R"(\u001b[31m\n)" + std::string(500, 'x');
  try {
    parse_safetensors(file("{\"" + name + "\":" + tensor("U8", "1", "1,2") + "}", "xx"), "a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.place().find(R"('\x1b[31m\x0a)"), std::string::npos) << error.place();
    EXPECT_LT(error.place().size(), 120U);
  }
}

TEST(Safetensors, NamesThatCannotBeWritten) {
  expect_error([] { safetensors_bytes({{"__metadata__", Array::scalar(1.0F)}}); }, "a tensor may not be called __metadata__");
  expect_error([] { safetensors_bytes({{"\xFF", Array::scalar(1.0F)}}); }, "this cannot be written as JSON");
}

}  // namespace
}  // namespace neap::safetensors_test

#include "neap/files/npz.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/files/npy.h"
#include "tests/files/examples.h"
#include "tests/support/expect_error.h"

namespace neap::npz_test {
namespace {

void refused(const std::string& bytes, const std::string& problem) {
  expect_error([&] { parse_npz(bytes, "a.npz"); }, problem, "a.npz");
}

// Every place of `from` becomes `to`, of the same length: names in both headers of a zip.
std::string replaced(std::string bytes, const std::string& from, const std::string& to) {
  for (std::size_t at = bytes.find(from); at != bytes.npos; at = bytes.find(from, at + 1)) bytes.replace(at, from.size(), to);
  return bytes;
}

TEST(Npz, StoredAndDeflatedComeBack) {
  const TemporaryFolder folder;
  for (const Packing packing : {Packing::stored, Packing::deflated}) {
    write_npz(folder.path() / "a.npz", testing_arrays(), packing);
    expect_same(read_npz(folder.path() / "a.npz"), testing_arrays());
  }
  const NamedArrays zeros = {{"z", Array::zeros(DType::f32, {1000})}};
  EXPECT_LT(npz_bytes(zeros, Packing::deflated).size(), 500U);
  EXPECT_GT(npz_bytes(zeros, Packing::stored).size(), 4000U);
}

TEST(Npz, TheSameArraysMakeTheSameBytes) {
  EXPECT_EQ(npz_bytes(testing_arrays(), Packing::deflated), npz_bytes(testing_arrays(), Packing::deflated));
}

TEST(Npz, NamesArePlainText) {
  const NamedArrays arrays = {{"../../etc/passwd", Array::scalar(1.0F)}, {"\u00e9", Array::scalar(2.0F)}};
  expect_same(parse_npz(npz_bytes(arrays), "test"), arrays);  // names never become paths
}

TEST(Npz, Refusals) {
  const NamedArrays two = {{"aa", Array::scalar(1.0F)}, {"ab", Array::scalar(2.0F)}};
  const std::string bytes = npz_bytes(two);
  refused("", "this is not an npz file");
  refused("PK\3\4 and no more", "the zip cannot be opened");
  refused(bytes.substr(0, bytes.size() - 1), "the zip cannot be opened");
  refused(bytes.substr(0, bytes.size() / 2), "the zip cannot be opened");
  refused(replaced(bytes, "ab.npy", "aa.npy"), "the zip cannot be opened: File already exists");
  refused(replaced(bytes, "ab.npy", "ab.txt"), "the member is no npy file");
  refused(replaced(bytes, "NUMPY", "LUMPY"), "the array cannot be read");  // its check sum
  expect_error([] { npz_bytes({}); }, "an npz file needs an array");
}

// Each of the two alone would be within the limit.
TEST(Npz, ABombIsStopped) {
  const Array half = Array::zeros(DType::u8, {std::int64_t{33} << 20});
  const std::string bomb = npz_bytes({{"a", half}, {"b", half}}, Packing::deflated);
  EXPECT_LT(bomb.size(), 100000U);
  refused(bomb, "the file expands to more than its size allows");
}

}  // namespace
}  // namespace neap::npz_test

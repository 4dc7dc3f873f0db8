#include "neap/data/array_files.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/files/npy.h"
#include "neap/files/npz.h"
#include "tests/support/expect_error.h"

namespace neap::array_files_test {
namespace {

TEST(ArrayFiles, EveryKindOpens) {
  const TemporaryFolder folder;
  write_npz(folder.path() / "a.npz", {{"x", Array::zeros(DType::f16, {3, 2})}, {"y", Array::of(std::vector<std::int64_t>{0, 1, 2})}});
  const DatasetPtr npz = open_array_file(folder.path() / "a.npz");
  EXPECT_EQ(npz->count(), 3);
  EXPECT_EQ(npz->fields()[0].dtype, DType::f16);
  EXPECT_EQ(npz->fields()[1].name, "y");
  EXPECT_EQ(npz->range(2, 3)[1].get_int(0), 2);
  write_npy(folder.path() / "a.npy", Array::zeros(DType::u8, {5}));
  EXPECT_EQ(open_array_file(folder.path() / "a.npy")->count(), 5);
}

TEST(ArrayFiles, TablesWithAndWithoutLabel) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  write_file(path, "a,kind,b\n1,2,3\n4,0,6\n");
  const DatasetPtr plain = open_array_file(path), labelled = open_array_file(path, "kind", DType::f64);
  EXPECT_EQ(plain->fields()[0].sizes, Sizes{3});
  EXPECT_EQ(plain->fields()[0].dtype, DType::f32);
  EXPECT_EQ(labelled->class_names(), (std::vector<std::string>{"0", "1", "2"}));
  const std::vector<Array> batch = labelled->range(0, 2);
  EXPECT_EQ(batch[0].sizes(), (Sizes{2, 2}));
  EXPECT_EQ(batch[0].dtype(), DType::f64);
  const std::vector<double> wanted = {1, 3, 4, 6};
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(batch[0].get(i), wanted[static_cast<std::size_t>(i)]);
  EXPECT_EQ(batch[1].get_int(0), 2);
  EXPECT_EQ(batch[1].get_int(1), 0);
}

TEST(ArrayFiles, Refusals) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  write_file(path, "a,kind\n1,2\n4,-1\n");
  expect_error([&] { open_array_file(path, "none"); }, "there is no column 'none'", "a.csv");
  expect_error([&] { open_array_file(path, "kind"); }, "label -1 at index 1", "a.csv, column 'kind'");
  write_file(path, "a,kind\n1,1e18\n");
  expect_error([&] { open_array_file(path, "kind"); }, "label 1e+18 at index 0");
  write_file(path, "a,kind\n1,nan\n");
  expect_error([&] { open_array_file(path, "kind"); }, "label nan at index 0");
  expect_error([&] { open_array_file(folder.path() / "a.npz", "kind"); }, "a label 'kind' for a file that is no table", "a.npz");
  expect_error([&] { open_array_file(folder.path() / "a.pkl"); }, "the file is none of arrays", "a.pkl");
}

}  // namespace
}  // namespace neap::array_files_test

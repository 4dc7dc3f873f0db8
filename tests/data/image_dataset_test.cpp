#include "neap/data/image_dataset.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/file.h"
#include "neap/data/idx_images.h"
#include "neap/files/idx.h"
#include "tests/support/expect_error.h"

namespace neap::image_dataset_test {
namespace {

Array counting(Sizes sizes) {
  Array made(DType::u8, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>(i * 37 % 256));
  return made;
}

Array labels(std::int64_t count, std::int64_t classes) {
  Array made(DType::u8, {count});
  for (std::int64_t i = 0; i < count; ++i) made.set_int(i, i % classes);
  return made;
}

std::vector<std::string> two_classes() { return {"cat", "dog"}; }

TEST(ImageDataset, NormalisesAgainstAPlainLoop) {
  const Array images = counting({5, 3, 4, 2});
  const auto source = images_in_memory(images, "test");
  const Normalization norm = normalization_of(*source);
  for (std::int64_t c = 0; c < 3; ++c) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t p = 0; p < 8; ++p) sum += images.get((i * 3 + c) * 8 + p) / 255;
    }
    const double mean = sum / 40;
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t p = 0; p < 8; ++p) squares += std::pow(images.get((i * 3 + c) * 8 + p) / 255 - mean, 2);
    }
    EXPECT_NEAR(norm.mean[static_cast<std::size_t>(c)], mean, 1e-12);
    EXPECT_NEAR(norm.deviation[static_cast<std::size_t>(c)], std::sqrt(squares / 40), 1e-12);
  }
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16}) {
    const ImageDataset dataset(source, labels(5, 2), two_classes(), norm, "test", dtype);
    const std::vector<std::int64_t> indices = {4, 1};
    const std::vector<Array> batch = dataset.batch(indices);
    ASSERT_EQ(batch[0].sizes(), (Sizes{2, 3, 4, 2}));
    ASSERT_EQ(batch[0].dtype(), dtype);
    Array expected(dtype, {1});
    for (std::int64_t i = 0; i < batch[0].count(); ++i) {
      const std::int64_t image = i / 24, at = i % 24;
      const auto c = static_cast<std::size_t>(at / 8);
      expected.set(0, (images.get(indices[static_cast<std::size_t>(image)] * 24 + at) / 255 - norm.mean[c]) / norm.deviation[c]);
      EXPECT_EQ(batch[0].get(i), expected.get(0));
    }
    EXPECT_EQ(batch[1].dtype(), DType::i64);
    EXPECT_EQ(batch[1].get_int(0), 0);
    EXPECT_EQ(batch[1].get_int(1), 1);
    EXPECT_NEAR(dataset.black()[1], -norm.mean[1] / norm.deviation[1], 1e-15);
  }
}

TEST(ImageDataset, ChannelsFirstAndLastAgree) {
  const Array last = counting({3, 5, 4, 3});
  Array first(DType::u8, {3, 3, 5, 4});
  for (std::int64_t i = 0; i < first.count(); ++i) {
    const std::int64_t image = i / 60, c = i / 20 % 3, at = i % 20;
    first.set(i, last.get((image * 20 + at) * 3 + c));
  }
  const auto a = images_in_memory(last, "a"), b = images_in_memory(first, "b");
  EXPECT_EQ(a->sizes(), b->sizes());
  std::vector<std::uint8_t> x(60), y(60);
  for (std::int64_t i = 0; i < 3; ++i) {
    a->read(i, x);
    b->read(i, y);
    EXPECT_EQ(x, y);
  }
  const ImageDataset dataset(b, labels(3, 2), two_classes(), normalization_of(*b), "b");
  const Array pixels = dataset.pixels(1);
  EXPECT_EQ(pixels.sizes(), (Sizes{5, 4, 3}));
  for (std::int64_t i = 0; i < 60; ++i) EXPECT_EQ(pixels.get(i), last.get(60 + i));
}

TEST(ImageDataset, AChannelThatNeverChangesIsLeftInScale) {
  const auto source = images_in_memory(Array::full(DType::u8, {2, 3, 3}, 51), "test");
  const Normalization norm = normalization_of(*source);
  EXPECT_DOUBLE_EQ(norm.mean[0], 0.2);
  EXPECT_EQ(norm.deviation[0], 1);
}

TEST(ImageDataset, EmptySets) {
  const auto source = images_in_memory(Array::zeros(DType::u8, {0, 28, 28}), "test");
  const ImageDataset dataset(source, labels(0, 2), two_classes(), normalization_of(*source), "test");
  EXPECT_EQ(dataset.range(0, 0)[0].sizes(), (Sizes{0, 1, 28, 28}));
}

TEST(ImageDataset, Refusals) {
  const auto source = images_in_memory(counting({4, 3, 3}), "test");
  const Normalization norm = normalization_of(*source);
  expect_error([&] { ImageDataset(source, labels(3, 2), two_classes(), norm, "here"); }, "4 images with 3 labels", "here");
  expect_error([&] { ImageDataset(source, labels(4, 3), two_classes(), norm, "here"); }, "label 2 at index 2", "here");
  expect_error([&] { ImageDataset(source, labels(4, 2), two_classes(), norm, "here", DType::u8); }, "normalised images of u8", "here");
  expect_error([&] { ImageDataset(source, labels(4, 2), two_classes(), {}, "here"); }, "1 channels, a normalisation of 0", "here");
  expect_error([&] { ImageDataset(source, labels(4, 2), two_classes(), norm, "here").label(4); }, "there is no example 4", "here");
  expect_error([] { images_in_memory(Array::zeros(DType::f32, {4, 3, 3}), "here"); }, "images of f32", "here");
  expect_error([] { images_in_memory(Array::zeros(DType::u8, {4, 3}), "here"); }, "images of sizes [4,3]", "here");
}

// A folder with a small set under the names of MNIST.
void write_set(const std::filesystem::path& folder, const std::string& end) {
  write_idx(folder / ("train-images-idx3-ubyte" + end), counting({6, 4, 5}));
  write_idx(folder / ("train-labels-idx1-ubyte" + end), labels(6, 3));
  write_idx(folder / ("t10k-images-idx3-ubyte" + end), counting({2, 4, 5}));
  write_idx(folder / ("t10k-labels-idx1-ubyte" + end), labels(2, 3));
}

TEST(IdxImages, PlainAndCompressedFoldersOpen) {
  for (const std::string end : {"", ".gz"}) {
    const TemporaryFolder folder;
    write_set(folder.path(), end);
    const ImageSets sets = open_idx_images(folder.path());
    EXPECT_EQ(sets.train->count(), 6);
    EXPECT_EQ(sets.test->count(), 2);
    EXPECT_EQ(sets.train->class_names(), (std::vector<std::string>{"0", "1", "2"}));
    EXPECT_EQ(sets.test->normalization().mean, sets.train->normalization().mean);
    EXPECT_EQ(sets.train->range(0, 2)[0].sizes(), (Sizes{2, 1, 4, 5}));
  }
}

TEST(IdxImages, ClassNamesFromAFileOrTheFoldersName) {
  const TemporaryFolder folder;
  write_set(folder.path(), "");
  write_file(folder.path() / "classes.txt", "one\r\ntwo\n\nthree\nfour");
  EXPECT_EQ(open_idx_images(folder.path()).train->class_names(), (std::vector<std::string>{"one", "two", "three", "four"}));
  write_file(folder.path() / "classes.txt", "one\ntwo\n");
  expect_error([&] { open_idx_images(folder.path()); }, "label 2 at index 2 is none of the 2 classes", "training set");
  const std::filesystem::path fashion = folder.path() / "Fashion-MNIST";
  std::filesystem::create_directory(fashion);
  write_set(fashion, ".gz");
  EXPECT_EQ(open_idx_images(fashion).train->class_names()[9], "Ankle boot");
}

TEST(IdxImages, Refusals) {
  const TemporaryFolder folder;
  expect_error([&] { open_idx_images(folder.path() / "none"); }, "cannot read the folder", "none");
  expect_error([&] { open_idx_images(folder.path()); }, "there is no IDX file of training images", folder.path().string());
  write_set(folder.path(), "");
  write_idx(folder.path() / "train-images-idx3-ubyte", counting({0, 4, 5}));
  expect_error([&] { open_idx_images(folder.path()); }, "there is no training image", folder.path().string());
  write_set(folder.path(), "");
  write_idx(folder.path() / "t10k-labels-idx1-ubyte", labels(3, 3));
  expect_error([&] { open_idx_images(folder.path()); }, "2 images with 3 labels", "test set");
  write_idx(folder.path() / "t10k-labels-idx1-ubyte", labels(2, 3));
  write_idx(folder.path() / "t10k-images-idx3-ubyte", counting({2, 5, 5}));
  expect_error([&] { open_idx_images(folder.path()); }, "training images of [1,4,5], test images of [1,5,5]");
  write_idx(folder.path() / "train-images2-idx3-ubyte", counting({6, 4, 5}));
  expect_error([&] { open_idx_images(folder.path()); }, "there is a second file of images", "train-images2");
}

TEST(IdxImages, FashionMnist) {
  std::filesystem::path folder;
  try {
    folder = find_fashion_mnist();
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const ImageSets sets = open_idx_images(folder);
  EXPECT_EQ(sets.train->count(), 60000);
  EXPECT_EQ(sets.test->count(), 10000);
  EXPECT_EQ(sets.train->fields()[0].sizes, (Sizes{1, 28, 28}));
  EXPECT_NEAR(sets.train->normalization().mean[0], 0.2860, 5e-5);  // the figures that everybody uses for this set
  EXPECT_NEAR(sets.train->normalization().deviation[0], 0.3530, 5e-5);
  EXPECT_EQ(sets.train->class_names()[static_cast<std::size_t>(sets.train->label(0))], "Ankle boot");
}

}  // namespace
}  // namespace neap::image_dataset_test

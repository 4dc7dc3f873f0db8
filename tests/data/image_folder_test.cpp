#include "neap/data/image_folder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/file.h"
#include "neap/data/loader.h"
#include "neap/data/resize.h"
#include "neap/files/idx.h"
#include "neap/files/png.h"
#include "tests/support/expect_error.h"

namespace neap::image_folder_test {
namespace {

namespace fs = std::filesystem;

Array picture(std::int64_t height, std::int64_t width, std::int64_t channels, int value) {
  Array made(DType::u8, {height, width, channels});
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>((value + i * 5) % 256));
  return made;
}

void put(const fs::path& path, const Array& pixels) {
  fs::create_directories(path.parent_path());
  write_png(path, pixels);
}

void make_folders(const fs::path& folder) {
  put(folder / "train" / "cat" / "b.png", picture(4, 6, 3, 2));
  put(folder / "train" / "cat" / "a.PNG", picture(4, 6, 3, 1));
  put(folder / "train" / "dog" / "c.png", picture(4, 6, 3, 3));
  write_file(folder / "train" / "dog" / "notes.txt", "no picture");
  put(folder / "test" / "cat" / "d.png", picture(8, 12, 1, 9));
  put(folder / "test" / "dog" / "e.png", picture(4, 6, 4, 9));
}

TEST(ImageFolder, ClassesAndFilesInTheOrderOfNames) {
  const TemporaryFolder folder;
  make_folders(folder.path());
  const ImageSets sets = open_image_sets(folder.path());
  EXPECT_EQ(sets.train->class_names(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(sets.train->count(), 3);
  EXPECT_EQ(sets.test->count(), 2);
  EXPECT_EQ(sets.train->fields()[0].sizes, (Sizes{3, 4, 6}));
  EXPECT_EQ(sets.train->label(2), 1);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(sets.train->pixels(i).get(0), static_cast<double>(i + 1));
  const std::vector<Array> batch = sets.test->range(0, 2);
  EXPECT_EQ(batch[0].sizes(), (Sizes{2, 3, 4, 6}));
  EXPECT_EQ(sets.test->normalization().mean, sets.train->normalization().mean);
}

TEST(ImageFolder, SizesAreAsAsked) {
  const TemporaryFolder folder;
  make_folders(folder.path());
  const auto grey = open_image_folder(folder.path() / "train", {.channels = 1, .height = 2});
  EXPECT_EQ(grey->fields()[0].sizes, (Sizes{1, 2, 6}));
}

TEST(ImageFolder, ADamagedPictureIsNamedByTheLoader) {
  const TemporaryFolder folder;
  make_folders(folder.path());
  const Normalization norm{.mean = {0.5, 0.5, 0.5}, .deviation = {1, 1, 1}};
  const std::string whole = read_file(folder.path() / "train" / "dog" / "c.png");
  write_file(folder.path() / "train" / "dog" / "c.png", whole.substr(0, whole.size() / 2));
  const Loader loader(open_image_folder(folder.path() / "train", {}, &norm), {.batch = 1});
  EpochBatches batches = loader.epoch(0);
  batches.next();
  batches.next();
  expect_error([&] { batches.next(); }, "the PNG cannot be read", "c.png");
}

TEST(ImageFolder, Refusals) {
  const TemporaryFolder folder;
  expect_error([&] { open_image_folder(folder.path() / "none"); }, "cannot read the folder", "none");
  expect_error([&] { open_image_folder(folder.path()); }, "there is no picture in 0 sub-folders", folder.path().string());
  make_folders(folder.path());
  fs::rename(folder.path() / "test" / "dog", folder.path() / "test" / "cow");
  expect_error([&] { open_image_folders(folder.path()); }, "training pictures of 2 classes, test pictures of 2, or of other names");
  fs::remove_all(folder.path() / "test");
  expect_error([&] { open_image_folders(folder.path()); }, "the folder is missing", "val");
}

TEST(Resize, TheSameSizeIsTheSamePicture) {
  const Array from = picture(5, 4, 3, 7), to = fitted_picture(from, 3, 5, 4);
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t at = 0; at < 20; ++at) EXPECT_EQ(to.get(c * 20 + at), from.get(at * 3 + c));
  }
}

TEST(Resize, HalvesAndDoublesByTheTriangle) {
  const Array row = Array::of(std::vector<std::uint8_t>{0, 80, 160, 240}, {1, 4, 1});
  const Array half = fitted_picture(row, 1, 1, 2);  // weights 1/4 3/4 3/4 1/4 around each pair, cut at the border
  EXPECT_EQ(half.get(0), std::round((0.75 * 0 + 0.75 * 80 + 0.25 * 160) / 1.75));
  EXPECT_EQ(half.get(1), std::round((0.25 * 80 + 0.75 * 160 + 0.75 * 240) / 1.75));
  const Array two = Array::of(std::vector<std::uint8_t>{0, 100}, {2, 1, 1}), four = fitted_picture(two, 1, 4, 1);
  const std::vector<double> wanted = {0, 25, 75, 100};
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_EQ(four.get(i), wanted[static_cast<std::size_t>(i)]);
}

TEST(Resize, AFlatPictureStaysFlat) {
  for (const std::int64_t size : {1, 2, 3, 7, 50}) {
    const Array to = fitted_picture(Array::full(DType::u8, {7, 3, 4}, 201), 3, size, 2 * size);
    EXPECT_EQ(to.sizes(), (Sizes{3, size, 2 * size}));
    for (std::int64_t i = 0; i < to.count(); ++i) EXPECT_EQ(to.get(i), 201);
  }
}

TEST(Resize, GreyFromColourAndColourFromGrey) {
  const Array colour = Array::of(std::vector<std::uint8_t>{255, 0, 0, 0, 255, 0, 0, 0, 255}, {1, 3, 3}),
              grey = fitted_picture(colour, 1, 1, 3);
  const std::vector<double> wanted = {76, 150, 29};
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(grey.get(i), wanted[static_cast<std::size_t>(i)]);
  const Array three = fitted_picture(Array::full(DType::u8, {1, 1, 2}, 9), 3, 1, 1);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(three.get(i), 9);
}

TEST(Resize, Refusals) {
  expect_error([] { fitted_picture(picture(2, 2, 3, 0), 2, 2, 2); }, "pictures of 2 channels");
  expect_error([] { fitted_picture(picture(2, 2, 3, 0), 3, 0, 2); }, "u8 [2,2,3] as a picture of 0 x 2");
  expect_error([] { fitted_picture(Array::zeros(DType::f32, {2, 2, 3}), 3, 2, 2); }, "f32 [2,2,3] as a picture");
}

}  // namespace
}  // namespace neap::image_folder_test

#include "neap/data/image_folder.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "neap/base/error.h"
#include "neap/data/idx_images.h"
#include "neap/data/resize.h"
#include "neap/files/image.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

class FolderImages : public ImageSource {
 public:
  FolderImages(std::vector<fs::path> files, Sizes sizes) : files_(std::move(files)), sizes_(std::move(sizes)) {}
  std::int64_t count() const override { return static_cast<std::int64_t>(files_.size()); }
  const Sizes& sizes() const override { return sizes_; }
  void read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    const Array picture = read_image(files_[static_cast<std::size_t>(index)]);
    std::memcpy(pixels.data(), fitted_picture(picture, sizes_[0], sizes_[1], sizes_[2]).raw(), pixels.size());
  }

 private:
  std::vector<fs::path> files_;
  Sizes sizes_;
};

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

// What the folder holds, in the order of names, whatever the file system gives; hidden files and folders are left out.
template <class Wanted>
std::set<fs::path> entries(const fs::path& folder, const Wanted& wanted) {
  std::error_code error;
  std::set<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with('.') && wanted(entry)) found.insert(entry.path());
  }
  if (error) throw Error("cannot read the folder: " + error.message(), folder.string(), "give a folder with one sub-folder a class");
  return found;
}

Sizes sizes_of(const PictureSizes& asked, const fs::path& first) {
  if (asked.height > 0 && asked.width > 0) return {asked.channels, asked.height, asked.width};
  const Array picture = read_image(first);
  return {asked.channels, asked.height > 0 ? asked.height : picture.size(0), asked.width > 0 ? asked.width : picture.size(1)};
}

}  // namespace

std::shared_ptr<const ImageDataset> open_image_folder(const fs::path& folder, const PictureSizes& sizes, const Normalization* normalization,
                                                      DType dtype) {
  std::vector<std::string> classes;
  std::vector<fs::path> files;
  std::vector<std::int64_t> labels;
  for (const fs::path& path : entries(folder, [](const fs::directory_entry& entry) { return entry.is_directory(); })) {
    for (const fs::path& file :
         entries(path, [](const fs::directory_entry& entry) { return entry.is_regular_file() && is_picture(entry.path()); })) {
      files.push_back(file);
      labels.push_back(static_cast<std::int64_t>(classes.size()));
    }
    classes.push_back(path.filename().string());
  }
  if (files.empty()) {
    throw Error(fmt::format("there is no picture in {} sub-folders", classes.size()), folder.string(),
                "put .png, .jpg or .jpeg files into one sub-folder a class");
  }
  const Sizes fitted = sizes_of(sizes, files.front());
  const auto images = std::make_shared<FolderImages>(std::move(files), fitted);
  return std::make_shared<ImageDataset>(images, Array::of(labels), std::move(classes),
                                        normalization != nullptr ? *normalization : normalization_of(*images), folder.string(), dtype);
}

ImageSets open_image_folders(const fs::path& folder, const PictureSizes& sizes, DType dtype) {
  const fs::path test_folder = fs::is_directory(folder / "test") ? folder / "test" : folder / "val";
  for (const fs::path& part : {folder / "train", test_folder}) {
    if (!fs::is_directory(part)) throw Error("the folder is missing", part.string(), "it needs train/ and test/ (or val/)");
  }
  const auto train = open_image_folder(folder / "train", sizes, nullptr, dtype);
  const Sizes& fitted = train->fields()[0].sizes;
  const PictureSizes same{.channels = fitted[0], .height = fitted[1], .width = fitted[2]};
  const auto test = open_image_folder(test_folder, same, &train->normalization(), dtype);
  if (train->class_names() != test->class_names()) {
    throw Error(fmt::format("training pictures of {} classes, test pictures of {}, or of other names", train->class_names().size(),
                            test->class_names().size()),
                folder.string(), "give both the same sub-folders");
  }
  return {.train = train, .test = test};
}

ImageSets open_image_sets(const fs::path& folder, DType dtype) {
  return fs::is_directory(folder / "train") ? open_image_folders(folder, {}, dtype) : open_idx_images(folder, dtype);
}

}  // namespace neap

// Folders of PNG and JPEG pictures, a sub-folder for each class.
#pragma once
#include <filesystem>

#include "neap/data/image_dataset.h"

namespace neap {

struct PictureSizes {
  std::int64_t channels = 3;           // 1 or 3
  std::int64_t height = 0, width = 0;  // 0: those of the first picture
};

// Pictures are read when a batch asks for them, in the loader's thread, and fitted to the sizes (resize.h). Classes are the sub-folders in
// the order of their names; other files than .png, .jpg and .jpeg are left out. Without a normalisation, that of all pictures is computed,
// which reads each once. Error if there is no class, no picture, or (when it is read) a picture that is damaged, by its name.
std::shared_ptr<const ImageDataset> open_image_folder(const std::filesystem::path& folder, const PictureSizes& sizes = {},
                                                      const Normalization* normalization = nullptr, DType dtype = DType::f32);

// Two such folders, train/ and test/ (or val/), with the same classes.
ImageSets open_image_folders(const std::filesystem::path& folder, const PictureSizes& sizes = {}, DType dtype = DType::f32);

// What `--data DIR` names: train/ and test/ folders of pictures, or IDX files (idx_images.h).
ImageSets open_image_sets(const std::filesystem::path& folder, DType dtype = DType::f32);

}  // namespace neap

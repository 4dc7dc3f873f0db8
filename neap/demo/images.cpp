#include "neap/demo/images.h"

#include "neap/base/error.h"
#include "neap/data/idx_images.h"
#include "neap/data/image_folder.h"

namespace neap {

ImageSets open_grey_images(const std::filesystem::path& folder) {
  const std::filesystem::path place = folder.empty() ? find_fashion_mnist() : folder;
  if (std::filesystem::is_directory(place / "train")) return open_image_folders(place, {.channels = 1, .height = 28, .width = 28});
  ImageSets sets = open_idx_images(place);
  const Sizes& sizes = sets.train->fields()[0].sizes;
  if (sizes[0] != 1) {
    throw Error(fmt::format("the images are {}, the network takes one channel", to_string(sizes)), place.string(), "give grey images");
  }
  return sets;
}

}  // namespace neap

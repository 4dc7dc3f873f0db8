// Images as the demo's network takes them.
#pragma once
#include <filesystem>

#include "neap/data/image_dataset.h"

namespace neap {

// Grey images: IDX files, or folders of pictures, which are fitted to 28 x 28. Empty: Fashion-MNIST where this machine has it.
ImageSets open_grey_images(const std::filesystem::path& folder);

}  // namespace neap

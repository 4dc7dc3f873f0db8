// Augmentation of images: random shift, horizontal flip and cutout, each a function of (seed, epoch, index of the example).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "neap/base/array.h"

namespace neap {

struct Augmentation {
  std::int64_t shift = 0;    // most pixels in each direction; what comes in from outside is `fill` (the crop of a padded image)
  bool flip = false;         // mirrored left to right, for every other image
  std::int64_t cutout = 0;   // side of a square of `fill` put at a random centre (DeVries & Taylor 2017); 0: none
  std::vector<double> fill;  // the background, one value a channel: ImageDataset::black(); empty: 0
};

// Changes images [N, channels, height, width] of any dtype in place; `indices` are those of the examples in their dataset. The result for
// an example does not depend on the batch that it is in.
void augment(Array& images, const Augmentation& how, std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices);

}  // namespace neap

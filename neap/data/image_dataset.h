// Images with a label each: kept or read as bytes, given as normalised floating-point numbers.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neap/data/dataset.h"

namespace neap {

// Where the pixels come from. `sizes` is {channels, height, width}; reading may be done from several threads at once.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  virtual std::int64_t count() const = 0;
  virtual const Sizes& sizes() const = 0;
  virtual void read(std::int64_t index, std::span<std::uint8_t> pixels) const = 0;  // channel by channel, row by row
};

// Images in memory: u8 [N,H,W], [N,C,H,W], or [N,H,W,C] where the last size is 1 or 3 and the second is not.
std::shared_ptr<const ImageSource> images_in_memory(const Array& images, const std::string& place);

// x' = (x/255 - mean) / deviation, for each channel.
struct Normalization {
  std::vector<double> mean, deviation;
};
// Of all pixels of the source, exactly (from counts of each value); a channel that never changes has the deviation 1.
Normalization normalization_of(const ImageSource& images);

// Fields: x: `dtype` [C,H,W]; y: i64 [].
class ImageDataset : public Dataset {
 public:
  // Error if images and labels differ in number, a label is none of the classes, or `dtype` is no floating-point dtype.
  ImageDataset(std::shared_ptr<const ImageSource> images, const Array& labels, std::vector<std::string> class_names,
               Normalization normalization, std::string place, DType dtype = DType::f32);
  std::int64_t count() const override { return images_->count(); }
  std::vector<Array> batch(std::span<const std::int64_t> indices) const override;

  const Normalization& normalization() const { return normalization_; }
  std::vector<double> black() const;       // what a pixel of 0 becomes, one value a channel: the fill of augmentation
  Array pixels(std::int64_t index) const;  // u8 [H,W,C], as write_png takes it
  std::int64_t label(std::int64_t index) const;

 private:
  std::shared_ptr<const ImageSource> images_;
  Array labels_;
  Normalization normalization_;
  std::vector<std::byte> values_;  // [C][256] of the dtype: what each byte becomes
};

struct ImageSets {
  std::shared_ptr<const ImageDataset> train, test;  // both normalised as the first
};

}  // namespace neap

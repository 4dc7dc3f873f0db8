#include "neap/data/image_dataset.h"

#include <array>
#include <cmath>
#include <cstring>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t levels = 256;  // of a pixel

class MemoryImages : public ImageSource {
 public:
  MemoryImages(Array images, Sizes sizes, bool channels_last)
      : images_(std::move(images)), sizes_(std::move(sizes)), last_(channels_last) {}
  std::int64_t count() const override { return images_.size(0); }
  const Sizes& sizes() const override { return sizes_; }
  void read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    const std::uint8_t* from = images_.values<std::uint8_t>().data() + index * static_cast<std::int64_t>(pixels.size());
    if (!last_) {
      std::memcpy(pixels.data(), from, pixels.size());
      return;
    }
    const std::int64_t channels = sizes_[0], area = sizes_[1] * sizes_[2];
    for (std::int64_t at = 0; at < area; ++at) {
      for (std::int64_t c = 0; c < channels; ++c) pixels[static_cast<std::size_t>(c * area + at)] = *from++;
    }
  }

 private:
  Array images_;
  Sizes sizes_;
  bool last_;
};

bool are_channels(std::int64_t size) { return size == 1 || size == 3; }

std::vector<Field> image_fields(const Sizes& sizes, DType dtype) {
  return {{.name = "x", .dtype = dtype, .sizes = sizes}, {.name = "y", .dtype = DType::i64, .sizes = {}}};
}

// What each of the 256 values of a pixel becomes in each channel.
std::vector<std::byte> normalized_values(const Normalization& normalization, DType dtype) {
  const auto channels = static_cast<std::int64_t>(normalization.mean.size());
  Array table(dtype, {channels, levels});
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    for (std::int64_t value = 0; value < levels; ++value) {
      table.set(c * levels + value, (static_cast<double>(value) / 255 - normalization.mean[channel]) / normalization.deviation[channel]);
    }
  }
  return {table.raw(), table.raw() + table.bytes()};
}

}  // namespace

std::shared_ptr<const ImageSource> images_in_memory(const Array& images, const std::string& place) {
  const std::string wanted = "give u8 images of sizes [N,H,W], [N,C,H,W] or [N,H,W,C]";
  if (images.dtype() != DType::u8) throw Error(fmt::format("images of {}", name(images.dtype())), place, wanted);
  const Sizes& sizes = images.sizes();
  if (sizes.size() == 3) return std::make_shared<MemoryImages>(images, Sizes{1, sizes[1], sizes[2]}, false);
  if (sizes.size() != 4) throw Error(fmt::format("images of sizes {}", to_string(sizes)), place, wanted);
  if (are_channels(sizes[3]) && !are_channels(sizes[1])) {
    return std::make_shared<MemoryImages>(images, Sizes{sizes[3], sizes[1], sizes[2]}, true);
  }
  return std::make_shared<MemoryImages>(images, Sizes{sizes[1], sizes[2], sizes[3]}, false);
}

Normalization normalization_of(const ImageSource& images) {
  const auto channels = static_cast<std::size_t>(images.sizes()[0]);
  const auto area = static_cast<std::size_t>(images.sizes()[1] * images.sizes()[2]);
  std::vector<std::array<std::int64_t, levels>> counts(channels);
  std::vector<std::uint8_t> image(channels * area);
  for (std::int64_t i = 0; i < images.count(); ++i) {
    images.read(i, image);
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t at = c * area; at < (c + 1) * area; ++at) ++counts[c][image[at]];
    }
  }
  Normalization found;
  const double total = static_cast<double>(images.count()) * static_cast<double>(area);
  for (const auto& channel : counts) {
    double sum = 0, squares = 0;  // of integers below 2^53: exact
    for (std::size_t value = 0; value < channel.size(); ++value) {
      const auto number = static_cast<double>(channel[value]), level = static_cast<double>(value);
      sum += number * level;
      squares += number * level * level;
    }
    const double mean = total > 0 ? sum / total : 0, variance = total > 0 ? squares / total - mean * mean : 0;
    found.mean.push_back(mean / 255);
    found.deviation.push_back(variance > 0 ? std::sqrt(variance) / 255 : 1);
  }
  return found;
}

ImageDataset::ImageDataset(std::shared_ptr<const ImageSource> images, const Array& labels, std::vector<std::string> class_names,
                           Normalization normalization, std::string place, DType dtype)
    : Dataset(image_fields(images->sizes(), dtype), std::move(class_names), std::move(place)),
      images_(std::move(images)),
      labels_(checked_labels(labels, static_cast<std::int64_t>(Dataset::class_names().size()), Dataset::place())),
      normalization_(std::move(normalization)) {
  if (!is_float(dtype)) throw Error(fmt::format("normalised images of {}", name(dtype)), Dataset::place(), "use a floating-point dtype");
  if (labels_.count() != images_->count()) {
    throw Error(fmt::format("{} images with {} labels", images_->count(), labels_.count()), Dataset::place(),
                "the two files belong to different sets");
  }
  const auto channels = static_cast<std::size_t>(images_->sizes()[0]);
  if (normalization_.mean.size() != channels || normalization_.deviation.size() != channels) {
    throw Error(fmt::format("{} channels, a normalisation of {}", channels, normalization_.mean.size()), Dataset::place());
  }
  values_ = normalized_values(normalization_, dtype);
}

std::vector<Array> ImageDataset::batch(std::span<const std::int64_t> indices) const {
  check_indices(indices);
  const auto count = static_cast<std::int64_t>(indices.size());
  const Field& field = fields()[0];
  Sizes sizes{count};
  sizes.insert(sizes.end(), field.sizes.begin(), field.sizes.end());
  Array x(field.dtype, std::move(sizes)), y(DType::i64, {count});
  const auto pixels = static_cast<std::size_t>(element_count(field.sizes));
  const std::size_t area = pixels / static_cast<std::size_t>(std::max<std::int64_t>(field.sizes[0], 1));
  std::vector<std::uint8_t> image(pixels);
  dispatch(field.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = x.values<T>().data();
    for (const std::int64_t index : indices) {
      images_->read(index, image);
      const T* table = reinterpret_cast<const T*>(values_.data());
      for (std::size_t at = 0; at < pixels; at += area, table += levels) {
        for (std::size_t i = at; i < at + area; ++i) *to++ = table[image[i]];
      }
    }
  });
  for (std::int64_t i = 0; i < count; ++i) y.set_int(i, label(indices[static_cast<std::size_t>(i)]));
  return {x, y};
}

std::vector<double> ImageDataset::black() const {
  std::vector<double> values;
  for (std::size_t c = 0; c < normalization_.mean.size(); ++c) values.push_back(-normalization_.mean[c] / normalization_.deviation[c]);
  return values;
}

Array ImageDataset::pixels(std::int64_t index) const {
  check_indices({&index, 1});
  const Sizes& sizes = images_->sizes();
  std::vector<std::uint8_t> image(static_cast<std::size_t>(element_count(sizes)));
  images_->read(index, image);
  Array pixels(DType::u8, {sizes[1], sizes[2], sizes[0]});
  const std::int64_t area = sizes[1] * sizes[2];
  for (std::int64_t at = 0; at < pixels.count(); ++at) {
    pixels.values<std::uint8_t>()[static_cast<std::size_t>(at)] = image[static_cast<std::size_t>(at % sizes[0] * area + at / sizes[0])];
  }
  return pixels;
}

std::int64_t ImageDataset::label(std::int64_t index) const {
  check_indices({&index, 1});
  return labels_.get_int(index);
}

}  // namespace neap

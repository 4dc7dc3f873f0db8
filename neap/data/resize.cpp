#include "neap/data/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "neap/base/error.h"

namespace neap {
namespace {

// One element of the result along an axis: the weights of the elements `begin`, `begin` + 1, ... of the source; their sum is 1.
struct Taps {
  std::int64_t begin = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle_filter(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), support = std::max(scale, 1.0);
  std::vector<Taps> all(static_cast<std::size_t>(to));
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto begin = std::max<std::int64_t>(0, std::llround(centre - support));
    const auto end = std::min(from, static_cast<std::int64_t>(std::llround(centre + support)));
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.begin = begin;
    double sum = 0;
    for (std::int64_t at = begin; at < end; ++at) {
      const double weight = std::max(0.0, 1 - std::abs(static_cast<double>(at) + 0.5 - centre) / support);
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight = static_cast<float>(weight / sum);
  }
  return all;
}

// planes [outer, from, inner] -> [outer, taps.size(), inner]
std::vector<float> filtered(const std::vector<float>& planes, std::int64_t outer, std::int64_t from, std::int64_t inner,
                            const std::vector<Taps>& all) {
  const auto to = static_cast<std::int64_t>(all.size());
  std::vector<float> result(static_cast<std::size_t>(outer * to * inner));
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < to; ++i) {
      float* sum = result.data() + (o * to + i) * inner;
      const Taps& taps = all[static_cast<std::size_t>(i)];
      for (std::size_t tap = 0; tap < taps.weights.size(); ++tap) {
        const float* row = planes.data() + (o * from + taps.begin + static_cast<std::int64_t>(tap)) * inner;
        for (std::int64_t x = 0; x < inner; ++x) sum[x] += taps.weights[tap] * row[x];
      }
    }
  }
  return result;
}

// [channels, h, w] as numbers.
std::vector<float> planes_of(const Array& pixels, std::int64_t channels) {
  const std::int64_t area = pixels.size(0) * pixels.size(1), stored = pixels.size(2);
  const std::uint8_t* from = pixels.values<std::uint8_t>().data();
  std::vector<float> planes(static_cast<std::size_t>(channels * area));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t at = 0; at < area; ++at) {
      const std::uint8_t* pixel = from + at * stored;
      const bool colour = stored >= 3;
      const float value = colour && channels == 1 ? std::round(0.299F * pixel[0] + 0.587F * pixel[1] + 0.114F * pixel[2])
                                                  : static_cast<float>(pixel[colour ? c : 0]);
      planes[static_cast<std::size_t>(c * area + at)] = value;
    }
  }
  return planes;
}

}  // namespace

Array fitted_picture(const Array& pixels, std::int64_t channels, std::int64_t height, std::int64_t width) {
  if (channels != 1 && channels != 3) throw Error(fmt::format("pictures of {} channels", channels), "resize", "ask for 1 or 3");
  if (pixels.rank() != 3 || pixels.dtype() != DType::u8 || pixels.count() == 0 || height < 1 || width < 1) {
    throw Error(fmt::format("{} {} as a picture of {} x {}", name(pixels.dtype()), to_string(pixels.sizes()), height, width), "resize",
                "give u8 [H,W,C] and sizes of 1 or more");
  }
  const std::int64_t h = pixels.size(0), w = pixels.size(1);
  std::vector<float> planes = planes_of(pixels, channels);
  if (w != width) planes = filtered(planes, channels * h, w, 1, triangle_filter(w, width));
  if (h != height) planes = filtered(planes, channels, h, width, triangle_filter(h, height));
  Array result(DType::u8, {channels, height, width});
  std::ranges::transform(planes, result.values<std::uint8_t>().begin(),
                         [](float value) { return static_cast<std::uint8_t>(std::clamp(std::round(value), 0.0F, 255.0F)); });
  return result;
}

}  // namespace neap

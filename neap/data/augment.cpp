#include "neap/data/augment.h"

#include <algorithm>
#include <vector>

#include "neap/base/error.h"
#include "neap/data/random.h"

namespace neap {
namespace {

constexpr std::uint64_t words_an_example = 64;  // room for the draws of one example, so that those of two never meet

// What is done to one image: where the pixel (y, x) of the result comes from, and what is cut out of it.
struct Choice {
  std::int64_t down = 0, right = 0;
  bool flip = false;
  std::int64_t cut_y = 0, cut_x = 0;
};

Choice choose(const Augmentation& how, std::int64_t height, std::int64_t width, CounterRandom random) {
  Choice choice;  // every number is drawn, used or not: switching one part off does not change the others
  choice.down = random.below(2 * how.shift + 1) - how.shift;
  choice.right = random.below(2 * how.shift + 1) - how.shift;
  choice.flip = random.below(2) == 1 && how.flip;
  choice.cut_y = random.below(height);
  choice.cut_x = random.below(width);
  return choice;
}

// The elements as words of their size: augmentation only moves them.
template <class Word>
void move_pixels(Word* image, std::span<const Word> fill, const Augmentation& how, const Choice& choice, const Sizes& sizes,
                 std::vector<Word>& copy) {
  const std::int64_t channels = sizes[1], height = sizes[2], width = sizes[3];
  const std::int64_t begin = std::max<std::int64_t>(0, choice.right), end = std::min(width, width + choice.right);  // columns from inside
  const std::int64_t cut_y = choice.cut_y - how.cutout / 2, cut_x = choice.cut_x - how.cutout / 2;
  const std::int64_t cut_begin = std::max<std::int64_t>(0, cut_x), cut_end = std::min(width, cut_x + how.cutout);
  copy.assign(image, image + channels * height * width);
  for (std::int64_t line = 0; line < channels * height; ++line) {
    const std::int64_t y = line % height, from_y = y - choice.down;
    const Word background = fill[static_cast<std::size_t>(line / height)];
    Word* to = image + line * width;
    std::fill_n(to, width, background);
    if (from_y >= 0 && from_y < height) {
      const Word* from = copy.data() + (line - choice.down) * width;
      for (std::int64_t x = begin; x < end; ++x) to[x] = choice.flip ? from[width - 1 - (x - choice.right)] : from[x - choice.right];
    }
    if (y >= cut_y && y < cut_y + how.cutout && cut_begin < cut_end) std::fill(to + cut_begin, to + cut_end, background);
  }
}

template <class Word>
void augment_words(Array& images, const Augmentation& how, std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices) {
  Array background = Array::zeros(images.dtype(), {images.size(1)});
  for (std::size_t c = 0; c < how.fill.size(); ++c) background.set(static_cast<std::int64_t>(c), how.fill[c]);
  const std::span<const Word> fill(reinterpret_cast<const Word*>(background.raw()), static_cast<std::size_t>(images.size(1)));
  const std::int64_t pixels = images.size(1) * images.size(2) * images.size(3);
  auto* image = reinterpret_cast<Word*>(images.raw());
  std::vector<Word> copy;
  for (const std::int64_t index : indices) {
    const CounterRandom random(seed, Draw::augment, epoch, static_cast<std::uint64_t>(index) * words_an_example);
    move_pixels(image, fill, how, choose(how, images.size(2), images.size(3), random), images.sizes(), copy);
    image += pixels;
  }
}

}  // namespace

void augment(Array& images, const Augmentation& how, std::uint64_t seed, std::int64_t epoch, std::span<const std::int64_t> indices) {
  if (images.rank() != 4) throw Error(fmt::format("images of sizes {}", to_string(images.sizes())), "augment", "give [N,C,H,W]");
  if (images.size(0) != static_cast<std::int64_t>(indices.size())) {
    throw Error(fmt::format("{} images with {} indices", images.size(0), indices.size()), "augment", "give one index an image");
  }
  constexpr std::int64_t most = 1 << 20;  // pixels; sums of two stay far from an overflow
  if (std::min(how.shift, how.cutout) < 0 || std::max(how.shift, how.cutout) > most) {
    throw Error(fmt::format("a shift of {}, a cutout of {} pixels", how.shift, how.cutout), "augment",
                "use 0 or more, of an image's order");
  }
  if (!how.fill.empty() && static_cast<std::int64_t>(how.fill.size()) != images.size(1)) {
    throw Error(fmt::format("{} values of background for {} channels", how.fill.size(), images.size(1)), "augment", "give one a channel");
  }
  if (images.count() == 0) return;
  switch (size_of(images.dtype())) {
    case 1:
      return augment_words<std::uint8_t>(images, how, seed, epoch, indices);
    case 2:
      return augment_words<std::uint16_t>(images, how, seed, epoch, indices);
    case 4:
      return augment_words<std::uint32_t>(images, how, seed, epoch, indices);
    default:
      return augment_words<std::uint64_t>(images, how, seed, epoch, indices);
  }
}

}  // namespace neap

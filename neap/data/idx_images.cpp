#include "neap/data/idx_images.h"

#include <algorithm>
#include <array>
#include <set>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/files/idx.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

struct Part {
  Array images, labels;
};

// Puts the file where it belongs; Error if there is one already.
void place_file(const fs::path& path, Part& part) {
  Array array = read_idx(path);
  Array& slot = array.rank() == 1 ? part.labels : part.images;
  if (!slot.empty()) {
    throw Error(fmt::format("there is a second file of {}", array.rank() == 1 ? "labels" : "images"), path.string(),
                "keep one training set and one test set in the folder");
  }
  slot = std::move(array);
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : read_file(path, 1 << 20) + "\n") {
    if (c == '\n') {
      if (!line.empty()) lines.push_back(line);
      line.clear();
    } else if (c != '\r') {
      line.push_back(c);
    }
  }
  return lines;
}

// Without names a label is its number: as many classes as the training set has.
std::vector<std::string> class_names(const fs::path& folder, const Array& labels) {
  if (fs::exists(folder / "classes.txt")) return lines_of(folder / "classes.txt");
  if (contains(lower(fs::weakly_canonical(folder).filename().string()), "fashion")) {
    return {"T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
  }
  constexpr std::int64_t most_classes = 1 << 20;  // a label beyond is refused as out of range
  std::int64_t classes = 0;
  for (std::int64_t i = 0; i < labels.count(); ++i) classes = std::max(classes, std::min(labels.get_int(i) + 1, most_classes));
  std::vector<std::string> numbers;
  for (std::int64_t i = 0; i < classes; ++i) numbers.push_back(std::to_string(i));
  return numbers;
}

}  // namespace

ImageSets open_idx_images(const fs::path& folder, DType dtype) {
  std::error_code error;
  std::set<fs::path> files;  // in the order of names, whatever the file system gives
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  if (error) throw Error("cannot read the folder: " + error.message(), folder.string(), "give a folder with IDX files");
  Part train, test;
  for (const fs::path& path : files) {
    const std::string name = lower(path.filename().string());
    if (!contains(name, "idx") && !contains(name, "ubyte")) continue;
    if (contains(name, "train")) place_file(path, train);
    if (contains(name, "t10k") || contains(name, "test")) place_file(path, test);
  }
  const std::array<std::pair<const Array*, const char*>, 4> needed = {{{&train.images, "training images"},
                                                                       {&train.labels, "training labels"},
                                                                       {&test.images, "test images"},
                                                                       {&test.labels, "test labels"}}};
  for (const auto& [array, what] : needed) {
    if (array->empty()) {
      throw Error(
          fmt::format("there is no IDX file of {}", what), folder.string(),
          "it needs train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz");
    }
  }
  if (train.images.count() == 0) throw Error("there is no training image", folder.string(), "give a set with examples");
  const std::vector<std::string> names = class_names(folder, train.labels);
  const auto train_images = images_in_memory(train.images, folder.string()), test_images = images_in_memory(test.images, folder.string());
  if (train_images->sizes() != test_images->sizes()) {
    throw Error(fmt::format("training images of {}, test images of {}", to_string(train_images->sizes()), to_string(test_images->sizes())),
                folder.string(), "the files belong to different sets");
  }
  const Normalization normalization = normalization_of(*train_images);
  const std::string train_place = folder.string() + ", training set", test_place = folder.string() + ", test set";
  return {.train = std::make_shared<ImageDataset>(train_images, train.labels, names, normalization, train_place, dtype),
          .test = std::make_shared<ImageDataset>(test_images, test.labels, names, normalization, test_place, dtype)};
}

fs::path find_fashion_mnist() {
  std::vector<fs::path> places;
  if (const std::string data = environment_value("NEAP_DATA"); !data.empty()) places.push_back(fs::path(data) / "fashion-mnist");
  places.insert(places.end(), {"/usr/share/datasets/fashion-mnist", "/usr/local/share/datasets/fashion-mnist", "data/fashion-mnist"});
  std::string tried;
  for (const fs::path& place : places) {
    if (fs::is_directory(place)) return place;
    tried += (tried.empty() ? "" : ", ") + place.string();
  }
  throw Error("Fashion-MNIST is not on this machine", "looked in " + tried,
              "install Debian's package dataset-fashion-mnist, or give a folder of IDX files with --data DIR");
}

}  // namespace neap

#include "neap/cli/training_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "neap/base/error.h"
#include "neap/data/array_dataset.h"
#include "neap/data/idx_images.h"
#include "neap/data/image_folder.h"
#include "neap/files/csv.h"
#include "neap/files/npz.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_classes = 1 << 20;

// Examples before they are a dataset: rows of x and of y.
struct Rows {
  Array x, y;
  std::string place;
};

bool whole_numbers(const Array& y) {
  if (!is_float(y.dtype())) return true;
  for (std::int64_t i = 0; i < y.count(); ++i) {
    if (!(y.get(i) >= 0 && y.get(i) < most_classes && y.get(i) == std::floor(y.get(i)))) return false;
  }
  return true;
}

bool one_number_each(const Array& y) { return y.rank() == 1 || (y.rank() == 2 && y.size(1) == 1); }

Rows csv_rows(const fs::path& path, const std::string& label) {
  const Table table = read_csv(path);
  const std::int64_t rows = table.values.size(0), columns = table.values.size(1);
  if (columns < 2) throw Error("the table has one column", path.string(), "it needs the inputs and what is to be found from them");
  const auto found = label.empty() ? table.columns.end() - 1 : std::ranges::find(table.columns, label);
  if (found == table.columns.end()) {
    throw Error(fmt::format("there is no column '{}'", label), path.string(),
                fmt::format("the columns are {}", fmt::join(table.columns, ", ")));
  }
  const std::int64_t at = found - table.columns.begin();
  Rows made{Array(DType::f32, {rows, columns - 1}), Array(DType::f64, {rows}), path.string()};
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0, next = 0; column < columns; ++column) {
      const double value = table.values.get(row * columns + column);
      if (column == at) {
        made.y.set(row, value);
      } else {
        made.x.set(row * (columns - 1) + next++, value);
      }
    }
  }
  return made;
}

// The arrays `x` and `y`, or x_train, y_train and x_test, y_test.
std::vector<Rows> npz_rows(const fs::path& path) {
  const NamedArrays arrays = read_npz(path);
  const auto take = [&](const std::string& part) -> std::optional<Rows> {
    const auto x = arrays.find("x" + part), y = arrays.find("y" + part);
    if (x == arrays.end() || y == arrays.end()) return std::nullopt;
    return Rows{x->second, y->second, path.string() + (part.empty() ? "" : ", x" + part)};
  };
  std::vector<Rows> parts;
  if (const auto train = take("_train")) parts.push_back(*train);
  if (const auto test = take("_test"); test && !parts.empty()) parts.push_back(*test);
  if (const auto whole = take(""); whole && parts.empty()) parts.push_back(*whole);
  if (!parts.empty()) return parts;
  std::vector<std::string> names;
  for (const auto& [name, array] : arrays) names.push_back(name);
  throw Error("the file has no examples with labels", path.string(),
              fmt::format("name the arrays x and y, or x_train, y_train, x_test and y_test; it has {}", fmt::join(names, ", ")));
}

std::vector<Rows> rows_of(const fs::path& path, const std::string& label) {
  const std::string extension = path.extension().string();
  if (extension == ".csv") return {csv_rows(path, label)};
  if (extension == ".npz") return npz_rows(path);
  throw Error("this is no data to train on", path.string(), "give a folder of IDX files or pictures, or an .npz or .csv file");
}

std::int64_t class_count(const std::vector<Rows>& parts) {
  double largest = 0;
  for (const Rows& part : parts) {
    for (std::int64_t i = 0; i < part.y.count(); ++i) largest = std::max(largest, part.y.get(i));
  }
  return static_cast<std::int64_t>(std::min<double>(largest, most_classes - 1)) + 1;
}

std::vector<std::string> numbers_below(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

bool are_images(const Array& x) { return x.dtype() == DType::u8 && (x.rank() == 3 || x.rank() == 4); }

// All parts of one file or two, alike: `classes` 0 for numbers.
std::vector<DatasetPtr> datasets_of(const std::vector<Rows>& parts, std::int64_t classes, std::vector<double>& black) {
  std::vector<DatasetPtr> made;
  std::optional<Normalization> normalization;
  for (const Rows& part : parts) {
    const Array& x = part.x;
    if (x.rank() < 2 || part.y.rank() < 1 || x.size(0) != part.y.size(0)) {
      throw Error(fmt::format("x is {}, y is {}", to_string(x.sizes()), to_string(part.y.sizes())), part.place,
                  "the first axis of both must count the examples");
    }
    const std::int64_t count = x.size(0);
    Array y = classes > 0 ? checked_labels(part.y.reshape({count}), classes, part.place)
                          : part.y.cast(DType::f32).reshape({count, part.y.count() / std::max<std::int64_t>(1, count)});
    if (are_images(x) && classes > 0) {
      const auto source = images_in_memory(x, part.place);
      if (!normalization) normalization = normalization_of(*source);
      const auto images = std::make_shared<ImageDataset>(source, y, numbers_below(classes), *normalization, part.place);
      black = images->black();
      made.push_back(images);
    } else {
      made.push_back(array_dataset({"x", "y"}, {x.cast(DType::f32), y}, numbers_below(classes), part.place));
    }
    if (made.back()->fields()[0].sizes != made.front()->fields()[0].sizes) {
      throw Error(fmt::format("training examples of {}, test examples of {}", to_string(made.front()->fields()[0].sizes),
                              to_string(made.back()->fields()[0].sizes)),
                  part.place, "give a test file of the same kind");
    }
  }
  return made;
}

TrainingData from_files(const DataArguments& arguments, std::uint64_t seed) {
  std::vector<Rows> parts = rows_of(arguments.data, arguments.label);
  if (!arguments.test.empty()) {
    parts.resize(1);
    const std::vector<Rows> test = rows_of(arguments.test, arguments.label);
    parts.push_back(test.back());
  }
  const bool could_be_classes =
      std::ranges::all_of(parts, [](const Rows& part) { return one_number_each(part.y) && whole_numbers(part.y); });
  if (arguments.task == "classification" && !one_number_each(parts[0].y)) {
    throw Error(fmt::format("labels of sizes {} are no classes", to_string(parts[0].y.sizes())), parts[0].place,
                "give one label an example");
  }
  const bool classes = arguments.task.empty() ? could_be_classes : arguments.task == "classification";
  TrainingData data{.classes = classes ? class_count(parts) : 0};
  const std::vector<DatasetPtr> sets = datasets_of(parts, data.classes, data.black);
  if (sets.size() == 2) {
    data.train = sets[0];
    data.test = sets[1];
  } else {
    std::tie(data.train, data.test) = split(sets[0], arguments.holdout, seed);
  }
  return data;
}

// "3x64x48"
Sizes parse_size(const std::string& text) {
  Sizes sizes;
  const char *at = text.data(), *end = at + text.size();
  while (sizes.size() < 3) {
    std::int64_t size = 0;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 1 || size > (1 << 16)) break;
    sizes.push_back(size);
    at = next;
    if (at == end || *at != 'x') break;
    ++at;
  }
  if (sizes.size() != 3 || at != end || (sizes[0] != 1 && sizes[0] != 3)) {
    throw Error(fmt::format("'{}' is no size of pictures", text), "--size", "CHANNELSxHEIGHTxWIDTH, with 1 or 3 channels: --size 3x64x64");
  }
  return sizes;
}

TrainingData from_images(const ImageSets& sets) {
  return {.train = sets.train,
          .test = sets.test,
          .classes = static_cast<std::int64_t>(sets.train->class_names().size()),
          .black = sets.train->black()};
}

TrainingData from_folder(const fs::path& folder, const DataArguments& arguments, std::uint64_t seed, const std::optional<Sizes>& wanted) {
  if (!arguments.test.empty() || !arguments.label.empty() || arguments.task == "regression") {
    throw Error("--test, --label and --task regression are for files of arrays", folder.string(), "leave them out for a folder of images");
  }
  PictureSizes pictures;
  if (!arguments.size.empty()) {
    const Sizes sizes = parse_size(arguments.size);
    pictures = {.channels = sizes[0], .height = sizes[1], .width = sizes[2]};
  } else if (wanted && (wanted->at(0) == 1 || wanted->at(0) == 3)) {
    pictures = {.channels = wanted->at(0), .height = wanted->at(1), .width = wanted->at(2)};
  }
  if (fs::is_directory(folder / "train")) return from_images(open_image_folders(folder, pictures));
  const bool folders = std::any_of(fs::directory_iterator(folder), fs::directory_iterator(),
                                   [](const fs::directory_entry& entry) { return entry.is_directory(); });
  if (!folders) return from_images(open_idx_images(folder));
  const auto whole = open_image_folder(folder, pictures);
  TrainingData data{.classes = static_cast<std::int64_t>(whole->class_names().size()), .black = whole->black()};
  std::tie(data.train, data.test) = split(whole, arguments.holdout, seed);
  return data;
}

}  // namespace

void add_data_options(const Options& options, DataArguments& arguments) {
  options.add(
      "--data", &arguments.data,
      "a folder: IDX files; train/ and test/ with a folder of pictures a class; or folders of pictures alone. A file: .npz with x and y "
      "(or x_train, y_train, x_test, y_test), or .csv (default: fashion-mnist)");
  options.add("--test", &arguments.test, "a file of test examples (default: what --data has, or --holdout of it)");
  options.add("--holdout", &arguments.holdout, "part kept for the test where there is no test set").shows_default().between(0.0, 0.9);
  options.add("--validation", &arguments.validation, "part of the training examples by which the best epoch is chosen; 0: the last is kept")
      .shows_default()
      .between(0.0, 0.9);
  options.add("--label", &arguments.label, "column of a .csv that is to be found (default: the last)");
  options.add("--task", &arguments.task, "default: classification where labels are whole numbers").one_of({"classification", "regression"});
  options.add("--size", &arguments.size,
              "CHANNELSxHEIGHTxWIDTH that pictures are fitted to (default: the model's, or the first picture's)");
}

TrainingData open_training_data(const DataArguments& arguments, std::uint64_t seed, const std::optional<Sizes>& wanted) {
  const bool fashion = arguments.data.empty() || arguments.data == "fashion-mnist";
  const fs::path place = fashion ? find_fashion_mnist() : fs::path(arguments.data);
  if (!fs::exists(place)) throw Error("there is no such file or folder", place.string(), "give --data FOLDER, or an .npz or .csv file");
  TrainingData data = fs::is_directory(place) ? from_folder(place, arguments, seed, wanted) : from_files(arguments, seed);
  if (arguments.validation > 0) {
    std::tie(data.train, data.validation) = split(data.train, arguments.validation, seed);
    if (data.validation->count() < 1)
      throw Error("there is no example for the validation", place.string(), "give more data, or a larger --validation");
  }
  if (data.train->count() < 1) {
    throw Error("there is no training example", place.string(), "give more data, or a smaller --holdout and --validation");
  }
  return data;
}

}  // namespace neap

// What is trained and tested on: every kind of data that data/ opens, behind one option.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "neap/cli/command.h"
#include "neap/data/dataset.h"

namespace neap {

struct DataArguments {
  std::string data;       // "fashion-mnist", a folder or a file
  std::string test;       // a file of the same kind as `data`; empty: part of `data`
  std::string label;      // column of a CSV file; empty: the last
  std::string task;       // "classification", "regression"; empty: by the labels
  std::string size;       // of pictures: "3x64x64"; empty: of the model, or of the first picture
  double holdout = 0.1;   // part of `data` that is the test where there is no test set
  double validation = 0;  // part of what is trained on by which the best epoch is chosen; 0: the last epoch is kept
};
void add_data_options(const Options& options, DataArguments& arguments);

// Fields of an example: "x", floating point; "y", i64 [] for classes, else f32 [K].
struct TrainingData {
  DatasetPtr train, validation, test;  // without a validation: null
  std::int64_t classes = 0;            // 0: numbers are to be found, not classes
  std::vector<double> black;           // of images: see ImageDataset::black
  bool images() const { return train->fields()[0].sizes.size() == 3; }
  std::int64_t outputs() const { return classes > 0 ? classes : train->fields()[1].sizes.at(0); }
};

// `wanted`: sizes of an image that the model asks for. `seed` chooses the examples that are kept for the test where there is no test set.
TrainingData open_training_data(const DataArguments& arguments, std::uint64_t seed, const std::optional<Sizes>& wanted = std::nullopt);

}  // namespace neap

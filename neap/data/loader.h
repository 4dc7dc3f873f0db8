// Batches of an epoch, prepared ahead by a thread of their own.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "neap/data/dataset.h"
#include "neap/data/sampler.h"

namespace neap {

struct Batch {
  std::vector<Array> arrays;           // one a field of the dataset
  std::vector<std::int64_t> indices;   // of the examples in the dataset
  std::int64_t epoch = 0, number = 0;  // of the batch in its epoch, from 0
  std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }
};

struct LoaderOptions {
  std::int64_t batch = 128;
  bool shuffle = false;
  std::uint64_t seed = 0;
  bool drop_last = false;              // whether a last batch of fewer examples is left out
  int ahead = 4;                       // batches prepared at most; 0: each is prepared when it is asked for, without a thread
  std::function<void(Batch&)> change;  // augmentation, say; runs in the loader's thread
};

// The batches of one epoch, in order. Leaving it early stops its thread.
class EpochBatches {
 public:
  EpochBatches(DatasetPtr dataset, const LoaderOptions& options, std::vector<std::int64_t> order, std::int64_t epoch, std::int64_t first);
  ~EpochBatches();
  EpochBatches(const EpochBatches&) = delete;
  EpochBatches& operator=(const EpochBatches&) = delete;
  // The next batch; nothing after the last. What the dataset or `change` throws in the thread is thrown here.
  std::optional<Batch> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Loader {
 public:
  Loader(DatasetPtr dataset, LoaderOptions options);  // Error if the batch is below 1 or `ahead` below 0
  std::int64_t batches() const;                       // of an epoch
  const Dataset& dataset() const { return *dataset_; }
  const LoaderOptions& options() const { return options_; }
  // while (auto batch = batches.next()) ...; `first` > 0 goes on within an epoch, with the same batches as a whole one.
  EpochBatches epoch(std::int64_t epoch, std::int64_t first = 0) const;

 private:
  DatasetPtr dataset_;
  LoaderOptions options_;
  Sampler sampler_;
};

}  // namespace neap

#include "neap/data/loader.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "neap/base/error.h"

namespace neap {
namespace {

std::int64_t batches_of(std::int64_t count, const LoaderOptions& options) {
  return options.drop_last ? count / options.batch : count / options.batch + (count % options.batch != 0 ? 1 : 0);
}

}  // namespace

// Owned by the epoch; the thread fills `ready` up to `ahead` batches, and ends when there are no more, on an exception, or on `stop`.
struct EpochBatches::State {
  DatasetPtr dataset;
  LoaderOptions options;
  std::vector<std::int64_t> order;
  std::int64_t epoch = 0, made = 0, taken = 0, batches = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready;
  std::exception_ptr failure;
  bool stop = false;
  std::thread thread;

  Batch make(std::int64_t number) const {
    const auto begin = order.begin() + number * options.batch;
    const auto length = std::min<std::int64_t>(options.batch, order.end() - begin);
    Batch batch{.indices = {begin, begin + length}, .epoch = epoch, .number = number};
    batch.arrays = dataset->batch(batch.indices);
    if (options.change) options.change(batch);
    return batch;
  }

  void work() {
    try {
      for (; made < batches; ++made) {
        Batch batch = make(made);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || ready.size() < static_cast<std::size_t>(options.ahead); });
        if (stop) return;
        ready.push_back(std::move(batch));
        changed.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
      changed.notify_all();
    }
  }

  std::optional<Batch> take() {
    if (taken == batches) return std::nullopt;
    if (options.ahead == 0) return make(taken++);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !ready.empty() || failure != nullptr; });
    if (ready.empty()) std::rethrow_exception(failure);
    Batch batch = std::move(ready.front());
    ready.pop_front();
    ++taken;
    changed.notify_all();
    return batch;
  }
};

EpochBatches::EpochBatches(DatasetPtr dataset, const LoaderOptions& options, std::vector<std::int64_t> order, std::int64_t epoch,
                           std::int64_t first)
    : state_(std::make_unique<State>()) {
  state_->batches = batches_of(static_cast<std::int64_t>(order.size()), options);
  if (first < 0 || first > state_->batches) {
    throw Error(fmt::format("batch {} of an epoch of {}", first, state_->batches), dataset->place());
  }
  state_->dataset = std::move(dataset);
  state_->options = options;
  state_->order = std::move(order);
  state_->epoch = epoch;
  state_->made = state_->taken = first;
  if (options.ahead > 0) state_->thread = std::thread([state = state_.get()] { state->work(); });
}

EpochBatches::~EpochBatches() {
  if (!state_->thread.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stop = true;
    state_->changed.notify_all();
  }
  state_->thread.join();
}

std::optional<Batch> EpochBatches::next() { return state_->take(); }

Loader::Loader(DatasetPtr dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)), sampler_(dataset_->count(), options_.shuffle, options_.seed) {
  if (options_.batch < 1) throw Error(fmt::format("a batch of {} examples", options_.batch), dataset_->place(), "use 1 or more");
  if (options_.ahead < 0) throw Error(fmt::format("{} batches ahead", options_.ahead), dataset_->place(), "use 0 or more");
}

std::int64_t Loader::batches() const { return batches_of(dataset_->count(), options_); }

EpochBatches Loader::epoch(std::int64_t epoch, std::int64_t first) const {
  return EpochBatches(dataset_, options_, sampler_.order(epoch), epoch, first);
}

}  // namespace neap

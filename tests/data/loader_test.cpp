#include "neap/data/loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <set>

#include "neap/data/array_dataset.h"
#include "tests/support/expect_error.h"

namespace neap::loader_test {
namespace {

// Example i is {i, i*i}.
DatasetPtr squares(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<float> second;
  for (const std::int64_t number : numbers) second.push_back(static_cast<float>(number * number));
  return array_dataset({"x", "y"}, {Array::of(numbers), Array::of(second)});
}

// Fails at one example.
class Failing : public Dataset {
 public:
  explicit Failing(std::int64_t bad) : Dataset({{.name = "x", .dtype = DType::i64, .sizes = {}}}, {}, "failing set"), bad_(bad) {}
  std::int64_t count() const override { return 100; }
  std::vector<Array> batch(std::span<const std::int64_t> indices) const override {
    for (const std::int64_t index : indices) {
      if (index == bad_) throw Error("a bad example", place());
    }
    return {Array::of(std::vector<std::int64_t>(indices.begin(), indices.end()))};
  }

 private:
  std::int64_t bad_;
};

std::vector<std::int64_t> visited(const Loader& loader, std::int64_t epoch, std::int64_t first = 0) {
  std::vector<std::int64_t> all;
  EpochBatches batches = loader.epoch(epoch, first);
  for (std::int64_t number = first; auto batch = batches.next(); ++number) {
    EXPECT_EQ(batch->number, number);
    EXPECT_EQ(batch->epoch, epoch);
    EXPECT_EQ(batch->arrays[0].size(0), batch->size());
    for (std::int64_t i = 0; i < batch->size(); ++i) {
      EXPECT_EQ(batch->arrays[0].get_int(i), batch->indices[static_cast<std::size_t>(i)]);
      all.push_back(batch->arrays[0].get_int(i));
    }
  }
  EXPECT_FALSE(batches.next().has_value());
  return all;
}

TEST(Sampler, EveryEpochIsAnotherOrderOfAll) {
  const Sampler sampler(101, true, 7);
  const auto first = sampler.order(0), again = sampler.order(0), second = sampler.order(1);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, second);
  EXPECT_NE(first, Sampler(101, true, 8).order(0));
  EXPECT_EQ(std::set<std::int64_t>(first.begin(), first.end()).size(), 101U);
}

// The order was found by a second program, whose Philox gives Random123's known answer.
TEST(Sampler, TheOrderIsTheSameOnEveryMachine) {
  EXPECT_EQ(Sampler(10, true, 1).order(3), (std::vector<std::int64_t>{3, 4, 0, 1, 8, 5, 2, 6, 7, 9}));
}

TEST(Sampler, PositionsAreUniform) {
  constexpr int examples = 5, epochs = 5000;
  std::vector<int> counts(examples * examples);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto order = Sampler(examples, true, 11).order(epoch);
    for (int at = 0; at < examples; ++at) ++counts[static_cast<std::size_t>(at * examples + order[static_cast<std::size_t>(at)])];
  }
  for (const int count : counts) EXPECT_NEAR(count, epochs / examples, 150);  // five standard deviations of 28
}

TEST(Sampler, OfNothingAndOfOne) {
  EXPECT_TRUE(Sampler(0, true, 1).order(0).empty());
  EXPECT_EQ(Sampler(1, true, 1).order(0), std::vector<std::int64_t>{0});
}

TEST(CounterRandom, BelowStaysInRange) {
  CounterRandom random(3, Draw::shuffle, 0);
  for (const std::int64_t limit : {std::int64_t{1}, std::int64_t{2}, std::int64_t{7}, std::int64_t{1} << 62}) {
    for (int i = 0; i < 100; ++i) {
      const std::int64_t value = random.below(limit);
      EXPECT_GE(value, 0);
      EXPECT_LT(value, limit);
    }
  }
}

TEST(Loader, SameBatchesWithAndWithoutThread) {
  const DatasetPtr dataset = squares(103);
  const Loader ahead(dataset, {.batch = 10, .shuffle = true, .seed = 5}),
      plain(dataset, {.batch = 10, .shuffle = true, .seed = 5, .ahead = 0});
  for (const std::int64_t epoch : {0, 1, 2}) EXPECT_EQ(visited(ahead, epoch), visited(plain, epoch));
}

TEST(Loader, PartialLastBatchIsKeptOrDropped) {
  const Loader keep(squares(23), {.batch = 5}), drop(squares(23), {.batch = 5, .drop_last = true});
  EXPECT_EQ(keep.batches(), 5);
  EXPECT_EQ(visited(keep, 0).size(), 23U);
  EXPECT_EQ(drop.batches(), 4);
  EXPECT_EQ(visited(drop, 0).size(), 20U);
}

TEST(Loader, BatchLargerThanTheSet) {
  EXPECT_EQ(visited(Loader(squares(3), {.batch = 8}), 0).size(), 3U);
  EXPECT_TRUE(visited(Loader(squares(3), {.batch = 8, .drop_last = true}), 0).empty());
}

TEST(Loader, AnEmptySetHasNoBatches) { EXPECT_TRUE(visited(Loader(squares(0), {.batch = 8}), 0).empty()); }

TEST(Loader, GoesOnWithinAnEpoch) {
  const Loader loader(squares(50), {.batch = 7, .shuffle = true, .seed = 2});
  const auto whole = visited(loader, 4), rest = visited(loader, 4, 3);
  EXPECT_EQ(rest, std::vector<std::int64_t>(whole.begin() + 21, whole.end()));
}

TEST(Loader, AnErrorInTheThreadReachesTheCallerAfterTheBatchesBefore) {
  const Loader loader(std::make_shared<Failing>(35), {.batch = 10, .ahead = 2});
  EpochBatches batches = loader.epoch(0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(batches.next().has_value());
  expect_error([&] { batches.next(); }, "a bad example", "failing set");
  expect_error([&] { batches.next(); }, "a bad example", "failing set");
}

TEST(Loader, AnErrorInTheChangeReachesTheCaller) {
  const Loader loader(squares(10), {.batch = 5, .change = [](Batch&) { throw Error("changed badly"); }});
  EpochBatches batches = loader.epoch(0);
  expect_error([&] { batches.next(); }, "changed badly");
}

TEST(Loader, LeftEarlyItStops) {
  std::atomic<int> made = 0;
  const Loader loader(squares(1000), {.batch = 1, .ahead = 3, .change = [&](Batch&) { ++made; }});
  for (int round = 0; round < 50; ++round) {
    EpochBatches batches = loader.epoch(round);
    for (int i = 0; i < round % 4; ++i) batches.next();
  }
  EXPECT_LT(made, 50 * 8);  // at most what was taken, three ahead and one in the making
}

TEST(Loader, PreparesNoMoreThanAsked) {
  std::atomic<int> made = 0;
  const Loader loader(squares(100), {.batch = 1, .ahead = 2, .change = [&](Batch&) { ++made; }});
  EpochBatches batches = loader.epoch(0);
  for (int taken = 1; batches.next().has_value(); ++taken) EXPECT_LE(made, taken + 3);
  EXPECT_EQ(made, 100);
}

TEST(Loader, OptionsThatMakeNoSense) {
  expect_error([] { Loader(squares(3), {.batch = 0}); }, "a batch of 0 examples");
  expect_error([] { Loader(squares(3), {.ahead = -1}); }, "-1 batches ahead");
  expect_error([] { Loader(squares(3), {.batch = 2}).epoch(0, 3); }, "batch 3 of an epoch of 2");
}

}  // namespace
}  // namespace neap::loader_test

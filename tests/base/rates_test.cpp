// Rates of the machine: measured once, kept, and the same to the last bit for every process.
#include "neap/base/rates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "neap/base/file.h"
#include "tests/support/environment.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::rates_test {
namespace {

class RatesTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const Environment cache_{"NEAP_CACHE", folder_.path() / "cache"};
  const Rates& rates_ = measured();

 private:
  static const Rates& measured() {
    static const Rates rates = measure_rates();
    return rates;
  }
};

bool same(const Rates& a, const Rates& b) {
  return a.copy_bytes_per_second == b.copy_bytes_per_second && a.cache_bytes_per_second == b.cache_bytes_per_second &&
         a.flops_per_second == b.flops_per_second && a.gathers.rates == b.gathers.rates;
}

TEST_F(RatesTest, AreWithinWhatCpusReach) {
  EXPECT_GE(rates_.copy_bytes_per_second, 8e9);
  EXPECT_LE(rates_.copy_bytes_per_second, 80e9);
  EXPECT_GE(rates_.cache_bytes_per_second, 30e9);
  EXPECT_LE(rates_.cache_bytes_per_second, 300e9);
  EXPECT_GT(rates_.flops_per_second, 1e9);
  for (const double rate : rates_.gathers.rates) EXPECT_GE(rate, 0.25);
  EXPECT_GE(rates_.gathers.rates.front(), rates_.gathers.rates.back());
}

TEST(Gathers, BetweenTheTablesThatWereMeasured) {
  const GatherRates rates{{4, 2, 2, 1, 0.5, 0.25}};
  EXPECT_EQ(rates.of(0), 4);
  EXPECT_EQ(rates.of(1 << 18), 4);
  EXPECT_NEAR(rates.of(1 << 19), 1 / (0.5 / 4 + 0.5 / 2), 1e-12);
  EXPECT_EQ(rates.of(1 << 24), 1);
  EXPECT_EQ(rates.of(1e12), 0.25);
}

// Plans are made from them, and bits must not depend on the number of threads.
TEST_F(RatesTest, DoNotDependOnTheNumberOfThreads) {
  const auto file = rates_file(rates_folder());
  const Threads other(thread_count() + 1);
  EXPECT_EQ(rates_file(rates_folder()), file);
}

TEST_F(RatesTest, ComeBackToTheLastBit) {
  const auto file = rates_file(rates_folder());
  EXPECT_FALSE(read_rates(file));
  write_rates(file, rates_);
  const auto kept = read_rates(file);
  ASSERT_TRUE(kept);
  EXPECT_TRUE(same(*kept, rates_));
}

TEST_F(RatesTest, AreMeasuredOnceForAllProcesses) {
  const Rates first = kept_or_measured_rates();
  for (int process = 0; process < 3; ++process) EXPECT_TRUE(same(kept_or_measured_rates(), first));
}

TEST_F(RatesTest, ADamagedFileIsMeasuredAgain) {
  const auto file = rates_file(rates_folder());
  write_rates(file, rates_);
  const std::string whole = read_file(file);
  for (const std::string& text : {whole.substr(0, whole.size() / 2), whole + "x", std::string(), std::string("neap rates 1\nnan nan nan\n"),
                                  std::string(1 << 20, '1')}) {
    write_file(file, text);
    EXPECT_FALSE(read_rates(file)) << text.substr(0, 60);
  }
  const Rates again = kept_or_measured_rates();
  EXPECT_TRUE(same(*read_rates(file), again));
}

TEST_F(RatesTest, NoneThatNoCpuReaches) {
  const auto file = rates_file(rates_folder());
  Rates wild = rates_;
  wild.flops_per_second = 1;
  write_rates(file, wild);
  EXPECT_FALSE(read_rates(file));
}

TEST_F(RatesTest, NoneThatOthersMayWrite) {
  const auto file = rates_file(rates_folder());
  write_rates(file, rates_);
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  EXPECT_FALSE(read_rates(file));
  ASSERT_EQ(::chmod(rates_folder().c_str(), 0777), 0);
  expect_error([] { rates_folder(); }, "rates are not kept: it belongs to somebody else, or others may write to it", "rates");
}

TEST_F(RatesTest, WithoutAFolderTheyAreMeasured) {
  write_file(folder_.path() / "file", "");
  const Environment none("NEAP_CACHE", folder_.path() / "file");
  EXPECT_GE(kept_or_measured_rates().copy_bytes_per_second, 8e9);
}

}  // namespace
}  // namespace neap::rates_test

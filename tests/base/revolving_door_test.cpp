#include "neap/base/revolving_door.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace neap::revolving_door_test {
namespace {

TEST(RevolvingDoor, AllSubsetsInOrder) {
  for (int m = 0; m <= 9; ++m) {
    for (int n = 0; n <= m; ++n) {
      std::set<std::vector<int>> seen;
      std::vector<int> last;
      for (long long at = 0; at < binomial(m, n); ++at) {
        std::vector<int> things(static_cast<std::size_t>(n));
        revolving_door(n, m, at, things.data());
        EXPECT_TRUE(std::is_sorted(things.begin(), things.end()));
        EXPECT_TRUE(std::all_of(things.begin(), things.end(), [&](int thing) { return thing >= 0 && thing < m; }));
        EXPECT_TRUE(seen.insert(things).second) << "subset " << at << " of " << n << " of " << m << " is there twice";
        if (at > 0) {
          std::vector<int> same;
          std::set_intersection(things.begin(), things.end(), last.begin(), last.end(), std::back_inserter(same));
          EXPECT_EQ(same.size() + 1, things.size());
        }
        last = things;
      }
    }
  }
}

TEST(RevolvingDoor, ThingsKeepTheirPlaces) {
  for (int m = 1; m <= 8; ++m) {
    for (int n = 1; n <= m; ++n) {
      const auto count = static_cast<std::size_t>(n);
      std::vector<int> things(count), held(count, -1), order(count), last;
      for (long long at = 0; at < binomial(m, n); ++at, last = held) {
        revolving_door(n, m, at, things.data());
        hold_subset(n, things.data(), held.data(), order.data());
        int changed = 0;
        for (std::size_t j = 0; j < count; ++j) {
          EXPECT_EQ(held[j], things[static_cast<std::size_t>(order[j])]);
          changed += at > 0 && held[j] != last[j] ? 1 : 0;
        }
        EXPECT_EQ(changed, at > 0 ? 1 : 0) << "subset " << at << " of " << n << " of " << m;
        EXPECT_EQ(std::set<int>(held.begin(), held.end()).size(), count);
      }
    }
  }
}

TEST(RevolvingDoor, Binomials) {
  EXPECT_EQ(binomial(4, 2), 6);
  EXPECT_EQ(binomial(16, 8), 12870);
  EXPECT_EQ(binomial(5, 0), 1);
  EXPECT_EQ(binomial(0, 0), 1);
  EXPECT_EQ(binomial(3, 4), 0);
  EXPECT_EQ(binomial(3, -1), 0);
  EXPECT_EQ(binomial(1000, 500), binomial_limit);
  EXPECT_EQ(binomial(60, 30), binomial_limit);
}

}  // namespace
}  // namespace neap::revolving_door_test

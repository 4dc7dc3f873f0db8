// Matrices larger than the caches made dense: they are made in parts, which go past the caches.
#include <gtest/gtest.h>

#include <algorithm>

#include "neap/base/machine.h"
#include "neap/base/stream.h"
#include "neap/runtime/at_once.h"
#include "tests/layouts/matrices.h"
#include "tests/support/results.h"

namespace neap::sparse_dense_test {
namespace {

TEST(SparseDense, OfLargeMatricesIsWhatWasPacked) {
  constexpr std::int64_t columns = 2051;  // so that rows begin anywhere in a line
  const Sizes sizes{machine().l3_bytes / 2 / 4 / columns + 6, columns};
  const Array dense = testing::random_matrix(DType::f32, sizes, 3);
  ASSERT_TRUE(is_past_caches(dense.bytes()));
  for (const std::string& text : testing::layouts_to_test()) {
    SCOPED_TRACE(text);
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Array mask = testing::mask_for(choice, sizes, 0.03, 4), wanted = testing::masked(dense, mask);
    const std::vector<Array> components = choice.pack(dense, mask);
    for (const int threads : {1, 3}) {
      const Threads now(threads);
      const Array got = run_at_once(unpacking(choice, components, sizes), components)[0];
      ASSERT_EQ(got.sizes(), sizes);
      const auto a = got.values<float>(), b = wanted.values<float>();
      const auto differs = std::mismatch(a.begin(), a.end(), b.begin());
      EXPECT_EQ(differs.first, a.end()) << "element " << differs.first - a.begin() << " is " << *differs.first << ", not "
                                        << *differs.second;
    }
  }
}

}  // namespace
}  // namespace neap::sparse_dense_test

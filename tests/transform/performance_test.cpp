// Passes are linear: a graph of 10,000 nodes takes each less than 200 ms on an idle machine. Here the limits are loose, so that a busy
// machine does not fail the test, and a quadratic pass does.
#include <gtest/gtest.h>

#include <ctime>
#include <map>

#include "neap/transform/optimizer.h"
#include "tests/support/large_graph.h"

namespace neap::performance_test {
namespace {

TEST(Performance, PassesAreLinear) {
  const auto run = [](int nodes) {
    std::map<std::string, double> seconds;
    Optimizer optimizer(large_graph(nodes));
    optimizer.set_verifying(false);
    for (const char* name :
         {"fold_constants", "remove_dead", "share_common", "bind_library", "lower", "fuse_vertical", "fuse_siblings", "fuse_scope"}) {
      const std::clock_t start = std::clock();
      const int edits = optimizer.apply_all(find_transformation(name));
      seconds[name] = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
      std::printf("%-16s %7.1f ms, %d edits, %zu refusals, %zu nodes\n", name, seconds[name] * 1e3, edits, optimizer.refusals().size(),
                  optimizer.graph().nodes().size());
    }
    return seconds;
  };
  run(100);
  const auto large = run(10000);
  for (const auto& [name, seconds] : large) {
    EXPECT_LT(seconds, 2.0) << name;
  }
}

}  // namespace
}  // namespace neap::performance_test

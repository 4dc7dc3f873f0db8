// Whole networks by other tools, with inputs and outputs that another runtime made (tests/onnx/peers): each is read and compiled once, and
// run at every size that there is a case for.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::models_test {
namespace {

namespace fs = std::filesystem;

struct Case {
  std::vector<Array> inputs, outputs;
};

std::vector<Case> cases_of(const fs::path& folder) {
  std::vector<Case> cases;
  for (int set = 0; fs::exists(folder / fmt::format("test_data_set_{}", set)); ++set) {
    Case one;
    const fs::path data = folder / fmt::format("test_data_set_{}", set);
    for (int i = 0; fs::exists(data / fmt::format("input_{}.pb", i)); ++i)
      one.inputs.push_back(read_onnx_tensor(data / fmt::format("input_{}.pb", i)));
    for (int i = 0; fs::exists(data / fmt::format("output_{}.pb", i)); ++i)
      one.outputs.push_back(read_onnx_tensor(data / fmt::format("output_{}.pb", i)));
    cases.push_back(std::move(one));
  }
  return cases;
}

void expect_close(const std::vector<Array>& got, const std::vector<Array>& wanted, const std::string& what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (std::size_t k = 0; k < got.size(); ++k) {
    ASSERT_EQ(got[k].sizes(), wanted[k].sizes()) << what;
    double worst = 0;
    for (std::int64_t i = 0; i < got[k].count(); ++i) {
      const double a = got[k].get(i), b = wanted[k].get(i);
      worst = std::max(worst, std::abs(a - b) / (1e-3 + std::abs(b)));
      ASSERT_TRUE(std::isfinite(a)) << what;
    }
    fmt::print("{}, output {}: worst difference {:.2g} of 0.001 + value\n", what, k, worst);
    EXPECT_LT(worst, 5e-3) << what;
  }
}

void run_model(const fs::path& folder, int level) {
  Optimizer optimizer(read_onnx(folder / "model.onnx"));
  optimizer.optimize(level);
  Executable executable(optimizer.graph());
  int number = 0;
  for (const Case& one : cases_of(folder)) {
    expect_close(executable.run(one.inputs), one.outputs,
                 fmt::format("{}, case {}, level {}", folder.filename().string(), number++, level));
  }
}

class Models : public ::testing::TestWithParam<int> {};

TEST_P(Models, AgreeWithTheirReference) {
  const std::string folder = environment_value("NEAP_ONNX_MODELS");
  if (folder.empty()) GTEST_SKIP() << "NOT RUN: ./dev models fetches them, or set NEAP_ONNX_MODELS to folders of ONNX's test data";
  const std::string only = environment_value("NEAP_ONNX_CASE");
  int models = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!fs::exists(entry.path() / "model.onnx") || (!only.empty() && entry.path().filename() != only)) continue;
    ++models;
    try {
      run_model(entry.path(), GetParam());
    } catch (const Error& error) {
      ADD_FAILURE() << entry.path() << ": " << error.what();
    }
  }
  EXPECT_GT(models, 0) << "no models in " << folder;
}

INSTANTIATE_TEST_SUITE_P(Levels, Models, ::testing::Values(0, 4));

}  // namespace
}  // namespace neap::models_test

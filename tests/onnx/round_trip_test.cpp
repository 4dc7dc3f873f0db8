// Every call of tests/shapes is written as ONNX and read back: the same numbers. NEAP_ONNX_DUMP=DIR keeps the models with inputs and
// outputs, for tests/onnx/peers/check_written.py to run in ONNX Runtime.
#include <gtest/gtest.h>
#include <onnx.pb.h>

#include <cmath>
#include <fstream>
#include <map>

#include "neap/base/environment.h"
#include "neap/base/file.h"
#include "neap/onnx/onnx.h"
#include "neap/onnx/tensor.h"
#include "neap/ops/interpreter.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"

namespace neap::round_trip_test {
namespace {

namespace fs = std::filesystem;

// Calls that may have no form in ONNX; the list may only shrink.
constexpr int most_unwritten = 137;

void save(const fs::path& path, const Array& elements) {
  onnx::TensorProto tensor;
  write_tensor(elements, tensor);
  write_file(path, tensor.SerializeAsString());
}

void keep(const std::string& name, const std::string& bytes, const std::vector<Array>& inputs, const std::vector<Array>& outputs) {
  const std::string dump = environment_value("NEAP_ONNX_DUMP");
  if (dump.empty()) return;
  const fs::path data = fs::path(dump) / name / "test_data_set_0";
  fs::create_directories(data);
  write_file(fs::path(dump) / name / "model.onnx", bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) save(data / fmt::format("input_{}.pb", i), inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i) save(data / fmt::format("output_{}.pb", i), outputs[i]);
}

std::string difference(const Array& got, const Array& wanted, double tolerance) {
  if (got.dtype() != wanted.dtype() || got.sizes() != wanted.sizes())
    return fmt::format("{}{} in place of {}{}", name(got.dtype()), to_string(got.sizes()), name(wanted.dtype()), to_string(wanted.sizes()));
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double a = got.get(i), b = wanted.get(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(std::abs(a - b) <= tolerance * (1 + std::abs(b)))) return fmt::format("{} in place of {} at {}", a, b, i);
  }
  return "";
}

TEST(RoundTrip, EveryCallOfTheShapes) {
  std::map<std::string, int> unwritten;
  int written = 0, number = 0;
  for (const testing::Case& one : testing::read_cases()) {
    const Graph graph = testing::graph_of(one);
    const std::vector<Array> inputs = testing::inputs_of(one);
    ++number;
    std::string bytes;
    try {
      bytes = onnx_bytes(graph);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("ONNX of opset"), std::string::npos) << one.place << ": " << error.what();
      ++unwritten[one.op];
      continue;
    }
    ++written;
    EXPECT_EQ(bytes, onnx_bytes(graph)) << one.place;
    try {
      const std::vector<Array> wanted = interpret(graph, inputs);
      const Graph read = read_onnx_bytes(bytes, ".");
      const std::vector<Array> got = interpret(read, inputs);
      ASSERT_EQ(got.size(), wanted.size()) << one.place;
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(difference(got[i], wanted[i], 1e-5), "") << one.place << ": " << one.text;
      keep(fmt::format("{:04}_{}", number, one.op), bytes, inputs, wanted);
    } catch (const Error& error) {
      ADD_FAILURE() << one.place << ": " << one.text << ": " << error.what();
    }
  }
  int total = 0;
  for (const auto& [op, count] : unwritten) {
    fmt::print("not in ONNX of opset 17: {} ({} calls)\n", op, count);
    total += count;
  }
  fmt::print("{} calls written and read back, {} not in ONNX\n", written, total);
  EXPECT_LE(total, most_unwritten);
}

}  // namespace
}  // namespace neap::round_trip_test

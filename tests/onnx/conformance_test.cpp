// ONNX's own conformance cases, model, inputs and outputs in files: Debian's (libonnx-testdata, opsets to 17), and those of a newer ONNX
// (opsets to 28) that `./dev models` writes. Each is read and run by the interpreter.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <onnx.pb.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "neap/base/clock.h"
#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/onnx/onnx.h"
#include "neap/onnx/tensor.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::conformance_test {
namespace {

namespace fs = std::filesystem;

// What a case may be refused for: operators that compute something else than Neap's do, and the few uses of others beside their names.
const std::set<std::string> outside{
    // linear algebra, geometry, text, pictures in files, trees
    "Det", "STFT", "AffineGrid", "GridSample", "RoiAlign", "DeformConv", "NonMaxSuppression", "Unique", "TfIdfVectorizer", "ImageDecoder",
    "ai.onnx.ml.ArrayFeatureExtractor", "ai.onnx.ml.Binarizer", "ai.onnx.ml.TreeEnsemble",
    // operators of later opsets that are made of others
    "BitCast", "Col2Im", "CenterCropPad", "RotaryEmbedding", "SwiGLU", "TensorScatter", "LinearAttention", "CausalConvWithState",
    "MaxUnpool", "ai.onnx.preview.FlexAttention", "ai.onnx.preview.training.Gradient",
    // control and sequences that depend on data; the first Scan
    "Loop", "Scan", "SplitToSequence", "OptionalHasElement",
    // products of what is scattered to one place, scales a block, the other order of SpaceToDepth, the inverse of half a spectrum
    "ScatterElements", "ScatterND", "QuantizeLinear", "DequantizeLinear", "SpaceToDepth", "DFT"};

// Cases that contradict ONNX's text or themselves: models without an attribute that the numbers were made with, 2.4 elements taken for 2,
// an input of two axes that the model says has one.
const std::set<std::string> contradictory{"test_adam_multiple",
                                          "test_resize_downsample_scales_cubic_align_corners",
                                          "test_resize_downsample_scales_linear_align_corners",
                                          "test_castlike_BFLOAT16_to_FLOAT",
                                          "test_castlike_BFLOAT16_to_FLOAT_expanded",
                                          "test_castlike_FLOAT_to_BFLOAT16",
                                          "test_castlike_FLOAT_to_BFLOAT16_expanded"};

// ONNX does not say which numbers a seed stands for.
bool is_random(const std::string& name) {
  return name.find("bernoulli") != std::string::npos ||
         (name.find("training_dropout") != std::string::npos && name.find("zero_ratio") == std::string::npos);
}

enum class Outcome { passed, refused, wrong, data };
struct Result {
  Outcome outcome = Outcome::passed;
  std::string reason;
  bool fixed_inputs = false;  // inputs had to be known when the model was read
};

// Half precision rounds at each step, and not everybody at the same ones.
double tolerance(DType dtype) { return dtype == DType::bf16 ? 1.6e-2 : dtype == DType::f16 ? 2e-3 : 1e-3; }

std::string first_difference(const Array& got, const Array& wanted, bool numbers) {
  if (got.dtype() != wanted.dtype()) return fmt::format("{} in place of {}", name(got.dtype()), name(wanted.dtype()));
  if (got.sizes() != wanted.sizes()) return to_string(got.sizes()) + " in place of " + to_string(wanted.sizes());
  for (std::int64_t i = 0; numbers && i < got.count(); ++i) {
    const double a = got.get(i), b = wanted.get(i);
    if ((std::isnan(a) && std::isnan(b)) || a == b) continue;
    if (!(std::abs(a - b) <= 1e-5 + tolerance(got.dtype()) * std::abs(b))) return fmt::format("{} in place of {} at {}", a, b, i);
  }
  return "";
}

onnx::ModelProto parse_model(const fs::path& path) {
  onnx::ModelProto model;
  if (!model.ParseFromString(read_file(path))) throw Error("no model", path.string());
  return model;
}

// A tensor of a case. Debian's hold bf16 as u16: the model says which it is.
Array read_case_tensor(const fs::path& file, const onnx::ValueInfoProto& declared) {
  onnx::TensorProto tensor;
  if (!tensor.ParseFromString(read_file(file))) throw Error("no tensor", file.string());
  if (declared.type().tensor_type().elem_type() == onnx::TensorProto::BFLOAT16) tensor.set_data_type(onnx::TensorProto::BFLOAT16);
  return read_tensor(tensor, file.parent_path(), file.string());
}

// Inputs by name, in the model's order; those with an initializer have no file.
std::vector<std::pair<std::string, Array>> inputs_of(const onnx::ModelProto& model, const fs::path& set) {
  std::vector<std::pair<std::string, Array>> inputs;
  for (int i = 0; i < model.graph().input_size(); ++i) {
    const fs::path file = set / fmt::format("input_{}.pb", i);
    if (fs::exists(file)) inputs.emplace_back(model.graph().input(i).name(), read_case_tensor(file, model.graph().input(i)));
  }
  return inputs;
}

// Reads the model; where it needs elements of inputs to know its shapes, gives those that the error names, then all small ones.
Graph read_case(const fs::path& path, const std::vector<std::pair<std::string, Array>>& inputs, OnnxReadOptions& options) {
  std::string problem;
  for (int attempt = 0;; ++attempt) {
    try {
      return read_onnx(path, options);
    } catch (const Error& error) {
      problem = error.what();
      if (problem.find("must be known") == std::string::npos || attempt > 6) throw;
    }
    bool more = false;
    for (const auto& [input, elements] : inputs) {
      if (problem.find("('" + input + "')") != std::string::npos) more |= options.known.emplace(input, elements).second;
    }
    for (const auto& [input, elements] : inputs) {
      if (!more && elements.count() <= 64 && attempt < 6) options.known.emplace(input, elements);
    }
  }
}

// By the interpreter; compiled where that would take minutes.
std::vector<Array> run_graph(const Graph& graph, const std::vector<Array>& inputs) {
  constexpr std::int64_t many = 100'000;
  std::int64_t elements = 0;
  for (const Array& input : inputs) elements += input.count();
  if (elements <= many) return interpret(graph, inputs);
  Optimizer optimizer(graph);
  optimizer.optimize(0);
  return Executable(optimizer.graph()).run(inputs);
}

Result run_case(const fs::path& folder) {
  Result result;
  try {
    const onnx::ModelProto model = parse_model(folder / "model.onnx");
    for (int set = 0; fs::exists(folder / fmt::format("test_data_set_{}", set)); ++set) {
      const fs::path data = folder / fmt::format("test_data_set_{}", set);
      std::vector<std::pair<std::string, Array>> inputs;
      std::vector<Array> wanted;
      try {
        inputs = inputs_of(model, data);
        for (int i = 0; i < model.graph().output_size(); ++i)
          wanted.push_back(read_case_tensor(data / fmt::format("output_{}.pb", i), model.graph().output(i)));
      } catch (const Error& error) {
        return {Outcome::data, error.what(), false};
      }
      OnnxReadOptions options;
      const Graph graph = read_case(folder / "model.onnx", inputs, options);
      result.fixed_inputs |= !options.known.empty();
      std::vector<Array> arguments;
      for (const auto& [input, elements] : inputs) {
        if (options.known.count(input) == 0) arguments.push_back(elements);
      }
      const std::vector<Array> got = run_graph(graph, arguments);
      for (std::size_t i = 0; i < std::max(got.size(), wanted.size()); ++i) {
        const bool both = i < got.size() && i < wanted.size();
        const std::string difference =
            both ? first_difference(got[i], wanted[i], !is_random(folder.filename().string())) : "another number of outputs";
        if (!difference.empty()) return {Outcome::wrong, difference, result.fixed_inputs};
      }
    }
  } catch (const Error& error) {
    result.outcome = Outcome::refused;
    result.reason = error.what();
    std::replace(result.reason.begin(), result.reason.end(), '\n', ' ');
  }
  return result;
}

// The operator that an error names: "... node 'conv1' ('Conv', opset 11) ...".
std::string refused_operator(const std::string& reason) {
  const std::size_t end = reason.find("', opset"), begin = reason.rfind("('", end);
  return end == std::string::npos || begin == std::string::npos ? "" : reason.substr(begin + 2, end - begin - 2);
}

// All cases of a folder: at least `least` pass, none gives other numbers, none is refused for something that Neap has.
void run_cases(const fs::path& root, int least) {
  const std::string only = environment_value("NEAP_ONNX_CASE");
  int tried = 0, passed = 0, fixed = 0;
  std::string report;
  for (const char* group : {"node", "pytorch-converted", "pytorch-operator", "simple"}) {
    if (!fs::exists(root / group)) continue;
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(root / group)) folders.push_back(entry.path());
    std::sort(folders.begin(), folders.end());
    for (const fs::path& folder : folders) {
      const std::string name = folder.filename().string();
      if (!only.empty() && name.find(only) == std::string::npos) continue;
      const auto start = Clock::now();
      const Result result = run_case(folder);
      if (seconds_since(start) > 2) fmt::print("slow: {} took {:.1f} s\n", name, seconds_since(start));
      ++tried;
      passed += result.outcome == Outcome::passed ? 1 : 0;
      fixed += result.outcome == Outcome::passed && result.fixed_inputs ? 1 : 0;
      if (result.outcome == Outcome::passed) continue;
      static constexpr const char* words[] = {"passed", "refused", "wrong", "not a tensor of Neap's"};
      report += fmt::format("{}/{}: {}: {}\n", group, name, words[static_cast<int>(result.outcome)], result.reason);
      const bool allowed = result.outcome == Outcome::data || contradictory.count(name) != 0 ||
                           (result.outcome == Outcome::refused && outside.count(refused_operator(result.reason)) != 0);
      EXPECT_TRUE(allowed) << name << ": " << result.reason;
    }
  }
  fmt::print("{}{} of {} cases pass; in {} of them inputs that decide on shapes were given when the model was read\n", report, passed,
             tried, fixed);
  if (only.empty()) {
    EXPECT_GE(passed, least);
  }
}

TEST(Conformance, TestDataOfDebian) {
  const std::string given = environment_value("NEAP_ONNX_TESTDATA");
  const fs::path root = !given.empty() ? given : "/usr/share/libonnx-testdata/data";
  if (!fs::exists(root)) GTEST_SKIP() << "NOT RUN: install libonnx-testdata, or set NEAP_ONNX_TESTDATA";
  run_cases(root, 963);
}

TEST(Conformance, TestDataOfNewerOpsets) {
  const std::string root = environment_value("NEAP_ONNX_NEWER_TESTDATA");
  if (root.empty()) GTEST_SKIP() << "NOT RUN: ./dev models writes them, or set NEAP_ONNX_NEWER_TESTDATA";
  run_cases(root, 1576);
}

}  // namespace
}  // namespace neap::conformance_test

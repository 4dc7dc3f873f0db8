// Each transformation by example: tests/transform/golden/NAME.txt holds graphs before and after. NEAP_WRITE_GOLDEN=1 writes what comes out
// into the files, for a person to read. A case:
//
//   ## what it shows
//   at %3 -> %4 parameter=1        (or "everywhere")
//   graph before(...) { ... }
//   =>
//   graph after(...) { ... }       (or "refused: reason")
//
// Where an edit was made, both graphs are interpreted on random inputs, for several values of their symbols.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "neap/base/environment.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/library.h"
#include "neap/transform/optimizer.h"
#include "tests/support/cases.h"

namespace neap::golden_test {
namespace {

// Stands for a library, none of which is linked here: it takes epilogues without operands of their own, and likes blocks of four channels.
const RegisterImplementation example_library{
    {.name = "example",
     .op = "cumulative_product",
     .refuses = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return std::string(); },
     .prepare = [](const Call&, const std::vector<Type>&, const std::vector<Type>&, const Symbols&) -> std::unique_ptr<LibraryCall> {
       throw Error("example runs nothing");
     },
     .refuses_epilogue = [](const Call&, const Map&, const std::vector<Type>& operands,
                            const Type&) { return std::string(operands.empty() ? "" : "example takes no operands of an epilogue"); },
     .channel_block = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>&,
                         const Symbols&) { return inputs[0].rank() == 4 ? 4 : 0; }}};

const RegisterImplementation example_conversion{
    {.name = "example",
     .op = "cast",
     .refuses =
         [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) {
           return std::string(inputs[0].layout == outputs[0].layout ? "it moves nothing" : "");
         },
     .prepare = [](const Call&, const std::vector<Type>&, const std::vector<Type>&, const Symbols&) -> std::unique_ptr<LibraryCall> {
       throw Error("example runs nothing");
     }}};

Implementation example_product(std::string op) {
  return {.name = "example",
          .op = std::move(op),
          .refuses = [](const Call&, const std::vector<Type>& inputs,
                        const std::vector<Type>&) { return std::string(inputs[0].dtype == DType::f64 ? "" : "example takes f64 only"); },
          .prepare = [](const Call&, const std::vector<Type>&, const std::vector<Type>&, const Symbols&) -> std::unique_ptr<LibraryCall> {
            throw Error("example runs nothing");
          },
          .refuses_epilogue = [](const Call&, const Map&, const std::vector<Type>&, const Type&) { return std::string(); }};
}
const RegisterImplementation example_matmul{example_product("matmul")}, example_views{example_product("matmul_of_views")},
    example_conv{example_product("conv")};

Implementation example_of(const char* op) {
  return {.name = "example",
          .op = op,
          .refuses = [](const Call&, const std::vector<Type>&, const std::vector<Type>&) { return std::string(); },
          .prepare = [](const Call&, const std::vector<Type>&, const std::vector<Type>&, const Symbols&) -> std::unique_ptr<LibraryCall> {
            throw Error("example runs nothing");
          }};
}
const RegisterImplementation example_slab_offsets{example_of("slab_offsets")}, example_slab_values{example_of("slab_values")};

struct Example {
  std::string title, place, before, after;
};

// Of no machine: what pays must not depend on where the test runs.
const Rates rates{.copy_bytes_per_second = 10e9, .cache_bytes_per_second = 50e9, .flops_per_second = 100e9, .call_seconds = 2e-6};

std::vector<Example> read_examples(const std::filesystem::path& file) {
  std::ifstream text(file);
  std::vector<Example> examples;
  bool behind = false;
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("## ", 0) == 0) {
      examples.push_back({line.substr(3), "", "", ""});
      behind = false;
    } else if (examples.empty()) {
      continue;
    } else if (line == "=>") {
      behind = true;
    } else if (examples.back().place.empty() && !line.empty()) {
      examples.back().place = line;
    } else if (!line.empty()) {
      (behind ? examples.back().after : examples.back().before) += line + "\n";
    }
  }
  return examples;
}

ValueId value_called(const Graph& graph, const std::string& name) {
  const std::vector<std::string> names = value_names(graph);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw Error("there is no value " + name, "golden");
  return static_cast<ValueId>(found - names.begin());
}

std::string outcome(const Transformation& transformation, const Example& example, Optimizer& optimizer) {
  std::istringstream words(example.place);
  std::string word;
  words >> word;
  Site site;
  Parameters parameters;
  while (words >> word) {
    const std::size_t equals = word.find('=');
    if (word == "->") continue;
    if (equals == std::string::npos) {
      site.at.push_back(value_called(optimizer.graph(), word));
    } else {
      parameters[word.substr(0, equals)] = std::stoll(word.substr(equals + 1));
    }
  }
  if (site.at.empty()) {
    if (optimizer.apply_all(transformation, parameters) == 0) {
      std::string reasons;
      for (const Refusal& refusal : optimizer.refusals()) reasons += (reasons.empty() ? "" : "; ") + refusal.reason;
      return "refused: " + (reasons.empty() ? "there is no site" : reasons) + "\n";
    }
  } else if (const std::string reason = optimizer.check(transformation, site, parameters); !reason.empty()) {
    return "refused: " + reason + "\n";
  } else {
    optimizer.apply(transformation, site, parameters);
  }
  return to_string(optimizer.graph());
}

void expect_same_results(const Graph& before, const Graph& after) {
  for (const std::int64_t size : {1, 3}) {
    Symbols symbols;
    for (const std::string& symbol : before.symbols()) symbols[symbol] = size;
    std::mt19937_64 random(1);
    std::vector<Array> inputs;
    for (const Input& input : before.inputs) {
      const Type& type = before.type(input.value);
      Array elements(type.dtype, evaluate(type.shape, symbols));
      for (std::int64_t i = 0; i < elements.count(); ++i) {
        const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
        elements.set(i, is_float(type.dtype) ? 2 * uniform + 0.1 : static_cast<double>(uniform < 0.5));
      }
      inputs.push_back(std::move(elements));
    }
    const std::vector<Array> wanted = interpret(before, inputs), got = interpret(after, inputs);
    ASSERT_EQ(wanted.size(), got.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(testing::close(got[i], wanted[i], 1e-5)) << "output " << i;
  }
}

TEST(Golden, EveryTransformationDoesWhatItsExamplesShow) {
  const bool write = is_switched_on("NEAP_WRITE_GOLDEN");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(NEAP_TESTS) / "transform" / "golden")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    const Transformation& transformation = find_transformation(file.stem().string());
    std::string written;
    for (const Example& example : read_examples(file)) {
      SCOPED_TRACE(file.filename().string() + ": " + example.title);
      const Graph before = parse_graph(example.before);
      const Hash hash = structural_hash(before);
      Optimizer optimizer(before, CostModel({}, rates));
      const std::string after = outcome(transformation, example, optimizer);
      written += "## " + example.title + "\n" + example.place + "\n" + example.before + "=>\n" + after + "\n";
      if (!write) {
        EXPECT_EQ(after, example.after);
      }
      verify(optimizer.graph());
      expect_same_results(before, optimizer.graph());
      if (HasFatalFailure()) return;
      while (!optimizer.steps().empty()) optimizer.undo();
      EXPECT_EQ(structural_hash(optimizer.graph()), hash) << "after undo";
    }
    if (write) std::ofstream(file) << written;
  }
}

TEST(Golden, EveryTransformationHasExamples) {
  for (const Transformation* transformation : all_transformations()) {
    const auto file = std::filesystem::path(NEAP_TESTS) / "transform" / "golden" / (transformation->name + ".txt");
    EXPECT_TRUE(std::filesystem::exists(file)) << file;
  }
}

}  // namespace
}  // namespace neap::golden_test

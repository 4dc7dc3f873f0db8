// Without a compiler that works, programs still run, and say so once; a model's names never reach generated source.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "neap/base/file.h"
#include "neap/codegen/kernel.h"
#include "neap/ops/builder.h"
#include "neap/runtime/executable.h"
#include "neap/runtime/kernels.h"
#include "tests/support/environment.h"
#include "tests/support/expect_error.h"

namespace neap::compiler_test {
namespace {

Graph some_graph() { return parse_graph("graph g { input x : f32[4]\n %0 = map(x) i:4 { %0[i] = x[i] * 2.0 } : f32[4]\n output y = %0 }"); }

// Runs twice with this compiler, in a process that has not looked for one yet; exits with 0 where results are right and what was said on
// the way holds `told`, once.
[[noreturn]] void run_with(const std::string& compiler, const std::string& told) {
  const TemporaryFolder folder;
  ::setenv("NEAP_CXX", compiler.c_str(), 1);
  ::setenv("NEAP_CACHE", (folder.path() / "cache").c_str(), 1);
  const std::string said = (folder.path() / "said").string();
  if (std::freopen(said.c_str(), "w", stderr) == nullptr) std::_Exit(9);
  for (int i = 0; i < 2; ++i) {
    Array x(DType::f32, {4});
    for (int k = 0; k < 4; ++k) x.set(k, k);
    Executable executable(some_graph());
    if (executable.profile()[0].how != "interpreter") std::_Exit(8);
    const Array y = executable.run({x})[0];
    for (int k = 0; k < 4; ++k) {
      if (y.get(k) != 2.0 * k) std::_Exit(7);
    }
  }
  std::fflush(stderr);
  const std::string text = read_file(said, 1 << 20);
  const std::string once = "maps run in the slow interpreter";
  if (text.find(once) == std::string::npos || text.find(once) != text.rfind(once)) std::_Exit(6);
  std::_Exit(text.find(told) != std::string::npos ? 0 : 5);
}

std::string script(const TemporaryFolder& folder, const std::string& body) {
  const std::filesystem::path path = folder.path() / "compiler";
  write_file(path, "#!/bin/sh\nif [ \"$1\" = --version ]; then echo fake 1.0; exit 0; fi\n" + body + "\n");
  ::chmod(path.c_str(), 0700);
  return path.string();
}

class CompilerDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(CompilerDeathTest, AMissingCompiler) {
  EXPECT_EXIT(run_with("/nonexistent", "there is no C++ compiler"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, AFailingCompiler) {
  const TemporaryFolder folder;
  EXPECT_EXIT(run_with(script(folder, "echo no luck today >&2; exit 3"), "exit code 3\nno luck today"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, AKilledCompiler) {
  const TemporaryFolder folder;
  EXPECT_EXIT(run_with(script(folder, "kill -9 $$"), "exit code 137 (killed"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, ACompilerThatMakesNothing) {
  const TemporaryFolder folder;
  EXPECT_EXIT(run_with(script(folder, "exit 0"), "cannot load a compiled kernel"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, ACompilerThatMakesGarbage) {
  const TemporaryFolder folder;
  const std::string garbage = "while [ $# -gt 1 ]; do [ \"$1\" = -o ] && echo garbage > \"$2\"; shift; done; exit 0";
  EXPECT_EXIT(run_with(script(folder, garbage), "cannot load a compiled kernel"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, ACompilerThatHangs) {
  const TemporaryFolder folder;
  const Environment patience("NEAP_COMPILE_SECONDS", "0.5");
  EXPECT_EXIT(run_with(script(folder, "sleep 1000"), "took more than 0.5 s"), ::testing::ExitedWithCode(0), "");
}
TEST_F(CompilerDeathTest, ADiskThatIsFull) {
  const TemporaryFolder folder;
  const auto run = [] {
    const struct rlimit little { 4096, 4096 };
    ::setrlimit(RLIMIT_FSIZE, &little);
    ::signal(SIGXFSZ, SIG_IGN);
    run_with("g++", "cannot write");
  };
  EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

TEST(Compiler, SourcesAreKeptInAFolderThatIsMadeForThem) {
  const TemporaryFolder folder;
  const std::filesystem::path kept = folder.path() / "new" / "kernels";
  const Environment cache("NEAP_CACHE", (folder.path() / "cache").string()), keep("NEAP_KEEP_KERNELS", kept.string());
  const Executable executable(some_graph());
  EXPECT_EQ(executable.profile()[0].how, "generated");
  int sources = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kept)) sources += entry.path().extension() == ".cpp" ? 1 : 0;
  EXPECT_EQ(sources, 1);
}

TEST(Compiler, SourcesThatCannotBeKeptAreAnError) {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", "not a folder");
  const Environment keep("NEAP_KEEP_KERNELS", (folder.path() / "file" / "kernels").string());
  const std::string said = error_of([] { const Executable executable(some_graph()); });
  EXPECT_NE(said.find("NEAP_KEEP_KERNELS"), std::string::npos) << said;
}

TEST(Compiler, NamesOfAModelDoNotReachTheSource) {
  for (const std::string& name : {std::string("*/ int evil(); /*"), std::string("a\"b"), std::string("line\nint evil();"),
                                  std::string("evil\\"), std::string("?") + "?/\nevil", std::string("while")}) {
    Graph graph;
    graph.name = name;
    Builder build(graph);
    const Var x = build.input(name, {DType::f32, {4}, {}});
    graph.add_output(exp(x * 2.0).id(), name + "_out");
    Graph lowered = lower_to_maps(graph);
    for (std::size_t i = 0; i < lowered.nodes().size(); ++i) {
      Node node = *lowered.nodes()[i];
      node.origin = {name};
      lowered.replace_node(i, node);
    }
    for (const std::string& text : kernel_sources(lowered, best_isa(), 1)) {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {  // comments may name where a kernel comes from, in letters and a few signs
        if (line.find("evil") == std::string::npos && line.find("a\"b") == std::string::npos) continue;
        EXPECT_EQ(line.substr(0, 3), "// ") << line;
        EXPECT_EQ(line.find_first_of("\"\\*;?"), std::string::npos) << line;
      }
    }
    Executable executable(lowered);
    EXPECT_EQ(executable.profile()[0].how, "generated") << name;
    EXPECT_EQ(executable.run({Array::zeros(DType::f32, {4})})[0].get(0), 1);
  }
}

}  // namespace
}  // namespace neap::compiler_test

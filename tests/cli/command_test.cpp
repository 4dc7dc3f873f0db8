// The command line itself, and the small commands.
#include "neap/files/npy.h"
#include "tests/cli/program.h"

namespace neap {
namespace {

class Commands : public ProgramTest {};

TEST_F(Commands, SaysWhatThereIs) {
  const Ran help = neap({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command :
       {"bench", "build", "cache", "completion", "data", "demo", "eval", "optimize", "run", "show", "train", "verify", "version"}) {
    EXPECT_TRUE(contains(help.text, command)) << command;
    EXPECT_EQ(neap({command, "--help"}).code, 0) << command;
  }
}

TEST_F(Commands, UsageErrorsAreTold) {
  const Ran unknown = neap({"paint"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_TRUE(contains(unknown.text, "neap: there is no command 'paint'")) << unknown.text;
  EXPECT_EQ(neap({}).code, 2);
  const Ran option = neap({"version", "--loud"});
  EXPECT_EQ(option.code, 2);
  EXPECT_TRUE(contains(option.text, "try: neap version --help")) << option.text;
  EXPECT_EQ(neap({"show", small_model(), "--level", "5"}).code, 2);
}

TEST_F(Commands, ErrorsHaveNoColourOutsideOfATerminal) { EXPECT_FALSE(contains(neap({"show", path("none.onnx")}).text, "\033")); }

TEST_F(Commands, Version) {
  const Ran ran = neap({"version", "--json"});
  ASSERT_EQ(ran.code, 0);
  EXPECT_EQ(ran.json()["versions"]["neap"], "0.1.0");
  EXPECT_GE(ran.json()["machine"]["cores"], 1);
}

TEST_F(Commands, CacheIsCountedAndCleared) {
  ::setenv("NEAP_CACHE", path("cache").c_str(), 1);
  EXPECT_EQ(neap({"cache", "--json"}).json()["libraries"], 0);
  ASSERT_EQ(neap({"run", small_model(), "--random-inputs"}).code, 0);
  EXPECT_EQ(neap({"cache", "stats", "--json"}).json()["libraries"], 1);
  EXPECT_GE(neap({"cache", "trim", "--json"}).json()["kernels"], 1);
  EXPECT_EQ(neap({"cache", "clear", "--json"}).json()["libraries"], 0);
  EXPECT_EQ(neap({"cache", "burn"}).code, 2);
  ::unsetenv("NEAP_CACHE");
}

TEST_F(Commands, PlansAreTheSameFromRunToRun) {
  ::setenv("NEAP_CACHE", path("cache").c_str(), 1);
  EXPECT_TRUE(neap({"cache", "--json"}).json()["rates"].is_null());
  const Ran first = neap({"optimize", small_model(), "--explain"});
  ASSERT_EQ(first.code, 0) << first.text;
  const nlohmann::json rates = neap({"cache", "--json"}).json()["rates"];
  EXPECT_GT(rates["flops_per_second"], 0);
  EXPECT_EQ(neap({"optimize", small_model(), "--explain"}).text, first.text);  // modelled times too
  EXPECT_EQ(neap({"cache", "--json"}).json()["rates"], rates);
  EXPECT_GT(neap({"cache", "measure", "--json"}).json()["rates"]["copy_bytes_per_second"], 0);
  EXPECT_TRUE(neap({"cache", "clear", "--json"}).json()["rates"].is_null());
  ::unsetenv("NEAP_CACHE");
}

TEST_F(Commands, DataIsDescribed) {
  write_npy(path("x.npy"), Array::zeros(DType::f32, {4, 2}));
  const Ran ran = neap({"data", "describe", path("x.npy"), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_EQ(ran.json()["examples"]["examples"], 4);
  EXPECT_EQ(ran.json()["examples"]["fields"][0]["type"], "f32[2]");
  EXPECT_EQ(neap({"data", "list"}).code, 0);
  EXPECT_EQ(neap({"data", "describe", path("none.npz")}).code, 3);
}

TEST_F(Commands, CompletionKnowsEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran ran = neap({"completion", shell});
    EXPECT_EQ(ran.code, 0);
    EXPECT_TRUE(contains(ran.text, "random-inputs")) << shell;
    EXPECT_TRUE(contains(ran.text, "completion")) << shell;
  }
  file("completion.bash", neap({"completion", "bash"}).text);
  const auto completed = [&](const std::string& words, int at) {
    std::string output;
    const std::string script = "source '" + path("completion.bash") + "'; COMP_WORDS=(" + words + "); COMP_CWORD=" + std::to_string(at) +
                               "; _neap; printf '%s ' \"${COMPREPLY[@]}\"";
    EXPECT_EQ(run_program({"/bin/bash", "--norc", "-c", script}, output, 10), 0) << output;
    return output;
  };
  EXPECT_EQ(completed("neap tr", 1), "train ");
  EXPECT_EQ(completed("neap train --resu", 2), "--resume ");
  EXPECT_EQ(neap({"completion", "ksh"}).code, 2);
}

}  // namespace
}  // namespace neap

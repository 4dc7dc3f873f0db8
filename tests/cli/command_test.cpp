// The command line itself, and the small commands.
#include <regex>

#include "neap/cli/command_line.h"
#include "neap/files/npy.h"
#include "tests/cli/program.h"

namespace neap::command_test {
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
  const auto told = [](const std::vector<std::string>& arguments, const std::string& text) {
    const Ran ran = neap(arguments);
    EXPECT_EQ(ran.code, 2) << ran.text;
    EXPECT_TRUE(contains(ran.text, text)) << ran.text;
  };
  told({}, "Usage: neap");
  told({"paint"}, "neap: there is no command 'paint'\n  try: one of bench, build");
  told({"trian", "--epochs", "3"}, "neap: there is no command 'trian'\n  try: did you mean 'train'?");
  told({"train", "gmn", "--seed", "1"}, "neap: there is no command 'gmn' in neap train\n  try: did you mean 'gnn'?");
  told({"train", "gnn", "--layer", "3"}, "neap: neap train gnn has no option '--layer'\n  try: did you mean '--layers'?");
  told({"train", "--epocs=3"}, "neap: neap train has no option '--epocs'\n  try: did you mean '--epochs'?");
  told({"run", "--random-input"}, "neap run has no option '--random-input'\n  try: did you mean '--random-inputs'?");
  told({"version", "--loud"}, "neap version has no option '--loud'\n  try: neap version --help");
  told({"--loud"}, "neap has no option '--loud'\n  try: neap --help");
  told({"run"}, "neap: model is required\n  at: neap run\n  try: neap run --help");
  told({"show", small_model(), "more"}, "'more' is a word too many\n  at: neap show");
  told({"show", small_model(), "--level", "5"}, "--level: Value 5 not in range 0 to 4");
  told({"train", "--seed", "-1"}, "neap: --seed: must not be negative: -1\n  at: neap train\n  try: neap train --help");
  told({"train", "gnn", "--seed", "-1"}, "--seed: must not be negative: -1");
  told({"train", "--decay", "-1"}, "--decay: must not be negative: -1");
  told({"train", "--decay", "nan"}, "--decay: must be a finite number, not nan");
  told({"train", "--rate", "0"}, "--rate: must be more than 0: 0");
}

TEST_F(Commands, HelpIsACommandToo) {
  EXPECT_EQ(neap({"help"}).text, neap({"--help"}).text);
  const std::string inner = neap({"help", "train", "gnn"}).text;
  EXPECT_EQ(inner, neap({"train", "gnn", "--help"}).text);
  EXPECT_FALSE(contains(inner, "neap train --epochs 3")) << inner;  // an example of the outer command
  const Ran unknown = neap({"help", "train", "gmn"});
  EXPECT_EQ(unknown.code, 3);
  EXPECT_TRUE(contains(unknown.text, "there is no command 'gmn'\n  at: neap train\n  try: did you mean 'gnn'?")) << unknown.text;
  EXPECT_EQ(neap({"--version"}).text, "neap 0.1.0\n");
}

TEST_F(Commands, HelpSaysWhatAnOptionTakes) {
  const std::string train = neap({"train", "--help"}).text;
  EXPECT_TRUE(contains(train, "  --optimizer TEXT          sgd, adam, adamw or lion (default: adamw)\n")) << train;
  const std::string unbroken = std::regex_replace(train, std::regex("\n {28}"), " ");
  for (const char* part : {"(0 to 4; default: 4)", "(classification, regression)", "(not with --out)"})
    EXPECT_TRUE(contains(unbroken, part)) << train;
  EXPECT_TRUE(contains(train, "For example:\n  neap train --epochs 3")) << train;
  std::size_t start = 0;
  for (std::size_t end; (end = train.find('\n', start)) != train.npos; start = end + 1)
    EXPECT_LE(end - start, 100u) << train.substr(start, end - start);
}

std::vector<std::string> words_of_example(const std::string& example) {
  std::vector<std::string> words{""};
  bool quoted = false;
  for (const char c : example) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

TEST_F(Commands, ExamplesParse) {
  for (const Command& command : all_commands()) {
    for (const std::string& example : command.examples) {
      std::vector<std::string> words = words_of_example(example);
      if (words[0] != "neap") continue;
      EXPECT_EQ(example.rfind("neap " + command.name, 0), 0u) << example;
      CommandLine line;
      std::vector<std::string> reversed(words.rbegin(), words.rend() - 1);
      EXPECT_NO_THROW(line.app.parse(reversed)) << example;
    }
  }
}

TEST_F(Commands, OutputThatCannotBeWrittenIsAnError) {
  std::string text;
  EXPECT_EQ(run_program({"/bin/bash", "-c", std::string(NEAP_PROGRAM) + " version > /dev/full"}, text, 60), 3);
  EXPECT_TRUE(contains(text, "cannot write: No space left on device\n  at: standard output")) << text;
  text.clear();
  EXPECT_EQ(run_program({"/bin/bash", "-c", std::string(NEAP_PROGRAM) + " train --help | head -n 1"}, text, 60), 0);
  EXPECT_FALSE(contains(text, "neap:")) << text;  // who closes a pipe early wants no more
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
  EXPECT_EQ(completed("neap train --optimizer ad", 3), "adam adamw ");
  EXPECT_EQ(completed("neap train g", 2), "gnn ");
  EXPECT_EQ(completed("neap train gnn --jumping c", 4), "concat ");
  EXPECT_EQ(completed("neap train gnn --fan", 3), " ");
  EXPECT_EQ(completed("neap demo gnn --roun", 3), "--rounds ");
  EXPECT_EQ(completed("neap cache cl", 2), "clear ");
  EXPECT_EQ(neap({"completion", "ksh"}).code, 2);
}

}  // namespace
}  // namespace neap::command_test

// neap data: what is made, described and refused.
#include "neap/cli/command.h"
#include "tests/cli/program.h"
#include "tests/gnn/packages.h"

namespace neap::data_test {
namespace {

class Data : public ProgramTest {};

TEST_F(Data, DebianPackagesFromAFile) {
  const std::string packages = file("Packages", std::string(gnn::some_packages)), out = path("graph");
  const Ran made = neap({"data", "debian-packages", "--from", packages, "--out", out, "--json"});
  ASSERT_EQ(made.code, exit_ok) << made.text;
  EXPECT_EQ(made.json()["vertices"], 5);
  EXPECT_EQ(made.json()["about"]["source"], packages);
  EXPECT_EQ(made.json()["about"]["date"].get<std::string>().size(), 10U);
  const Ran described = neap({"data", "describe", out, "--json"});
  ASSERT_EQ(described.code, exit_ok) << described.text;
  EXPECT_EQ(described.json()["version"], made.json()["version"]);
  EXPECT_EQ(described.json()["classes"], nlohmann::json({"editors", "libs", "mail"}));
  const Ran shown = neap({"data", "debian-packages", "--from", packages, "--show"});
  EXPECT_TRUE(contains(shown.text, "most edges into\n           3  libc\n           3  libtext1")) << shown.text;
}

TEST_F(Data, GeneratedGraphs) {
  const Ran made = neap({"data", "arxiv-like", "--scale", "0.002", "--seed", "3", "--out", path("graph"), "--json"});
  ASSERT_EQ(made.code, exit_ok) << made.text;
  EXPECT_EQ(made.json()["vertices"], 339);
  const Ran described = neap({"data", "describe", path("graph"), "--json"});
  EXPECT_EQ(described.json()["version"], made.json()["version"]) << described.text;
  EXPECT_EQ(described.json()["features"]["features"], 128);
  EXPECT_EQ(neap({"data", "arxiv-like", "--scale", "2", "--show"}).code, exit_usage);
  const Ran from = neap({"data", "reddit-like", "--from", path("graph"), "--show"});
  EXPECT_EQ(from.code, exit_bad_input);
  EXPECT_TRUE(contains(from.text, "reddit-like takes no --from")) << from.text;
}

TEST_F(Data, BadInput) {
  const Ran nowhere = neap({"data", "debian-packages", "--from", file("Packages", std::string(gnn::some_packages))});
  EXPECT_EQ(nowhere.code, exit_bad_input);
  EXPECT_TRUE(contains(nowhere.text, "there is no folder to write to")) << nowhere.text;
  const Ran wrong = neap({"data", "debian-packages", "--from", file("wrong", "Package: a\nno field\n"), "--out", path("graph")});
  EXPECT_EQ(wrong.code, exit_bad_input);
  EXPECT_TRUE(contains(wrong.text, "wrong:2")) << wrong.text;
  const Ran scaled = neap({"data", "debian-packages", "--from", path("wrong"), "--scale", "0.5", "--show"});
  EXPECT_EQ(scaled.code, exit_bad_input);
  EXPECT_TRUE(contains(scaled.text, "debian-packages takes no --scale")) << scaled.text;
  const Ran folder = neap({"data", "debian-packages", "--from", path("."), "--show"});
  EXPECT_EQ(folder.code, exit_bad_input);
  EXPECT_TRUE(contains(folder.text, "this is a folder")) << folder.text;
  EXPECT_EQ(neap({"data", "nothing"}).code, exit_usage);
}

}  // namespace
}  // namespace neap::data_test

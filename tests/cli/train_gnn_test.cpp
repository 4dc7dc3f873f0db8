// Graph networks by command, on a small generated graph, without a compiler (level 0).
#include <fmt/format.h>

#include <regex>

#include "tests/cli/program.h"
#include "tests/support/environment.h"

namespace neap::train_gnn_test {
namespace {

// What the page draws, out of the script element that holds it.
nlohmann::json report_in(const std::string& page) {
  const std::string text = read_file(page), opening = "id=\"report\">";
  const std::size_t begin = text.find(opening) + opening.size();
  return nlohmann::json::parse(text.substr(begin, text.find("</script>", begin) - begin));
}

class TrainGnn : public ProgramTest {
 protected:
  Ran train(std::vector<std::string> arguments) const {
    const std::vector<std::string> common{"train", "gnn",     "--data", "arxiv-like", "--scale",   "0.01",      "--hidden",
                                          "16",    "--level", "0",      "--out",      path("run"), "--threads", "1"};
    arguments.insert(arguments.begin(), common.begin(), common.end());
    return neap(std::move(arguments));
  }
};

TEST_F(TrainGnn, TrainsReportsAndGoesOn) {
  const Ran first = train({"--model", "gcn", "--epochs", "3"});
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_TRUE(contains(first.text, "epoch   3/3")) << first.text;
  EXPECT_TRUE(contains(first.text, "test accuracy")) << first.text;
  const nlohmann::json figures = nlohmann::json::parse(read_file(path("run/training.json"))), report = report_in(path("run/report.html"));
  EXPECT_EQ(report["confusion"]["counts"].size(), report["confusion"]["classes"].size());
  EXPECT_EQ(report["confusion"]["classes"].size(), 40U);
  EXPECT_EQ(report["data"], figures["data"]);
  EXPECT_EQ(report["data"]["version"].get<std::string>().size(), 32U);
  EXPECT_EQ(report["data"]["about"]["source"], "power law with planted communities");
  EXPECT_EQ(figures["epochs"], 3);
  EXPECT_GT(figures["test_accuracy"].get<double>(), 0);
  EXPECT_TRUE(std::filesystem::exists(path("run/model.safetensors")));
  EXPECT_TRUE(contains(first.text, "neap optimize " + path("run/step.neap") + " --explain")) << first.text;
  const Ran longer = train({"--model", "gcn", "--epochs", "5"});
  ASSERT_EQ(longer.code, 0) << longer.text;
  EXPECT_TRUE(contains(longer.text, "goes on from the checkpoint, after 3 epochs")) << longer.text;
  const Ran other = train({"--model", "sage", "--epochs", "5"});
  EXPECT_EQ(other.code, 3);
  EXPECT_TRUE(contains(other.text, "another run: model is 'gcn' there, 'sage' here")) << other.text;
  const Ran reseeded = train({"--model", "gcn", "--epochs", "5", "--seed", "1"});
  EXPECT_EQ(reseeded.code, 3);
  EXPECT_TRUE(contains(reseeded.text, "another run: seed is 0 there, 1 here")) << reseeded.text;
  EXPECT_EQ(train({"--model", "sage", "--epochs", "1", "--restart"}).code, 0);
}

TEST_F(TrainGnn, TheStepIsAGraphThatOptimizeExplains) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--model", "gcn"}, {"--model", "sage", "--sample", "5,3"}}) {
    std::vector<std::string> arguments{"--epochs", "1", "--restart"};
    arguments.insert(arguments.end(), how.begin(), how.end());
    ASSERT_EQ(train(arguments).code, 0);
    const Ran explained = neap({"optimize", path("run/step.neap"), "--explain"});
    ASSERT_EQ(explained.code, 0) << explained.text;
    EXPECT_TRUE(contains(explained.text, "order_products")) << explained.text;
    EXPECT_TRUE(contains(explained.text, "(layer1: spmm")) << explained.text;
    EXPECT_TRUE(contains(explained.text, " first: ")) << explained.text;
  }
}

TEST_F(TrainGnn, TunedRunsMeasureOnTheirGraphAndTrainAsOthersDo) {
  const Environment cache("NEAP_CACHE", path("cache"));  // in which nothing is known yet
  const auto last_loss = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"train",   "gnn", "--data",   "arxiv-like", "--scale", "0.01",      "--hidden", "16",
                                       "--model", "gcn", "--epochs", "3",          "--out",   path("run"), "--restart"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran ran = neap(arguments);
    EXPECT_EQ(ran.code, 0) << ran.text;
    EXPECT_EQ(std::regex_search(ran.text, std::regex("tuned [0-9]+ kernels.*; [0-9]+ ways of the whole were run")), !more.empty())
        << ran.text;
    std::smatch found;
    EXPECT_TRUE(std::regex_search(ran.text, found, std::regex("epoch   3/3  loss ([0-9.]+)"))) << ran.text;
    return found.empty() ? 0 : std::stod(found[1]);
  };
  EXPECT_NEAR(last_loss({"--tune", "20"}), last_loss({}), 2e-3);
  const Ran refused = train({"--model", "gcn", "--epochs", "1", "--restart", "--tune"});
  EXPECT_EQ(refused.code, 3);
  EXPECT_TRUE(contains(refused.text, "level 0 runs nothing that could be tuned")) << refused.text;
}

// By a whole run: the report's document stands in its page.
nlohmann::json report_of(const std::string& page) {
  const std::string html = read_file(page), open = R"(<script type="application/json" id="report">)";
  const std::size_t begin = html.find(open) + open.size();
  return nlohmann::json::parse(html.substr(begin, html.find("</script", begin) - begin));
}

TEST_F(TrainGnn, ReportsShowTheEditsOfTheStepAlways) {
  const Ran plain = neap({"train", "gnn", "--data", "arxiv-like", "--scale", "0.01", "--hidden", "16", "--model", "gcn", "--epochs", "1",
                          "--out", path("run")});
  ASSERT_EQ(plain.code, 0) << plain.text;
  const nlohmann::json report = report_of(path("run/report.html"));
  EXPECT_FALSE(report["edits"].empty());
  EXPECT_FALSE(report["refused"].empty());
  EXPECT_GT(report["graphs"]["before"]["nodes"].size(), report["graphs"]["after"]["nodes"].size());
  EXPECT_FALSE(report.contains("roofline"));  // what is measured is left to --compare
  bool said = false;
  for (const auto& edit : report["edits"]) {
    for (const auto& place : edit["places"]) said |= contains(place["reason"], "depends on fixed inputs alone");
  }
  EXPECT_TRUE(said);
}

TEST_F(TrainGnn, SamplesAndClustersGoOnByTheirFolderAlone) {
  for (const std::vector<std::string>& how : {std::vector<std::string>{"--sample", "5,3", "--batch", "64"},
                                              {"--layer-sample", "64,48", "--batch", "64"},
                                              {"--clusters", "6", "--batch", "2"}}) {
    std::vector<std::string> arguments{"--epochs", "1", "--restart"};
    arguments.insert(arguments.end(), how.begin(), how.end());
    const Ran first = train(arguments);
    ASSERT_EQ(first.code, 0) << first.text;
    const Ran longer = neap({"train", "gnn", "--resume", path("run"), "--epochs", "2"});
    ASSERT_EQ(longer.code, 0) << longer.text;
    EXPECT_TRUE(contains(longer.text, "goes on from the checkpoint, after 1 epochs")) << longer.text;
    EXPECT_TRUE(contains(longer.text, "epoch   2/2")) << longer.text;
  }
  const Ran other = train({"--sample", "5,4", "--batch", "64"});
  EXPECT_EQ(other.code, 3);
  EXPECT_TRUE(contains(other.text, "another run: ")) << other.text;
  EXPECT_EQ(train({"--sample", "5,3", "--clusters", "4"}).code, 2);
  EXPECT_EQ(train({"--sample", "5,3", "--layer-sample", "64,48"}).code, 2);
  EXPECT_EQ(train({"--layer-sample", "64,48", "--clusters", "4"}).code, 2);
  const Ran more = neap({"train", "gnn", "--resume", path("run"), "--hidden", "8"});
  EXPECT_EQ(more.code, 3);
  EXPECT_TRUE(contains(more.text, "a run that goes on keeps its options")) << more.text;
  const Ran nowhere = neap({"train", "gnn", "--resume", path("nowhere")});
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_TRUE(contains(nowhere.text, "there is no run to go on with")) << nowhere.text;
}

TEST_F(TrainGnn, RefusesWhatThereIsNot) {
  EXPECT_EQ(train({"--model", "gnc"}).code, 2);
  const Ran groups = train({"--features", "colour"});
  EXPECT_EQ(groups.code, 3);
  EXPECT_TRUE(contains(groups.text, "colour")) << groups.text;
  const Ran both = train({"--features", "random,labels"});
  EXPECT_EQ(both.code, 3);
  EXPECT_TRUE(contains(both.text, "random features stand alone")) << both.text;
  const Ran heads = train({"--model", "gat", "--heads", "3"});
  EXPECT_EQ(heads.code, 3);
  EXPECT_TRUE(contains(heads.text, "does not divide into 3 heads")) << heads.text;
  const Ran data = neap({"train", "gnn", "--data", path("nothing")});
  EXPECT_EQ(data.code, 3);
  EXPECT_TRUE(contains(data.text, "is no data of a graph")) << data.text;
}

// 40 vertices in a ring, whose class is the sign of their only feature.
class TrainGnnOnFiles : public ProgramTest {
 protected:
  TrainGnnOnFiles() {
    for (int i = 0; i < 40; ++i) {
      edges_ += fmt::format("{},{}\n{},{}\n", i, (i + 1) % 40, (i + 1) % 40, i);
      features_ += i % 2 == 0 ? "-1\n" : "1\n";
      labels_ += i % 2 == 0 ? "0\n" : "1\n";
    }
  }
  Ran train(const std::string& data, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"train",   "gnn", "--data",    data,        "--epochs", "20",
                                 "--level", "0",   "--one-way", "--restart", "--out",    path("run")};
    all.insert(all.end(), more.begin(), more.end());
    return neap(all);
  }
  std::string edges_, features_ = "sign\n", labels_;
};

TEST_F(TrainGnnOnFiles, ThroughDataGraph) {
  const Ran made = neap({"data", "graph", "--from", file("ring.csv", edges_), "--features", file("x.csv", features_), "--labels",
                         file("y.csv", labels_), "--out", path("graph"), "--json"});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_EQ(made.json()["vertices"], 40);
  EXPECT_EQ(made.json()["features"], 1);
  EXPECT_EQ(made.json()["classes"].size(), 2U);
  EXPECT_EQ(made.json()["about"]["source"], path("ring.csv"));
  EXPECT_EQ(made.json()["about"]["date"].get<std::string>().size(), 10U);
  const Ran trained = train(path("graph"), {"--split", "0.25,0.5"});
  ASSERT_EQ(trained.code, 0) << trained.text;
  EXPECT_TRUE(contains(trained.text, "10 training, 20 validation and 10 test vertices")) << trained.text;
  EXPECT_TRUE(contains(trained.text, "test accuracy 100.00 %")) << trained.text;
  const nlohmann::json data = nlohmann::json::parse(read_file(path("run/training.json")))["data"];
  EXPECT_EQ(data["about"]["date"], made.json()["about"]["date"]);
}

TEST_F(TrainGnnOnFiles, OgbFoldersAndFilesDirectly) {
  for (const char* folder : {"ogb/raw", "ogb/split/time"}) std::filesystem::create_directories(path(folder));
  file("ogb/raw/num-node-list.csv", "40\n");
  file("ogb/raw/edge.csv", edges_);
  file("ogb/raw/node-feat.csv", features_);
  file("ogb/raw/node-label.csv", labels_);
  std::string parts[3];
  for (int i = 0; i < 40; ++i) parts[i < 20 ? 0 : i < 30 ? 1 : 2] += fmt::format("{}\n", i);
  for (int i = 0; i < 3; ++i) file(fmt::format("ogb/split/time/{}.csv", (const char*[]){"train", "valid", "test"}[i]), parts[i]);
  const Ran trained = train(path("ogb"));
  ASSERT_EQ(trained.code, 0) << trained.text;
  EXPECT_TRUE(contains(trained.text, "20 training, 10 validation and 10 test vertices")) << trained.text;
  const Ran resplit = train(path("ogb"), {"--split", "0.5,0.2"});
  EXPECT_TRUE(contains(resplit.text, "20 training, 8 validation and 12 test vertices")) << resplit.text;
  const Ran bare = train(file("ring.csv", edges_));
  EXPECT_EQ(bare.code, 3);
  EXPECT_TRUE(contains(bare.text, "the vertices have no labels")) << bare.text;
  EXPECT_TRUE(contains(bare.text, "neap data graph --from FILE --labels FILE")) << bare.text;
  const Ran wrong = train(file("wrong.mtx", "%%MatrixMarket matrix coordinate real general\n2 3 0\n"));
  EXPECT_EQ(wrong.code, 3);
  EXPECT_TRUE(contains(wrong.text, "wrong.mtx:2")) << wrong.text;
}

TEST_F(TrainGnnOnFiles, WhatDoesNotFit) {
  file("ring.csv", edges_);
  const auto refused = [&](std::vector<std::string> arguments, const std::string& problem, int code = 3) {
    const Ran ran = neap(std::move(arguments));
    EXPECT_EQ(ran.code, code) << ran.text;
    EXPECT_TRUE(contains(ran.text, problem)) << ran.text;
  };
  refused({"data", "graph", "--out", path("graph")}, "there is no file to make it from");
  refused({"data", "graph", "--from", path("ring.csv"), "--seed", "3", "--show"}, "graph takes no --seed");
  refused({"data", "graph", "--from", path("ring.csv"), "--labels", file("y.csv", "0\n1\n"), "--show"},
          "labels of 2 vertices, where there are 40");
  refused({"data", "graph", "--from", path("ring.csv"), "--features", file("x.csv", "a,a\n"), "--show"}, "two columns are called 'a'");
  file("packages", "Package: a\nSection: x\n\nPackage: b\nSection: y\n");
  ASSERT_EQ(neap({"data", "debian-packages", "--from", path("packages"), "--out", path("two")}).code, 0);
  refused({"train", "gnn", "--data", path("two"), "--out", path("run")}, "the vertices have no features");
  refused({"train", "gnn", "--data", path("two"), "--features", "random", "--out", path("run")}, "there are no validation vertices");
  const Ran resplit = train(path("two"), {"--features", "random", "--split", "0.5,0.5"});
  EXPECT_EQ(resplit.code, 0) << resplit.text;
  refused({"train", "gnn", "--data", path("two"), "--scale", "0.5"}, "has no scale");
  refused({"train", "gnn", "--data", "debian-packages", "--scale", "0.5"}, "'debian-packages' has no scale");
  refused({"train", "gnn", "--data", path("two"), "--split", "0.5"}, "1 parts for training and validation");
  refused({"train", "gnn", "--data", path("two"), "--split", "0.8,0.3"}, "parts of 0.8 for training and 0.3 for validation");
  refused({"train", "gnn", "--data", path("two"), "--split", "0.5,2"}, "--split", 2);
  std::filesystem::remove(path("two/graph.json"));
  refused({"train", "gnn", "--data", path("two"), "--out", path("other")}, "graph.json");
  refused({"train", "gnn", "--data", path("."), "--out", path("other")}, "there is no edge.csv.gz");
}

TEST_F(TrainGnn, TheOuterCommandIsStillThere) {
  const Ran help = neap({"train", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(contains(help.text, "gnn")) << help.text;
  EXPECT_TRUE(contains(neap({"train", "gnn", "--help"}).text, "--heads"));
}

}  // namespace
}  // namespace neap::train_gnn_test

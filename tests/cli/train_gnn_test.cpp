// Graph networks by command, on a small generated graph, without a compiler (level 0).
#include "tests/cli/program.h"

namespace neap::train_gnn_test {
namespace {

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
  EXPECT_TRUE(contains(read_file(path("run/report.html")), "confusion"));
  const nlohmann::json figures = nlohmann::json::parse(read_file(path("run/training.json")));
  EXPECT_EQ(figures["epochs"], 3);
  EXPECT_GT(figures["test_accuracy"].get<double>(), 0);
  EXPECT_TRUE(std::filesystem::exists(path("run/model.safetensors")));
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

TEST_F(TrainGnn, SamplesAndClustersGoOnByTheirFolderAlone) {
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"--sample", "5,3", "--batch", "64"}, {"--clusters", "6", "--batch", "2"}}) {
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

TEST_F(TrainGnn, TheOuterCommandIsStillThere) {
  const Ran help = neap({"train", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_TRUE(contains(help.text, "gnn")) << help.text;
  EXPECT_TRUE(contains(neap({"train", "gnn", "--help"}).text, "--heads"));
}

}  // namespace
}  // namespace neap::train_gnn_test

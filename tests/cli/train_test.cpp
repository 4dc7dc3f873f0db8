// Training and evaluation by command, on each kind of data, without a compiler (level 0).
#include <fmt/format.h>

#include <cmath>

#include "neap/files/npz.h"
#include "neap/files/png.h"
#include "tests/cli/program.h"

namespace neap::train_test {
namespace {

class TrainCommands : public ProgramTest {
 protected:
  static Ran train(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"train", "--level", "0", "--threads", "1"});
    return neap(std::move(arguments));
  }
  // y = 2 a - b + 1, and the quadrant of (a, b).
  std::string table(bool classes) const {
    std::string text = classes ? "a,quadrant,b\n" : "a,b,y\n";
    for (int i = 0; i < 120; ++i) {
      const double a = std::sin(12.9898 * (i + 1)), b = std::sin(78.233 * (i + 1));
      text += classes ? fmt::format("{},{},{}\n", a, (a > 0 ? 1 : 0) + (b > 0 ? 2 : 0), b) : fmt::format("{},{},{}\n", a, b, 2 * a - b + 1);
    }
    return file(classes ? "classes.csv" : "numbers.csv", text);
  }
  // Pictures whose upper or lower half is bright.
  static Array pictures(std::int64_t count) {
    Array images = Array::zeros(DType::u8, {count, 6, 4});
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < 12; ++k) images.set(i * 24 + (i % 2) * 12 + k, static_cast<double>(150 + (i * 7 + k) % 100));
    }
    return images;
  }
  static Array labels(std::int64_t count) {
    Array made(DType::i32, {count});
    for (std::int64_t i = 0; i < count; ++i) made.set_int(i, i % 2);
    return made;
  }
  std::vector<std::string> on_table(const std::string& out, const std::string& epochs = "3") const {
    return {"--data", path("classes.csv"), "--label", "quadrant",   "--model",  "mlp",    "--hidden", "8,4",   "--epochs",
            epochs,   "--batch",           "16",      "--schedule", "constant", "--rate", "0.02",     "--out", path(out)};
  }
};

TEST_F(TrainCommands, FindsNumbersInATable) {
  const Ran ran = train({"--data", table(false), "--model", "linear", "--epochs", "60", "--batch", "20", "--rate", "0.1", "--decay", "0",
                         "--out", path("out"), "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  const Ran eval = neap({"eval", path("out"), "--level", "0", "--json"});
  ASSERT_EQ(eval.code, 0) << eval.text;
  EXPECT_LT(eval.json()["mean_square"], 1e-3);
  EXPECT_EQ(eval.json()["examples"], 12);
}

// Sparse weights stay sparse, in the checkpoint, in what is written, and in the ONNX file, which has zeros and says how they are stored.
TEST_F(TrainCommands, APlanMakesWeightsSparse) {
  table(true);
  const std::string plan = file("plan.json", R"({"weights": [{"names": "hidden1.weight", "sparsifier": "nm n=2 m=4", "layout": "csr"}],
                                                 "outputs": [{"names": "relu1", "inline": "threshold least=0.001"}]})");
  const std::vector<std::string> how{
      "--data", path("classes.csv"), "--label",  "quadrant", "--hidden", "32",     "--epochs", "40",    "--batch",
      "12",     "--schedule",        "constant", "--rate",   "0.02",     "--plan", plan,       "--out", path("out")};
  ASSERT_EQ(train(how).code, 0);
  const Ran eval = neap({"eval", path("out"), "--level", "0", "--json"}),
            onnx = neap({"eval", path("out/model.onnx"), "--level", "0", "--json"});
  ASSERT_EQ(eval.code, 0) << eval.text;
  EXPECT_GE(eval.json()["accuracy"], 0.8);
  EXPECT_EQ(eval.json()["accuracy"], onnx.json()["accuracy"]);
  const Ran shown = neap({"show", path("out/model.onnx")});
  EXPECT_TRUE(contains(shown.text, "csr_dense")) << shown.text;
  std::vector<std::string> strict = how;
  strict.insert(strict.end(), {"--strict-sparse", "--restart"});
  const Ran refused = train(strict);  // level 0 makes all dense
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(contains(refused.text, "csr is made dense")) << refused.text;
  std::vector<std::string> other = how;
  other[15] = file("other.json", R"({"weights": [{"names": "hidden1.bias", "sparsifier": "nm"}]})");
  EXPECT_TRUE(contains(train(other).text, "names only vectors")) << train(other).text;
}

// What is cheapest may be another layout on another day, which the checkpoint would not fit.
TEST_F(TrainCommands, LayoutsThatAreChosenByCostStayThoseOfTheRun) {
  table(true);
  const std::string plan =
      file("plan.json", R"({"weights": [{"names": "hidden1.weight", "sparsifier": "magnitude sparsity=0.5", "layout": "auto"}]})");
  std::vector<std::string> how{"--data", path("classes.csv"), "--label", "quadrant", "--hidden", "32",    "--epochs",
                               "2",      "--batch",           "12",      "--plan",   plan,       "--out", path("out")};
  ASSERT_EQ(train(how).code, 0);
  const auto run = [&] { return nlohmann::json::parse(read_file(path("out/run.json"))); };
  const std::string settled = run()["settled_plan"];
  EXPECT_FALSE(contains(settled, "auto")) << settled;
  EXPECT_TRUE(contains(settled, "hidden1.weight")) << settled;
  how[7] = "4";
  const Ran longer = train(how);
  EXPECT_EQ(longer.code, 0) << longer.text;
  EXPECT_TRUE(contains(longer.text, "goes on from the checkpoint")) << longer.text;
  EXPECT_EQ(run()["settled_plan"], settled);
  const Ran eval = neap({"eval", path("out"), "--level", "0", "--json"});
  EXPECT_EQ(eval.code, 0) << eval.text;
}

TEST_F(TrainCommands, EveryOptimizerAndScheduleLearnsClasses) {
  table(true);
  const std::pair<const char*, const char*> all[] = {{"sgd", "cosine"}, {"adam", "step"}, {"adamw", "one-cycle"}, {"lion", "constant"}};
  for (const auto& [optimizer, schedule] : all) {
    const Ran ran = train({"--data",      path("classes.csv"),
                           "--label",     "quadrant",
                           "--hidden",    "16",
                           "--epochs",    "40",
                           "--batch",     "12",
                           "--warm-up",   "5",
                           "--clip",      "5",
                           "--optimizer", optimizer,
                           "--schedule",  schedule,
                           "--rate",      std::string(optimizer) == "sgd" ? "0.1" : "0.02",
                           "--out",       path(optimizer)});
    ASSERT_EQ(ran.code, 0) << optimizer << ran.text;
    const Ran eval = neap({"eval", path(optimizer), "--level", "0", "--json"});
    ASSERT_EQ(eval.code, 0) << eval.text;
    EXPECT_GE(eval.json()["accuracy"], 0.8) << optimizer;
  }
}

TEST_F(TrainCommands, WhatIsWrittenIsOneNetworkInEachForm) {
  table(true);
  ASSERT_EQ(train(on_table("out")).code, 0);
  const auto accuracy = [&](const std::string& model) {
    const Ran ran = neap({"eval", model, "--level", "0", "--json"});
    EXPECT_EQ(ran.code, 0) << ran.text;
    return ran.json()["accuracy"].get<double>();
  };
  const double whole = accuracy(path("out"));
  for (const char* part : {"out/checkpoint", "out/model.safetensors", "out/model.onnx"}) EXPECT_EQ(accuracy(path(part)), whole) << part;
}

TEST_F(TrainCommands, KeepsTheBestEpochOfTheValidationAndWritesAReport) {
  table(true);
  std::vector<std::string> arguments = on_table("out", "6");
  arguments.insert(arguments.end(), {"--optimizer", "sgd", "--clip", "0", "--validation", "0.2", "--rate", "3"});  // it goes up and down
  const auto given = std::find(arguments.begin(), arguments.end(), "0.02");
  arguments.erase(given - 1, given + 1);
  const Ran ran = train(arguments);
  ASSERT_EQ(ran.code, 0) << ran.text;
  const auto history = nlohmann::json::parse(read_file(path("out/training.json")));
  double best = 0;
  std::int64_t at = 0;
  for (const auto& epoch : history["epochs"]) {
    if (epoch["validation_accuracy"] > best) at = epoch["epoch"];
    best = std::max(best, epoch["validation_accuracy"].get<double>());
  }
  EXPECT_EQ(history["best_epoch"], at);
  EXPECT_TRUE(contains(ran.text, "86 training, 22 validation and 12 test examples")) << ran.text;
  EXPECT_TRUE(contains(ran.text, fmt::format("the model is that of epoch {}, the best of the validation", at))) << ran.text;
  const double tested = history["test_accuracy"].get<double>();
  EXPECT_DOUBLE_EQ(neap({"eval", path("out"), "--level", "0", "--json"}).json()["accuracy"].get<double>(), tested);
  EXPECT_DOUBLE_EQ(neap({"eval", path("out/checkpoint"), "--level", "0", "--json"}).json()["accuracy"].get<double>(), tested);

  const std::string page = read_file(path("out/report.html"));
  const std::size_t from = page.find('{', page.find("<script type=\"application/json\"")), to = page.find("</script>", from);
  ASSERT_NE(to, std::string::npos);
  const auto report = nlohmann::json::parse(page.substr(from, to - from));
  EXPECT_EQ(report["curves"]["epochs"].size(), 6U);
  EXPECT_DOUBLE_EQ(report["summary"]["test_accuracy"].get<double>(), tested);
  std::int64_t examples = 0;
  for (const auto& row : report["confusion"]["counts"]) {
    for (const auto& count : row) examples += count.get<std::int64_t>();
  }
  EXPECT_EQ(examples, 12);
  ASSERT_FALSE(report["graphs"]["after"]["nodes"].empty());
  for (const auto& node : report["graphs"]["after"]["nodes"]) EXPECT_TRUE(node.contains("ms") && node.contains("bytes"));
  EXPECT_FALSE(report["edits"].empty());
}

TEST_F(TrainCommands, TheTestChoosesNoEpoch) {
  table(true);
  const Ran ran = train(on_table("out", "2"));
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(ran.text, "the model is that of epoch 2, the last")) << ran.text;
  const auto history = nlohmann::json::parse(read_file(path("out/training.json")));
  EXPECT_FALSE(history.contains("best_epoch"));
  EXPECT_DOUBLE_EQ(history["test_accuracy"].get<double>(), history["epochs"][1]["test_accuracy"].get<double>());
}

TEST_F(TrainCommands, AReportOfNumbersHasNoConfusion) {
  ASSERT_EQ(train({"--data", table(false), "--model", "linear", "--epochs", "2", "--batch", "20", "--out", path("out")}).code, 0);
  const std::string page = read_file(path("out/report.html"));
  EXPECT_TRUE(contains(page, "\"test_loss\""));
  EXPECT_FALSE(contains(page, "\"confusion\":"));
}

TEST_F(TrainCommands, TrainsImagesFromArraysAndThenTheModelThatItWrote) {
  write_npz(path("images.npz"), {{"x_train", pictures(48)}, {"y_train", labels(48)}, {"x_test", pictures(10)}, {"y_test", labels(10)}});
  const Ran first =
      train({"--data", path("images.npz"), "--epochs", "2", "--batch", "16", "--model", "efficient-net", "--out", path("first")});
  ASSERT_EQ(first.code, 0) << first.text;
  EXPECT_TRUE(contains(first.text, "48 training and 10 test examples")) << first.text;
  const Ran second = train({"--data", path("images.npz"), "--epochs", "1", "--batch", "16", "--model", path("first/model.onnx"), "--rate",
                            "0.001", "--no-augment", "--out", path("second"), "--json"});
  ASSERT_EQ(second.code, 0) << second.text;
  EXPECT_NE(read_file(path("first/model.onnx")), read_file(path("second/model.onnx")));
  EXPECT_EQ(neap({"eval", path("second"), "--level", "0"}).code, 0);
}

TEST_F(TrainCommands, PicturesAreFittedToTheSizeThatIsAskedFor) {
  for (const char* name : {"dark", "bright"}) std::filesystem::create_directories(path(std::string("set/") + name));
  for (int i = 0; i < 20; ++i) {
    Array picture = Array::full(DType::u8, {5, 7, 3}, i % 2 == 0 ? 10.0 + i : 200.0 + i);
    write_png(path(fmt::format("set/{}/{}.png", i % 2 == 0 ? "dark" : "bright", i)), picture);
  }
  const Ran ran = train(
      {"--data", path("set"), "--size", "1x4x4", "--model", "mlp", "--epochs", "5", "--batch", "6", "--no-augment", "--out", path("out")});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(neap({"show", path("out/model.onnx")}).text, "f32[N,1,4,4]"));
  EXPECT_EQ(neap({"eval", path("out"), "--level", "0", "--json"}).json()["accuracy"], 1.0);
  EXPECT_TRUE(contains(train({"--data", path("set"), "--size", "4x4"}).text, "'4x4' is no size of pictures"));
}

TEST_F(TrainCommands, ARunGoesOnWithItsOwnOptions) {
  table(true);
  ASSERT_EQ(train(on_table("whole", "4")).code, 0);
  ASSERT_EQ(train(on_table("parts", "2")).code, 0);
  const Ran more = neap({"train", "--resume", path("parts"), "--epochs", "4", "--threads", "1"});
  ASSERT_EQ(more.code, 0) << more.text;
  EXPECT_TRUE(contains(more.text, "after 12 steps")) << more.text;
  EXPECT_EQ(read_file(path("whole/model.safetensors")), read_file(path("parts/model.safetensors")));

  const Ran other = neap({"train", "--resume", path("parts"), "--rate", "1"});
  EXPECT_EQ(other.code, 3);
  EXPECT_TRUE(contains(other.text, "a run that goes on keeps its options")) << other.text;
  std::vector<std::string> changed = on_table("parts");
  changed.insert(changed.end(), {"--seed", "9"});
  const Ran another = train(changed);
  EXPECT_EQ(another.code, 3);
  EXPECT_TRUE(contains(another.text, "the folder has another run: seed is 0 there, 9 here")) << another.text;
  changed.push_back("--restart");
  EXPECT_EQ(train(changed).code, 0);
  EXPECT_TRUE(contains(neap({"train", "--resume", path("nowhere")}).text, "there is no run to go on with"));
  std::string run = read_file(path("parts/run.json"));
  const std::string epochs = "\"epochs\": ";
  file("parts/run.json", run.insert(run.find(epochs) + epochs.size(), "-"));
  EXPECT_TRUE(contains(neap({"train", "--resume", path("parts")}).text, "epochs is out of its bounds"));
  file("parts/run.json", "{}");
  EXPECT_TRUE(contains(neap({"train", "--resume", path("parts")}).text, "this is not what `neap train` wrote"));
}

TEST_F(TrainCommands, SaysWhatDoesNotFit) {
  const std::string classes = table(true), numbers = table(false);
  std::string rows = "a,b,y\n";
  for (int i = 0; i < 32; ++i) rows += "inf," + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
  const std::string infinite = file("infinite.csv", rows);
  write_npz(path("odd.npz"), {{"a", labels(3)}});
  write_npz(path("short.npz"), {{"x", Array::zeros(DType::f32, {4, 2})}, {"y", labels(3)}});
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--data", path("none.csv")}, "there is no such file or folder"},
      {{"--data", file("text.txt", "x")}, "this is no data to train on"},
      {{"--data", classes, "--label", "c"}, "there is no column 'c'"},
      {{"--data", classes, "--model", "huge"}, "'huge' is no network"},
      {{"--data", classes, "--model", "efficient-net"}, "the efficient-net is a classifier of images"},
      {{"--data", numbers, "--task", "classification"}, "is no class"},
      {{"--data", path("odd.npz")}, "the file has no examples with labels"},
      {{"--data", path("short.npz")}, "x is [4,2], y is [3]"},
      {{"--data", numbers, "--batch", "1000", "--out", path("big")}, "less than one batch of 1000"},
      {{"--data", infinite, "--batch", "8", "--out", path("inf")}, "try: mend the examples: one of this step is not finite"},
      {{"--data", numbers, "--optimizer", "sgd", "--rate", "1e30", "--epochs", "9", "--batch", "8", "--out", path("nan")}, "neap: step "},
  };
  for (const auto& [arguments, problem] : cases) {
    const Ran ran = train(arguments);
    EXPECT_EQ(ran.code, 3) << ran.text;
    EXPECT_TRUE(contains(ran.text, problem)) << ran.text;
  }
  EXPECT_EQ(train({"--optimizer", "magic"}).code, 2);
  ASSERT_EQ(train(on_table("out", "1")).code, 0);
  const Ran wide = train({"--data", numbers, "--model", path("out/model.onnx"), "--out", path("wide")});
  EXPECT_TRUE(contains(wide.text, "the network gives f32[N,4], the data have 1 numbers to find")) << wide.text;
  EXPECT_TRUE(contains(neap({"eval", path("missing")}).text, "there is no such file or folder"));
}

}  // namespace
}  // namespace neap::train_test

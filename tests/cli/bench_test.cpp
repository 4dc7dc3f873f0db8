#include "tests/cli/program.h"

namespace neap::bench_test {
namespace {

class BenchCommand : public ProgramTest {};

TEST_F(BenchCommand, MeasuresLevelsAndTheirNodes) {
  const Ran ran = neap({"bench", small_model(), "--set", "N=5", "--against", "0", "--rounds", "3", "--threads", "1", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  const nlohmann::json json = ran.json();
  EXPECT_EQ(json["inputs"]["x"], "f32[5,3]");
  ASSERT_EQ(json["levels"].size(), 2U);
  EXPECT_EQ(json["levels"][0]["level"], 4);
  EXPECT_EQ(json["levels"][0]["bytes"], 2 * 5 * 3 * 4 + 4);  // x, y and the one that is added
  EXPECT_GT(json["levels"][1]["bytes"], json["levels"][0]["bytes"]);
  EXPECT_EQ(json["levels"][1]["kernels"], 0);
  for (const nlohmann::json& level : json["levels"]) {
    EXPECT_GT(level["seconds"], 0);
    EXPECT_LE(level["least_seconds"], level["seconds"]);
    double share = 0;
    for (const nlohmann::json& node : level["nodes"]) share += node["share"].get<double>();
    EXPECT_NEAR(share, 1, 1e-9);
  }
}

TEST_F(BenchCommand, PrintsWhatIsSlowest) {
  const Ran ran = neap({"bench", small_model(), "--level", "0", "--rounds", "2", "--nodes", "1"});
  ASSERT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(ran.text, "x f32[2,3]")) << ran.text;
  EXPECT_TRUE(contains(ran.text, "% of the roofline")) << ran.text;
  EXPECT_TRUE(contains(ran.text, "more nodes: --nodes ")) << ran.text;
}

TEST_F(BenchCommand, DrawsFromHowManyZerosOnLayoutsPay) {
  const Ran ran = neap({"bench", "sparse", "--rows", "60", "--columns", "64", "--tokens", "8", "--rounds", "1", "--threads", "1", "--json",
                        "--out", path("curves.svg")});
  ASSERT_EQ(ran.code, 0) << ran.text;
  const nlohmann::json json = ran.json();
  EXPECT_EQ(json["columns"], 64);
  ASSERT_EQ(json["curves"].size(), 3U);
  for (const nlohmann::json& curve : json["curves"]) {
    EXPECT_GE(curve["points"].size(), 9U);
    for (const nlohmann::json& point : curve["points"])
      EXPECT_NEAR(point["ratio"].get<double>(), json["dense_seconds"].get<double>() / point["seconds"].get<double>(), 1e-9);
  }
  const std::string picture = read_file(path("curves.svg"), 1 << 20);
  for (const char* part : {"<svg", "60 x 64, 8 tokens", ">n:m:g<", ">4 x 1 blocks<", ">CSR<", "</svg>"})
    EXPECT_TRUE(contains(picture, part)) << part;
  const Ran table = neap({"bench", "sparse", "--rows", "16", "--columns", "16", "--tokens", "4", "--rounds", "1"});
  EXPECT_TRUE(contains(table.text, "against dense")) << table.text;
  EXPECT_EQ(neap({"bench", "sparse", "--rows", "0"}).code, 2);
  EXPECT_EQ(neap({"bench"}).code, 2);  // a model is wanted still
  EXPECT_EQ(neap({"bench", "--help"}).code, 0);
}

TEST_F(BenchCommand, RefusesWhatDoesNotFit) {
  EXPECT_EQ(neap({"bench", small_model(), "--input", "z=" + path("z.npy")}).code, 3);
  EXPECT_EQ(neap({"bench", small_model(), "--against", "7"}).code, 2);
  EXPECT_EQ(neap({"bench", path("none.onnx")}).code, 3);
}

}  // namespace
}  // namespace neap::bench_test

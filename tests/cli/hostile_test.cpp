// What strangers and broken machines do to the program: names that are code, disks that are full or read-only.
#include <sched.h>
#include <sys/mount.h>

#include <cmath>

#include "neap/files/checkpoint.h"
#include "neap/ops/builder.h"
#include "tests/cli/program.h"

namespace neap::hostile_test {
namespace {

class HostileNames : public ProgramTest {};

// Each of these would end a string, a comment or a line, or be a word of the language, were it to reach one.
constexpr const char* hostile_names[] = {
    "*/ injected();", "\"; injected(); //", "\n#error injected\n", "'; touch injected; '", "$(touch injected)", "%s%n injected",    "int",
    "operator",       "../../outside",      "\\\n injected",       "R\"x(injected)x\"",    "?\?/ injected",     "\xff\xfe injected"};

TEST_F(HostileNames, NeverReachSourcesShellsOrPaths) {
  for (const char* hostile : hostile_names) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input(hostile, Type::parse("f32[N,3]"));
    build.set_origin({std::string(hostile) + ": softmax"});
    graph.add_output(build.call("softmax", {x * 2.0}).id(), hostile);
    const std::string model = file("hostile.neap", to_string(graph));
    ASSERT_EQ(structural_hash(parse_graph(read_file(model))), structural_hash(graph)) << hostile;
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"run", model, "--random-inputs", "--level", "0", "--out", path("results")},
                                               {"show", model, "--level", "4"},
                                               {"optimize", model}}) {
      const Ran ran = neap(command);
      EXPECT_EQ(ran.code, 0) << hostile << ran.text;
    }
    std::filesystem::remove_all(path("alone"));
    const Ran built = neap({"build", model, "-o", path("alone"), "--set", "N=2"});
    ASSERT_EQ(built.code, 0) << hostile << built.text;
    int sources = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path("alone"))) {
      if (entry.path().extension() == ".bin") continue;
      ++sources;
      EXPECT_FALSE(contains(read_file(entry.path()), "injected")) << hostile << entry.path();
    }
    EXPECT_GT(sources, 3);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path("results"))) {
    EXPECT_EQ(entry.path().parent_path(), path("results"));
  }
  for (const char* file : {"injected", "outside", "../outside", "../outside.npy"}) EXPECT_FALSE(std::filesystem::exists(path(file)));
}

class HostileGraphs : public ProgramTest {};

// A sparse matrix of `rows` whose places are those of 4 x 6.
std::string sparse_graph(const std::string& rows, const std::string& columns) {
  return "graph g {\n  input x : f32[2,6]\n  const %0 : f32[1] = {1.0}\n  const %1 : i64[5] = {0, 1, 1, 1, 1}\n  const %2 : i32[1] = {" +
         columns + "}\n  const %3 : i64[7] = {0, 1, 1, 1, 1, 1, 1}\n  const %4 : i32[1] = {0}\n  const %5 : i64[1] = {0}\n" +
         "  %6 = csr_dense(%0, %1, %2, %3, %4, %5) size=sizes[" + rows + ",6] : f32[" + rows +
         ",6]\n  %7 = matmul(x, %6) transpose_b=true : f32[2," + rows + "]\n  output y = %7\n}\n";
}

TEST_F(HostileGraphs, PlacesOfSparseMatricesAreLookedAt) {
  const auto run = [&](const std::string& text, const char* level) {
    return neap({"run", file("matrix.neap", text), "--random-inputs", "--level", level});
  };
  for (const char* level : {"0", "4"}) {
    EXPECT_EQ(run(sparse_graph("4", "0"), level).code, 0);
    const Ran larger = run(sparse_graph("1000000", "0"), level), outside = run(sparse_graph("4", "77"), level);
    EXPECT_EQ(larger.code, 3);
    EXPECT_TRUE(contains(larger.text, "csr_dense: offsets: sizes are [5], not [1000001]")) << larger.text;
    EXPECT_TRUE(contains(larger.text, "matrix.neap, %6 = csr_dense")) << larger.text;
    EXPECT_EQ(outside.code, 3);
    EXPECT_TRUE(contains(outside.text, "columns: element 0 is 77, outside of 0 to 5")) << outside.text;
    EXPECT_TRUE(contains(outside.text, "matrix.neap, %6 = csr_dense, in graph g, constant %2")) << outside.text;
  }
}

// A disk of a few megabytes, seen by this process and its children alone.
class Disks : public ProgramTest {
 protected:
  void SetUp() override {
    const bool alone = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    std::filesystem::create_directories(disk());
    if (!alone || ::mount("neap", disk().c_str(), "tmpfs", 0, "size=4m") != 0) GTEST_SKIP() << "disks are made by root only";
    mounted_ = true;
    std::string text = "a,b,label\n";
    for (int i = 0; i < 64; ++i)
      text += std::to_string(std::sin(i)) + "," + std::to_string(std::cos(i)) + "," + std::to_string(i % 2) + "\n";
    file("points.csv", text);
  }
  void TearDown() override {
    if (mounted_) ::umount(disk().c_str());
  }
  std::string disk() const { return path("disk"); }
  Ran train(const std::string& epochs) const {
    return neap({"train", "--data", path("points.csv"), "--model", "mlp", "--hidden", "16", "--batch", "16", "--level", "0", "--threads",
                 "1", "--schedule", "constant", "--epochs", epochs, "--out", disk()});
  }
  void fill() const {
    const std::string rest(std::filesystem::space(disk()).available, 'x');
    write_file(disk() + "/rest", rest);
  }

 private:
  bool mounted_ = false;
};

TEST_F(Disks, AFullOneKeepsTheLastCheckpoint) {
  const Ran first = train("2");
  ASSERT_EQ(first.code, 0) << first.text;
  const std::string before = read_file(disk() + "/checkpoint/state.json");
  fill();
  const Ran ran = train("4");
  EXPECT_EQ(ran.code, 3) << ran.text;
  EXPECT_TRUE(contains(ran.text, "is the disk full?") || contains(ran.text, "No space left")) << ran.text;
  EXPECT_EQ(read_file(disk() + "/checkpoint/state.json"), before);
  EXPECT_EQ(load_checkpoint(disk() + "/checkpoint").state.at("epoch"), 2);
  std::filesystem::remove(disk() + "/rest");
  EXPECT_EQ(train("4").code, 0);
}

TEST_F(Disks, AReadOnlyOneIsToldBeforeAnythingIsTrained) {
  ASSERT_EQ(::mount("neap", disk().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const Ran ran = train("2");
  EXPECT_EQ(ran.code, 3);
  EXPECT_TRUE(contains(ran.text, "Read-only file system")) << ran.text;
  EXPECT_FALSE(contains(ran.text, "epoch 1")) << ran.text;
}

TEST_F(Disks, ACacheOnAFullOneOnlyCostsTime) {
  fill();
  ::setenv("NEAP_CACHE", disk().c_str(), 1);
  const Ran ran = neap({"run", small_model(), "--random-inputs"});
  ::unsetenv("NEAP_CACHE");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(ran.text, "y: f32[2,3]")) << ran.text;
}

TEST_F(Disks, WithoutRoomForTheCompilerTheInterpreterAnswers) {
  fill();
  ::setenv("TMPDIR", disk().c_str(), 1);
  ::setenv("NEAP_CACHE", path("cache").c_str(), 1);
  const Ran ran = neap({"run", small_model(), "--random-inputs"});
  ::unsetenv("TMPDIR");
  ::unsetenv("NEAP_CACHE");
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_TRUE(contains(ran.text, "y: f32[2,3]")) << ran.text;
  EXPECT_TRUE(contains(ran.text, "interpreter")) << ran.text;
}

}  // namespace
}  // namespace neap::hostile_test

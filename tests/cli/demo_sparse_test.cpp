// neap demo sparse on a few small pictures: every method runs, and what it leaves can be read.
#include <set>

#include "neap/files/idx.h"
#include "tests/cli/program.h"

namespace neap::demo_sparse_test {
namespace {

class DemoSparse : public ProgramTest {
 protected:
  // Pictures of 28 x 28 whose upper or lower half is bright.
  std::string pictures() const {
    std::filesystem::create_directories(path("data"));
    for (const auto& [part, count] : {std::pair{"train", 64}, std::pair{"t10k", 20}}) {
      Array images = Array::zeros(DType::u8, {count, 28, 28}), labels(DType::u8, {count});
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t k = 0; k < 14 * 28; ++k) images.set(i * 784 + (i % 2) * 392 + k, static_cast<double>(150 + (i * 7 + k) % 100));
        labels.set(i, static_cast<double>(i % 2));
      }
      write_idx(path(std::string("data/") + part + "-images-idx3-ubyte"), images);
      write_idx(path(std::string("data/") + part + "-labels-idx1-ubyte"), labels);
    }
    return path("data");
  }
};

TEST_F(DemoSparse, ComparesTheMethods) {
  const Ran ran = neap({"demo", "sparse", "--data", pictures(), "--out", path("out"), "--epochs", "2", "--batch", "16"});
  EXPECT_TRUE(ran.code == 0 || ran.code == 1) << ran.text;  // on so few pictures a check may fail
  const nlohmann::json figures = nlohmann::json::parse(read_file(path("out/demo.json")));
  std::set<std::string> methods;
  for (const auto& line : figures["accuracy"]) {
    methods.insert(line["name"].get<std::string>());
    for (const auto& point : line["points"]) {
      EXPECT_GE(point[1].get<double>(), 0);
      EXPECT_LE(point[1].get<double>(), 1);
    }
  }
  const std::set<std::string> wanted{"RigL",
                                     "SET",
                                     "dense",
                                     "gradual grouped n:m",
                                     "gradual magnitude",
                                     "grouped n:m, at once",
                                     "grouped n:m, tuned",
                                     "magnitude, at once",
                                     "magnitude, tuned"};
  EXPECT_EQ(methods, wanted);
  EXPECT_TRUE(contains(read_file(path("out/report.html")), "Accuracy over the share of zeros"));
  EXPECT_TRUE(contains(ran.text, "dense"));
}

}  // namespace
}  // namespace neap::demo_sparse_test

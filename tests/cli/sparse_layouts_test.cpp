// A network in every layout, through an ONNX file and back: others see zeros, Neap stores them as they were.
#include <cmath>

#include "neap/files/npy.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/builder.h"
#include "neap/sparse/sparsifier.h"
#include "tests/cli/program.h"

namespace neap::sparse_layouts_test {
namespace {

class SparseLayouts : public ProgramTest {
 protected:
  static Array waves(Sizes sizes, double step) {
    Array made(DType::f32, std::move(sizes));
    for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(step * static_cast<double>(i * i + 1)));
    return made;
  }
  // One layer; as many rows as no group or block has.
  std::string model() const {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {5, 26}, {}}), w = build.input("w", {DType::f32, {35, 26}, {}}, Role::parameter);
    graph.add_output(build.call("matmul", {x, w}, {{"transpose_b", true}}).id(), "y");
    write_onnx(graph, path("model.onnx"), {.parameters = {{"w", waves({35, 26}, 0.7)}}});
    write_npy(path("x.npy"), waves({5, 26}, 0.9));
    return path("model.onnx");
  }
  // What stores exactly what a sparsifier makes is given that one.
  static std::string sparsifier_for(const SparseLayout& layout) {
    for (const sparse::Sparsifier* sparsifier : sparse::all_sparsifiers()) {
      if (sparsifier->layout == layout.name) return sparsifier->name;
    }
    return "magnitude sparsity=0.8";
  }
  Array run_on_input(const std::string& model, const char* level) const {
    const Ran ran = neap({"run", model, "--input", "x=" + path("x.npy"), "--out", path("out"), "--level", level});
    EXPECT_EQ(ran.code, 0) << ran.text;
    return read_npy(path("out/y.npy"));
  }
};

TEST_F(SparseLayouts, GoThroughFilesOfOnnx) {
  const std::string from = model(), to = path("sparse.onnx");
  const Array x = read_npy(path("x.npy"));
  for (const SparseLayout* layout : all_layouts()) {
    for (const char* values : {"", " values=bf16"}) {
      SCOPED_TRACE(layout->name + values);
      const std::string plan = file("plan.json", R"({"weights": [{"names": "w", "sparsifier": ")" + sparsifier_for(*layout) +
                                                     R"(", "layout": ")" + layout->name + values + R"("}]})");
      const Ran ran = neap({"sparsify", from, "--plan", plan, "-o", to});
      ASSERT_EQ(ran.code, 0) << ran.text;
      const Ran shown = neap({"show", to});
      EXPECT_TRUE(contains(shown.text, layout->op("dense"))) << shown.text;
      std::map<std::string, Array> parameters;
      read_onnx(to, {.parameters = &parameters});
      const Array& w = parameters.at("w");  // what others read: zeros
      double kept = 0;
      Array wanted = Array::zeros(DType::f32, {5, 35});
      for (std::int64_t i = 0; i < w.count(); ++i) {
        kept += w.get(i) != 0 ? 1 : 0;
        const std::int64_t row = i / 26, column = i % 26;
        for (std::int64_t k = 0; k < 5; ++k) wanted.set(k * 35 + row, wanted.get(k * 35 + row) + w.get(i) * x.get(k * 26 + column));
      }
      EXPECT_GT(kept, 0);
      EXPECT_LT(kept, 0.6 * static_cast<double>(w.count()));
      const double bound = *values == 0 ? 1e-5 : 0.03;
      const Array y = run_on_input(to, "0");
      for (std::int64_t i = 0; i < y.count(); ++i) EXPECT_NEAR(y.get(i), wanted.get(i), bound);
      const Array quick = run_on_input(to, "4");
      for (std::int64_t i = 0; i < y.count(); ++i) EXPECT_NEAR(quick.get(i), y.get(i), 1e-4);
    }
  }
}

}  // namespace
}  // namespace neap::sparse_layouts_test

// What the plan makes of a linear layer whose weights are stored sparsely, against the same layer dense: never slower, whatever the
// density; and from how many zeros on a layout pays, as a picture: build/sparse_crossover.svg, where there is a folder build.
#include "neap/sparse/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/file.h"
#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/train/step.h"

namespace neap::bench {
namespace {

// A layout by the share of zeros that it stores.
struct Form {
  const char *name, *sparsifier, *layout, *color;
};
constexpr Form forms[] = {{"CSR", "magnitude sparsity={}", "csr", "#2e6fbb"},
                          {"4 x 1 blocks", "blocks sparsity={} r=4 c=1", "", "#c2571a"}};
constexpr Form grouped[] = {
    {"2:4:16", "nmg n=2 m=4 g=16", "", ""}, {"2:8:14", "nmg n=2 m=8 g=14", "", ""}, {"1:10:16", "nmg n=1 m=10 g=16", "", ""}};

Executable layer(std::int64_t out, std::int64_t in, std::int64_t tokens, const std::string& sparsifier, const std::string& layout) {
  Sequential net;
  net.then<Linear>("fc", in, out);
  net.initialize(1);
  if (!sparsifier.empty()) sparse::sparsify(net, sparse::SparsityPlan().add("fc.weight", sparsifier, layout));
  return executable_of(inference_graph(net, {"x", {DType::f32, {tokens, in}, {}}}));
}

// How many times quicker the plan's choice is than dense, by form; a row each.
void compare(std::vector<Row>& rows, std::int64_t out, std::int64_t in, std::int64_t tokens,
             const std::vector<std::pair<std::string, Form>>& all) {
  const Array x = random_array({tokens, in}, 1);
  Executable dense = layer(out, in, tokens, "", "");
  std::vector<Executable> made;
  for (const auto& [name, form] : all) made.push_back(layer(out, in, tokens, form.sparsifier, form.layout));
  std::vector<Candidate> candidates{{"dense", [&] { dense.run({x}); }}};
  for (Executable& one : made) candidates.push_back({"plan", [&] { one.run({x}); }});
  const auto seconds = interleave(candidates, {.rounds = 15, .seconds = 0.004, .clock = Clock::thread});
  for (std::size_t i = 0; i < all.size(); ++i)
    rows.push_back(against(fmt::format("{}x{}, {} tokens, {}", out, in, tokens, all[i].first), "us", 1e6, seconds[i + 1], seconds[0],
                           "dense layer", 0.97));
}

struct Point {
  double zeros, ratio;
};

std::string picture(const std::vector<std::vector<Point>>& curves) {
  constexpr double width = 640, height = 400, left = 60, bottom = 350, right = 500, top = 30;
  const auto x = [&](double zeros) { return left + (right - left) * (zeros - 0.5) / 0.5; };
  const auto y = [&](double ratio) { return bottom - (bottom - top) * std::clamp(std::log2(ratio) + 1, 0.0, 6.0) / 6; };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n", width, height);
  for (const double ratio : {0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0})
    svg += fmt::format(
        "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/><text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}x</text>\n",
        left, right, y(ratio), y(ratio), ratio == 1 ? "#555" : "#ddd", left - 6, y(ratio) + 4, ratio);
  for (const double zeros : {0.5, 0.6, 0.7, 0.8, 0.9, 1.0})
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.0f} %</text>\n", x(zeros), bottom + 18, zeros * 100);
  svg +=
      fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">zeros; how many times quicker than dense, 768 x 768, 384 tokens</text>\n",
                  (left + right) / 2, bottom + 40);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    std::string points;
    for (const Point& point : curves[i]) points += fmt::format("{:.1f},{:.1f} ", x(point.zeros), y(point.ratio));
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n", points, forms[i].color);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" fill=\"{}\">{}</text>\n", right + 8, y(curves[i].back().ratio) + 4, forms[i].color,
                       forms[i].name);
  }
  return svg + "</svg>\n";
}

std::vector<Row> run() {
  const Threads one(1);
  std::vector<Row> rows;
  std::vector<std::string> texts;  // that forms point into
  texts.reserve(64);
  const auto with = [&](const Form& form, double zeros) {
    texts.push_back(fmt::format(fmt::runtime(form.sparsifier), zeros));
    return std::pair(fmt::format("{} at {:g} % zeros", form.name, zeros * 100),
                     Form{form.name, texts.back().c_str(), form.layout, form.color});
  };
  std::vector<std::pair<std::string, Form>> all;
  for (const Form& form : forms) {
    for (const double zeros : {0.0, 0.25, 0.5, 0.75, 0.9, 0.98}) all.push_back(with(form, zeros));
  }
  for (const Form& form : grouped) all.emplace_back(form.name, form);
  for (const std::int64_t tokens : {1, 7, 33, 128, 384}) compare(rows, 768, 768, tokens, all);
  for (const std::int64_t tokens : {8, 200}) compare(rows, 256, 100, tokens, all);

  std::vector<std::pair<std::string, Form>> along;
  const std::vector<double> shares{0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99};
  for (const Form& form : forms) {
    for (const double zeros : shares) along.push_back(with(form, zeros));
  }
  const std::size_t first = rows.size();
  compare(rows, 768, 768, 384, along);
  std::vector<std::vector<Point>> curves(std::size(forms));
  for (std::size_t i = first; i < rows.size(); ++i) {
    rows[i].name = "crossover, " + rows[i].name;
    curves[(i - first) / shares.size()].push_back({shares[(i - first) % shares.size()], rows[i].ratio.value_or(0)});
  }
  if (std::filesystem::is_directory("build")) write_file("build/sparse_crossover.svg", picture(curves));
  return rows;
}

const RegisterTopic topic{{"plan", "linear layers as the plan has them, over shapes and densities; the crossover picture", run}};

}  // namespace
}  // namespace neap::bench

// The picture of a crossover, as SVG.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "neap/sparse/crossover.h"

namespace neap::sparse {
namespace {

constexpr double width = 660, height = 420, left = 64, right = 530, top = 44, bottom = 360;
constexpr double least_ratio = 0.25, most_ratio = 32;

double x_of(double zeros) { return left + (right - left) * (std::clamp(zeros, 0.5, 1.0) - 0.5) / 0.5; }
double y_of(double ratio) {
  return bottom -
         (bottom - top) * std::log2(std::clamp(ratio, least_ratio, most_ratio) / least_ratio) / std::log2(most_ratio / least_ratio);
}

std::string text_at(double x, double y, const char* anchor, const std::string& color, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x, y, anchor, color, text);
}

std::string axes(const std::string& title) {
  std::string svg;
  for (double ratio = least_ratio; ratio <= most_ratio; ratio *= 2) {
    const bool dense = ratio == 1;
    svg += fmt::format("<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", left, right, y_of(ratio), y_of(ratio),
                       dense ? "#555" : "#ddd");
    svg += text_at(left - 6, y_of(ratio) + 4, "end", "#333", fmt::format("{:g}x", ratio));
    if (dense) svg += text_at(left + 4, y_of(ratio) - 4, "start", "#555", "dense");
  }
  for (const double zeros : {0.5, 0.6, 0.7, 0.8, 0.9, 1.0})
    svg += text_at(x_of(zeros), bottom + 18, "middle", "#333", fmt::format("{:.0f} %", zeros * 100));
  svg += text_at(left, top - 20, "start", "#333", title);
  return svg + text_at((left + right) / 2, bottom + 40, "middle", "#333",
                       "zeros; upwards: times quicker than dense. Hollow: the plan leaves it dense");
}

// Where the curves' names stand: beside their ends, from the lowest up, none on another.
std::vector<double> name_places(const std::vector<CrossoverCurve>& curves) {
  constexpr double line = 15;
  std::vector<std::size_t> order;
  std::vector<double> places(curves.size(), 0);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (curves[i].points.empty()) continue;
    order.push_back(i);
    places[i] = y_of(curves[i].points.back().ratio) + 4;
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return places[a] > places[b]; });
  for (std::size_t i = 1; i < order.size(); ++i) places[order[i]] = std::min(places[order[i]], places[order[i - 1]] - line);
  return places;
}

}  // namespace

std::string crossover_picture(const std::string& title, const std::vector<CrossoverCurve>& curves) {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += axes(title);
  const std::vector<double> names = name_places(curves);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const CrossoverCurve& curve = curves[i];
    if (curve.points.empty()) continue;
    std::string line, dots;
    for (const CrossoverPoint& point : curve.points) {
      const double x = x_of(point.zeros), y = y_of(point.ratio);
      line += fmt::format("{}{:.1f},{:.1f}", line.empty() ? "" : " ", x, y);
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" stroke=\"{}\" fill=\"{}\"/>\n", x, y, curve.color,
                          point.pays ? curve.color : "white");
    }
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n{}", line, curve.color, dots);
    svg += text_at(right + 8, names[i], "start", curve.color, curve.name);
  }
  return svg + "</svg>\n";
}

}  // namespace neap::sparse

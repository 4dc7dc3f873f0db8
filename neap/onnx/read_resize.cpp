// Resize and its forerunner Upsample. What the operator `resize` knows goes there; cubic filters and crops become a product with a matrix
// of weights along each axis, which needs known sizes.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "neap/onnx/reader.h"

namespace neap::read_resize_onnx {
namespace {

struct Request {
  std::string mode, coordinates, rounding;
  double cubic = -0.75, extrapolation = 0;
  bool exclude_outside = false;
  bool antialias = false;           // filters are as wide as what a smaller result's element stands for
  std::string policy = "stretch";   // or one scale for all axes, by which no size is above (below) the one asked for
  std::vector<KnownNumber> scales;  // one an axis; empty where sizes are given
  Shape sizes;                      // of the result
  std::vector<double> roi;          // starts, then ends, one an axis
};

Dim scaled(const OnnxNode& node, const Dim& size, const KnownNumber& scale) {
  if (!scale.denominator.is_constant() || scale.denominator.constant() <= 0) node.fail("a scale that is no multiple of sizes");
  return floor_div(size * scale.numerator, scale.denominator.constant());
}

// One scale for all given axes: the least or the greatest of those asked for.
void keep_aspect_ratio(const OnnxNode& node, Request& request, const std::vector<std::int64_t>& axes) {
  const Shape& from = node.type(0).shape;
  std::int64_t numerator = 0, denominator = 1;
  for (const std::int64_t axis : axes) {
    const Dim &wanted = request.sizes[static_cast<std::size_t>(axis)], &size = from[static_cast<std::size_t>(axis)];
    if (!wanted.is_constant() || !size.is_constant() || size.constant() < 1 || std::max(wanted.constant(), size.constant()) > 1 << 30)
      node.fail(fmt::format("the policy {} needs known sizes", request.policy), "give the sizes of the inputs");
    const std::int64_t mine = wanted.constant() * denominator, best = numerator * size.constant();
    if (numerator == 0 || (request.policy == "not_larger" ? mine < best : mine > best)) {
      numerator = wanted.constant();
      denominator = size.constant();
    }
  }
  request.scales.assign(from.size(), {1, 1});
  for (const std::int64_t axis : axes) {
    const auto at = static_cast<std::size_t>(axis);
    request.scales[at] = {numerator, denominator};
    request.sizes[at] = (2 * from[at].constant() * numerator + denominator) / (2 * denominator);
  }
}

// Scales and sizes may stand for some axes only (since opset 18); the others stay.
void read_targets(OnnxNode& node, Request& request, int scales_input, int sizes_input) {
  const Shape from = node.type(0).shape;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < from.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (node.has("axes")) axes = node.axes(node.integers("axes", {}), node.rank(0));
  request.sizes = from;
  const bool by_sizes = sizes_input > 0 && node.has(sizes_input) && !(node.type(sizes_input).shape == Shape{0});
  if (by_sizes) {
    const Shape given = node.sizes(sizes_input);
    if (given.size() != axes.size()) node.fail(fmt::format("{} sizes for {} axes", given.size(), axes.size()));
    for (std::size_t i = 0; i < axes.size(); ++i) request.sizes[static_cast<std::size_t>(axes[i])] = given[i];
    if (request.policy != "stretch") keep_aspect_ratio(node, request, axes);
    return;
  }
  std::optional<KnownTensor> scales;
  if (scales_input == 0) {
    const std::vector<double> numbers = node.numbers("scales", {});
    scales = known_tensor(Array::of(std::vector<float>(numbers.begin(), numbers.end())));
  } else if (node.has(scales_input)) {
    if (!node.known(scales_input)) node.constant(scales_input);
    scales = node.known(scales_input);
  }
  if (!scales || scales->elements.size() != axes.size()) node.fail(fmt::format("one scale is needed for each of {} axes", axes.size()));
  request.scales.assign(from.size(), {1, 1});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto at = static_cast<std::size_t>(axes[i]);
    request.scales[at] = scales->elements[i];
    request.sizes[at] = scaled(node, from[at], scales->elements[i]);
  }
}

double cubic_weight(double distance, double a) {
  const double x = std::abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((x - 5) * x + 8) * a * x - 4 * a;
  return 0;
}

// Where element `at` of the result lies in x.
double position(const Request& request, double at, double scale, double from, double to, double start, double end) {
  if (request.coordinates == "asymmetric") return at / scale;
  if (request.coordinates == "align_corners") return to == 1 ? 0 : at * (from - 1) / (to - 1);
  if (request.coordinates == "pytorch_half_pixel") return to > 1 ? (at + 0.5) / scale - 0.5 : 0;
  if (request.coordinates == "tf_half_pixel_for_nn") return (at + 0.5) / scale;  // opset 11 alone
  if (request.coordinates == "half_pixel_symmetric") return from / 2 * (1 - to / (scale * from)) + (at + 0.5) / scale - 0.5;
  if (request.coordinates == "tf_crop_and_resize")
    return to > 1 ? start * (from - 1) + at * (end - start) * (from - 1) / (to - 1) : 0.5 * (start + end) * (from - 1);
  return (at + 0.5) / scale - 0.5;
}

struct Weights {
  std::vector<double> matrix;  // [to, from]
  std::vector<bool> outside;   // of each row
};

void nearest_row(const Request& request, double x, std::int64_t from, double* row) {
  double at = std::ceil(x - 0.5);
  if (request.rounding == "floor") at = std::floor(x);
  if (request.rounding == "ceil") at = std::ceil(x);
  if (request.rounding == "round_prefer_ceil") at = std::floor(x + 0.5);
  row[static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(from - 1)))] = 1;
}

void filter_row(const Request& request, double x, double scale, std::int64_t from, double* row) {
  const bool cubic = request.mode == "cubic";
  const double narrow = request.antialias ? std::min(scale, 1.0) : 1, reach = (cubic ? 2 : 1) / narrow;
  double total = 0;
  for (auto i = static_cast<std::int64_t>(std::ceil(x - reach)); static_cast<double>(i) <= x + reach; ++i) {
    const double distance = (x - static_cast<double>(i)) * narrow;
    const double weight = cubic ? cubic_weight(distance, request.cubic) : std::max(1 - std::abs(distance), 0.0);
    if (request.exclude_outside && (i < 0 || i >= from)) continue;
    row[std::clamp<std::int64_t>(i, 0, from - 1)] += weight;
    total += weight;
  }
  if ((request.exclude_outside || request.antialias) && total != 0) {
    for (std::int64_t i = 0; i < from; ++i) row[i] /= total;
  }
}

Weights weights(const Request& request, std::size_t axis, std::int64_t from, std::int64_t to) {
  Weights made{std::vector<double>(static_cast<std::size_t>(from * to), 0), {}};
  double scale = static_cast<double>(to) / static_cast<double>(from);
  if (!request.scales.empty()) {
    const KnownNumber& given = request.scales[axis];
    scale = static_cast<double>(given.numerator.constant()) / static_cast<double>(given.denominator.constant());
  }
  const std::size_t rank = request.sizes.size();
  const double start = request.roi.empty() ? 0 : request.roi[axis], end = request.roi.empty() ? 1 : request.roi[rank + axis];
  for (std::int64_t i = 0; i < to; ++i) {
    const double x = position(request, static_cast<double>(i), scale, static_cast<double>(from), static_cast<double>(to), start, end);
    made.outside.push_back(request.coordinates == "tf_crop_and_resize" && !(x >= 0 && x <= static_cast<double>(from - 1)));
    double* row = made.matrix.data() + i * from;
    if (made.outside.back()) continue;
    request.mode == "nearest" ? nearest_row(request, x, from, row) : filter_row(request, x, scale, from, row);
  }
  return made;
}

// y[..., i, ...] = sum_j w[i, j] * x[..., j, ...]
Var along_axis(const Var& x, int axis, const Weights& w, std::int64_t to, double extrapolation) {
  Builder& build = x.build();
  const std::int64_t from = x.size(axis).constant();
  const Var matrix = build.constant(Array::of(w.matrix, {to, from}).cast(x.dtype()));
  Shape rows{1, 1, from};
  rows[0] = element_count(Shape(x.shape().begin(), x.shape().begin() + axis));
  rows[1] = from;
  rows[2] = element_count(Shape(x.shape().begin() + axis + 1, x.shape().end()));
  Shape shape = x.shape();
  shape[static_cast<std::size_t>(axis)] = to;
  const Var y = reshape(matmul(matrix, reshape(x, rows)), shape);
  if (std::find(w.outside.begin(), w.outside.end(), true) == w.outside.end()) return y;
  Sizes line(static_cast<std::size_t>(x.rank()), 1);
  line[static_cast<std::size_t>(axis)] = to;
  Array mask(DType::boolean, line);
  for (std::int64_t i = 0; i < to; ++i) mask.set_int(i, w.outside[static_cast<std::size_t>(i)] ? 1 : 0);
  return where(build.constant(std::move(mask)), build.constant(x.dtype(), extrapolation), y);
}

void give_by_matrices(OnnxNode& node, const Request& request) {
  constexpr std::int64_t most = 1 << 20;
  Var x = node.input(0);
  for (int axis = 0; axis < x.rank(); ++axis) {
    const Dim &from = x.size(axis), &to = request.sizes[static_cast<std::size_t>(axis)];
    const bool cropped = request.coordinates == "tf_crop_and_resize";
    if (from == to && !cropped) continue;
    if (!from.is_constant() || !to.is_constant())
      node.fail(fmt::format("mode {} with {} needs known sizes", request.mode, request.coordinates), "give the sizes of the inputs");
    if (from.constant() < 1 || to.constant() < 0 || to.constant() > most / from.constant())
      node.fail(fmt::format("{} to {} elements", from.to_string(), to.to_string()));
    const Weights w = weights(request, static_cast<std::size_t>(axis), from.constant(), to.constant());
    x = along_axis(x, axis, w, to.constant(), request.extrapolation);
  }
  node.give(x);
}

void give_resized(OnnxNode& node, const Request& request) {
  static const std::vector<std::string> known{"half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"};
  const bool direct = (request.mode == "nearest" || request.mode == "linear") && !request.exclude_outside && !request.antialias &&
                      std::find(known.begin(), known.end(), request.coordinates) != known.end();
  if (!direct) return give_by_matrices(node, request);
  const Var x = node.input(0);
  std::size_t first = 0;
  while (first < request.sizes.size() && request.sizes[first] == x.shape()[first]) ++first;
  if (first == request.sizes.size()) return node.give(unary("identity", x));
  Attributes attributes{{"mode", request.mode}, {"coordinates", request.coordinates}, {"rounding", request.rounding}};
  const bool constant_scales = !request.scales.empty() && std::all_of(request.scales.begin(), request.scales.end(),
                                                                      [](const KnownNumber& s) { return s.is_constant(); });
  if (constant_scales) {
    std::vector<double> scales;
    for (std::size_t i = first; i < request.scales.size(); ++i)
      scales.push_back(static_cast<double>(request.scales[i].numerator.constant()) /
                       static_cast<double>(request.scales[i].denominator.constant()));
    attributes["scales"] = scales;
  } else {
    attributes["sizes"] = Shape(request.sizes.begin() + static_cast<std::ptrdiff_t>(first), request.sizes.end());
  }
  node.give(node.build().call("resize", {x}, std::move(attributes)));
}

// Starts, then ends, of all axes; those that are not given stay whole.
std::vector<double> read_region(OnnxNode& node) {
  const auto rank = static_cast<std::size_t>(node.rank(0));
  const std::vector<double> given = node.numbers(1);
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has("axes")) axes = node.axes(node.integers("axes", {}), node.rank(0));
  if (given.size() != 2 * axes.size()) node.fail(fmt::format("{} numbers for the region", given.size()));
  std::vector<double> region(rank, 0);
  region.resize(2 * rank, 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    region[static_cast<std::size_t>(axes[i])] = given[i];
    region[rank + static_cast<std::size_t>(axes[i])] = given[axes.size() + i];
  }
  return region;
}

void read_resize(OnnxNode& node) {
  Request request;
  request.mode = node.text("mode", "nearest");
  request.coordinates = node.text("coordinate_transformation_mode", "half_pixel");
  request.rounding = node.text("nearest_mode", "round_prefer_floor");
  static const std::vector<std::string> coordinates{"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",  "asymmetric",
                                                    "align_corners", "tf_crop_and_resize",   "tf_half_pixel_for_nn"};
  static const std::vector<std::string> roundings{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  if (std::find(coordinates.begin(), coordinates.end(), request.coordinates) == coordinates.end())
    node.fail(fmt::format("the coordinates '{}' are not known", request.coordinates.substr(0, 40)));
  if (std::find(roundings.begin(), roundings.end(), request.rounding) == roundings.end())
    node.fail(fmt::format("the nearest_mode '{}' is not known", request.rounding.substr(0, 40)));
  request.cubic = node.number("cubic_coeff_a", -0.75);
  request.exclude_outside = node.flag("exclude_outside", false);
  request.extrapolation = node.number("extrapolation_value", 0);
  request.antialias = node.flag("antialias", false);
  request.policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (request.policy != "stretch" && request.policy != "not_larger" && request.policy != "not_smaller")
    node.fail("keep_aspect_ratio_policy is none of stretch, not_larger, not_smaller");
  if (request.mode != "nearest" && request.mode != "linear" && request.mode != "cubic")
    node.fail("the mode is none of nearest, linear, cubic");
  read_targets(node, request, 2, 3);
  if (request.coordinates == "tf_crop_and_resize") {
    request.roi = read_region(node);
  }
  give_resized(node, request);
}

// Until opset 10: x's elements lie at i / scale, and the one below is taken.
void read_upsample(OnnxNode& node, int scales_input) {
  Request request{.mode = node.text("mode", "nearest"), .coordinates = "asymmetric", .rounding = "floor"};
  if (request.mode == "bilinear") request.mode = "linear";
  if (request.mode != "nearest" && request.mode != "linear") node.fail("the mode is neither nearest nor linear");
  read_targets(node, request, scales_input, -1);
  give_resized(node, request);
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "Resize", .since = 11, .read = read_resize}},
    RegisterOnnx{{.type = "Resize", .since = 10, .read = [](OnnxNode& node) { read_upsample(node, 1); }}},
    RegisterOnnx{{.type = "Upsample", .since = 7, .read = [](OnnxNode& node) { read_upsample(node, 0); }}},
    RegisterOnnx{{.type = "Upsample", .since = 9, .read = [](OnnxNode& node) { read_upsample(node, 1); }}},
};

}  // namespace
}  // namespace neap::read_resize_onnx

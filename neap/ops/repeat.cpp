// Copies of a tensor side by side, or of each element.
#include <algorithm>

#include "neap/ops/builder.h"

namespace neap::repeat_operator {
namespace {

void check_repeats(const Call& call, const Shape& repeats) {
  for (const Dim& times : repeats) {
    if (times.is_constant() && times.constant() < 0) call.fail(fmt::format("{} repeats", times.constant()));
  }
}

// [a, b] becomes [1, a, 1, b], then [r0, a, r1, b], then [r0 * a, r1 * b].
Var tiled(const Var& x, const Shape& repeats) {
  Shape opened, wide, result;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const std::size_t extra = repeats.size() - x.shape().size();
    const Dim size = i < extra ? Dim(1) : x.shape()[i - extra];
    opened.insert(opened.end(), {Dim(1), size});
    wide.insert(wide.end(), {repeats[i], size});
    result.push_back(repeats[i] * size);
  }
  return reshape(expand(reshape(x, opened), wide), result);
}

const Register tile_operator{{.name = "tile",
                              .about = "x as often as wanted along each axis",
                              .inputs = {{"x"}},
                              .attributes = {{"repeats", Shape{}, "how often, one an axis; more than x has axes adds some in front", true}},
                              .compose = [](Builder&, const std::vector<Var>& x, const Call& call) {
                                Shape repeats = call.dims("repeats");
                                check_repeats(call, repeats);
                                const auto rank = static_cast<std::size_t>(x[0].rank());
                                if (repeats.size() < rank) repeats.insert(repeats.begin(), rank - repeats.size(), Dim(1));
                                return std::vector<Var>{tiled(x[0], repeats)};
                              }}};

const Register repeat_operator{
    {.name = "repeat",
     .about = "each element along an axis as often as wanted",
     .inputs = {{"x"}},
     .attributes = {{"repeats", Shape{}, "how often: one size", true}, {"axis", std::int64_t{0}, "along which axis"}},
     .compose = [](Builder&, const std::vector<Var>& x, const Call& call) {
       const int axis = call.axis("axis", x[0].rank());
       if (call.dims("repeats").size() != 1) call.fail("takes one number of repeats");
       check_repeats(call, call.dims("repeats"));
       const Dim& times = call.dims("repeats")[0];
       Shape opened = x[0].shape(), result = opened;
       result[static_cast<std::size_t>(axis)] *= times;
       opened.insert(opened.begin() + axis + 1, Dim(1));
       Shape wide = opened;
       wide[static_cast<std::size_t>(axis) + 1] = times;
       return std::vector<Var>{reshape(expand(reshape(x[0], opened), wide), result)};
     }}};

// [N, C, H, W] with C in blocks, or H and W in blocks.
Shape spatial(const Call& call, std::int64_t& block) {
  block = call.integer("block");
  if (call.input(0).rank() != 4) call.fail("takes [N, C, H, W]");
  if (block < 1) call.fail(fmt::format("a block of {}", block));
  return call.input(0).shape;
}
Dim divided(const Call& call, const Dim& size, std::int64_t by) {
  Dim quotient;
  if (!Dim::divide_exactly(size, by, quotient)) call.fail(fmt::format("a size of {} does not divide by {}", size.to_string(), by));
  return quotient;
}

const Register depth_to_space{
    {.name = "depth_to_space",
     .about = "blocks of channels become blocks of rows and columns",
     .inputs = {{"x"}},
     .attributes = {{"block", std::int64_t{2}, "rows and columns of a block", true},
                    {"mode", std::string("DCR"), "DCR: the block is the outer part of the channels; CRD: the inner"}},
     .compose =
         [](Builder&, const std::vector<Var>& x, const Call& call) {
           std::int64_t b = 1;
           const Shape s = spatial(call, b);
           if (b > (1 << 15)) call.fail(fmt::format("a block of {}", b));
           const Dim c = divided(call, s[1], b * b);
           const std::string& mode = call.text("mode");
           if (mode != "DCR" && mode != "CRD") call.fail("mode is neither DCR nor CRD");
           const Var blocks = mode == "DCR" ? transpose(reshape(x[0], {s[0], b, b, c, s[2], s[3]}), {0, 3, 4, 1, 5, 2})
                                            : transpose(reshape(x[0], {s[0], c, b, b, s[2], s[3]}), {0, 1, 4, 2, 5, 3});
           return std::vector<Var>{reshape(blocks, {s[0], c, s[2] * Dim(b), s[3] * Dim(b)})};
         },
     .onnx = {{"DepthToSpace", 1, {{"blocksize", "block"}, {"mode", "mode"}}}}}};

const Register space_to_depth{{.name = "space_to_depth",
                               .about = "blocks of rows and columns become blocks of channels",
                               .inputs = {{"x"}},
                               .attributes = {{"block", std::int64_t{2}, "rows and columns of a block", true}},
                               .compose =
                                   [](Builder&, const std::vector<Var>& x, const Call& call) {
                                     std::int64_t b = 1;
                                     const Shape s = spatial(call, b);
                                     if (b > (1 << 15)) call.fail(fmt::format("a block of {}", b));
                                     const Dim h = divided(call, s[2], b), w = divided(call, s[3], b);
                                     const Var blocks = transpose(reshape(x[0], {s[0], s[1], h, b, w, b}), {0, 3, 5, 1, 2, 4});
                                     return std::vector<Var>{reshape(blocks, {s[0], s[1] * Dim(b * b), h, w})};
                                   },
                               .onnx = {{"SpaceToDepth", 1, {{"blocksize", "block"}}}}}};

}  // namespace
}  // namespace neap::repeat_operator

// Reads at indices that are data: along an axis, per element, by tuples of indices; rows of a table.
#include "neap/ops/indexing.h"

namespace neap::gather_operator {
namespace {

// y[a..., i..., b...] = x[a..., indices[i...], b...]
void define_gather(Definition& d, int table, int indices, int axis, bool negative) {
  check_indices(d.call(), indices);
  const Type &x = d.call().input(table), &where = d.call().input(indices);
  std::vector<Axis> axes;
  std::vector<Expr> index, place;
  const auto add = [&](const Dim& size) {
    axes.push_back(d.axis(fmt::format("i{}", axes.size()), size));
    return axis_position(axes.back());
  };
  for (int i = 0; i < axis; ++i) index.push_back(add(x.shape[static_cast<std::size_t>(i)]));
  for (const Dim& size : where.shape) place.push_back(add(size));
  const Expr at = d.read(indices, place);
  index.push_back(negative ? wrapped(at, d.size(table, axis)) : cast(at, DType::i64));
  for (int i = axis + 1; i < x.rank(); ++i) index.push_back(add(x.shape[static_cast<std::size_t>(i)]));
  d.output(x.dtype, axes, d.read(table, index));
}

Var scatter_add(const GradientContext& g, const Var& indices, const Dim& size, int axis) {
  return g.build.call("scatter_add", {g.cotangents[0], indices}, {{"axis", std::int64_t{axis}}, {"size", Shape{size}}});
}

const Register gather_operator{
    {.name = "gather",
     .about = "y[a, i, b] = x[a, indices[i], b]; negative indices count from the end",
     .inputs = {{"x"}, {"indices"}},
     .attributes = {{"axis", std::int64_t{0}, "of x, which the axes of indices replace"}},
     .define = [](Definition& d) { define_gather(d, 0, 1, d.call().axis("axis", d.call().input(0).rank()), true); },
     .gradient =
         [](const GradientContext& g) {
           const int axis = g.call.axis("axis", g.inputs[0].rank());
           return std::vector<Var>{scatter_add(g, g.inputs[1], g.inputs[0].size(axis), axis), Var()};
         },
     .onnx = {{"Gather", 1, {{"axis", "axis"}}}}}};

const Register embedding_operator{{.name = "embedding",
                                   .about = "y[i, f] = table[indices[i], f]",
                                   .inputs = {{"table"}, {"indices"}},
                                   .define =
                                       [](Definition& d) {
                                         if (d.call().input(0).rank() == 0) d.call().fail("a table has rows", "give it an axis");
                                         define_gather(d, 0, 1, 0, false);
                                       },
                                   .gradient =
                                       [](const GradientContext& g) {
                                         return std::vector<Var>{scatter_add(g, g.inputs[1], g.inputs[0].size(0), 0), Var()};
                                       }}};

const Register gather_elements_operator{
    {.name = "gather_elements",
     .about = "y[a, i, b] = x[a, indices[a, i, b], b]; negative indices count from the end",
     .inputs = {{"x"}, {"indices"}},
     .attributes = {{"axis", std::int64_t{0}, "along which axis the indices point"}},
     .define =
         [](Definition& d) {
           check_indices(d.call(), 1);
           const int rank = d.call().input(0).rank(), axis = d.call().axis("axis", rank);
           if (d.call().input(1).rank() != rank) d.call().fail("x and indices differ in rank");
           const std::vector<Axis> axes = d.axes_like(1);
           for (int i = 0; i < rank; ++i) {
             const Dim &mine = d.size(1, i), &theirs = d.size(0, i);
             if (i != axis && mine.is_constant() && theirs.is_constant() && mine.constant() > theirs.constant())
               d.call().fail(fmt::format("indices have {} elements on axis {}, x only {}", mine.constant(), i, theirs.constant()));
           }
           std::vector<Expr> index = positions(axes);
           index[static_cast<std::size_t>(axis)] = wrapped(d.read(1, index), d.size(0, axis));
           d.output(d.dtype(0), axes, d.read(0, index));
         },
     .onnx = {{"GatherElements", 11, {{"axis", "axis"}}}}}};

const Register gather_nd_operator{{.name = "gather_nd",
                                   .about = "y[i, b] = x[indices[i, 0], indices[i, 1], ..., b]; negative indices count from the end",
                                   .inputs = {{"x"}, {"indices"}},
                                   .attributes = {{"batch_axes", std::int64_t{0}, "how many first axes x and indices have in common"}},
                                   .define =
                                       [](Definition& d) {
                                         check_indices(d.call(), 1);
                                         const Type &x = d.call().input(0), &where = d.call().input(1);
                                         const auto batch = static_cast<int>(d.call().integer("batch_axes"));
                                         if (where.rank() == 0 || batch < 0 || batch >= where.rank() || batch > x.rank())
                                           d.call().fail("indices have too few axes");
                                         const Dim& last = where.shape.back();
                                         if (!last.is_constant() || last.constant() > x.rank() - batch)
                                           d.call().fail(fmt::format("the last axis of indices has {} elements", last.to_string()),
                                                         "it holds one index for each of the first axes of x");
                                         std::vector<Axis> axes;
                                         for (int i = 0; i + 1 < where.rank(); ++i)
                                           axes.push_back(d.axis(fmt::format("i{}", i), where.shape[static_cast<std::size_t>(i)]));
                                         std::vector<Expr> place = positions(axes), index(place.begin(), place.begin() + batch);
                                         for (int i = 0; i < batch; ++i) {
                                           if (!(d.size(0, i) == d.size(1, i)))
                                             d.call().fail(fmt::format("axis {} of x and indices differ", i));
                                         }
                                         place.emplace_back(0);
                                         for (std::int64_t k = 0; k < last.constant(); ++k) {
                                           place.back() = Expr(k);
                                           index.push_back(wrapped(d.read(1, place), d.size(0, static_cast<int>(index.size()))));
                                         }
                                         while (static_cast<int>(index.size()) < x.rank()) {
                                           axes.push_back(
                                               d.axis(fmt::format("i{}", axes.size()), d.size(0, static_cast<int>(index.size()))));
                                           index.push_back(axis_position(axes.back()));
                                         }
                                         d.output(x.dtype, axes, d.read(0, index));
                                       },
                                   .onnx = {{"GatherND", 11, {{"batch_dims", "batch_axes"}}}}}};

}  // namespace
}  // namespace neap::gather_operator

// Writes at indices that are data. Several updates of one element are added, or the largest, the smallest or the last in row-major order
// stays: the result is the same for every order of running.
#include <algorithm>

#include "neap/ops/indexing.h"

namespace neap::scatter_operator {
namespace {

constexpr const char* reduction_about = "how updates of one element join what is there: none (the last one replaces it), add, max or min";

// y[a, indices[i], b] += updates[a, i, b]
void define_scatter_add(Definition& d) {
  check_indices(d.call(), 1);
  const Type &updates = d.call().input(0), &where = d.call().input(1);
  if (d.call().dims("size").size() != 1) d.call().fail("takes one size");
  const int rank = updates.rank() - where.rank() + 1;
  if (rank < 1) d.call().fail("indices have more axes than updates");
  const int axis = d.call().axis("axis", rank);
  const std::vector<Axis> axes = d.axes_like(0);
  std::vector<Expr> all = positions(axes), place(all.begin() + axis, all.begin() + axis + where.rank());
  for (int i = 0; i < where.rank(); ++i) {
    if (!(d.size(1, i) == d.size(0, axis + i))) d.call().fail(fmt::format("axis {} of indices does not fit updates", i));
  }
  Type type{updates.dtype, updates.shape, {}};
  type.shape.erase(type.shape.begin() + axis, type.shape.begin() + axis + where.rank());
  type.shape.insert(type.shape.begin() + axis, d.call().dims("size")[0]);
  std::vector<Expr> index(all.begin(), all.begin() + axis);
  index.push_back(wrapped(d.read(1, place), d.call().dims("size")[0]));
  index.insert(index.end(), all.begin() + axis + where.rank(), all.end());
  d.scatter(type, index, d.read(0, all), Accumulate::sum);
}

const Register scatter_add_operator{
    {.name = "scatter_add",
     .about = "y[a, indices[i], b] += updates[a, i, b], from 0",
     .inputs = {{"updates"}, {"indices"}},
     .attributes = {{"size", Shape{}, "of the axis of the result that the indices point along", true},
                    {"axis", std::int64_t{0}, "of the result, which replaces the axes of indices"}},
     .define = define_scatter_add,
     .gradient = [](const GradientContext& g) {
       return std::vector<Var>{g.build.call("gather", {g.cotangents[0], g.inputs[1]}, {{"axis", g.call.integer("axis")}}), Var()};
     }}};

// The places that updates go to, for the two ways of giving indices.
using Places = std::vector<Expr> (*)(Definition& d, const std::vector<Axis>& axes, const Shape& shape);

std::vector<Expr> element_places(Definition& d, const std::vector<Axis>& axes, const Shape& shape) {
  const int rank = static_cast<int>(shape.size()), axis = d.call().axis("axis", rank);
  if (!(d.call().input(0).shape == d.call().input(1).shape) || static_cast<int>(axes.size()) != rank)
    d.call().fail("updates and indices must have one shape, of x's rank");
  for (int i = 0; i < rank; ++i) {
    const Dim &mine = d.size(0, i), &theirs = shape[static_cast<std::size_t>(i)];
    if (i != axis && mine.is_constant() && theirs.is_constant() && mine.constant() > theirs.constant())
      d.call().fail(fmt::format("updates have {} elements on axis {}, the result {}", mine.constant(), i, theirs.constant()));
  }
  std::vector<Expr> index = positions(axes);
  index[static_cast<std::size_t>(axis)] = wrapped(d.read(1, index), shape[static_cast<std::size_t>(axis)]);
  return index;
}

std::vector<Expr> tuple_places(Definition& d, const std::vector<Axis>& axes, const Shape& shape) {
  const Type &updates = d.call().input(0), &where = d.call().input(1);
  const auto rank = static_cast<std::int64_t>(shape.size());
  if (where.rank() == 0 || !where.shape.back().is_constant() || where.shape.back().constant() > rank)
    d.call().fail("the last axis of indices does not fit the shape", "it holds one index for each of the first axes");
  const std::int64_t tuple = where.shape.back().constant();
  Shape wanted(where.shape.begin(), where.shape.end() - 1);
  wanted.insert(wanted.end(), shape.begin() + tuple, shape.end());
  if (!(wanted == updates.shape))
    d.call().fail(fmt::format("updates are {}, not {}", to_string(updates.shape), to_string(wanted)),
                  "one update for each tuple of indices");
  const std::vector<Expr> all = positions(axes);
  std::vector<Expr> place(all.begin(), all.begin() + (where.rank() - 1)), index;
  place.emplace_back(0);
  for (std::int64_t k = 0; k < tuple; ++k) {
    place.back() = Expr(k);
    index.push_back(wrapped(d.read(1, place), shape[static_cast<std::size_t>(k)]));
  }
  index.insert(index.end(), all.begin() + (where.rank() - 1), all.end());
  return index;
}

// What only the updates make: starts at 0, lowest or highest.
Operator accumulating(const char* name, const char* about, Places places, AttributeSpec extra, const char* gather) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"updates"}, {"indices"}};
  op.attributes = {{"shape", Shape{}, "of the result", true}, {"reduction", std::string("add"), "add, max or min"}};
  if (!extra.name.empty()) op.attributes.push_back(extra);
  op.define = [places](Definition& d) {
    check_indices(d.call(), 1);
    const Shape& shape = d.call().dims("shape");
    const std::vector<Axis> axes = d.axes_like(0);
    d.scatter({d.dtype(0), shape, {}}, places(d, axes, shape), d.read(0, positions(axes)), accumulation(d.call(), "reduction"));
  };
  op.gradient = [gather, extra, name](const GradientContext& g) {
    Attributes where;
    if (!extra.name.empty()) where[extra.name] = g.call.integer(extra.name);
    const auto spread = [&](const Var& value) { return g.build.call(gather, {value, g.inputs[1]}, where); };
    if (g.call.text("reduction") == "add") return std::vector<Var>{spread(g.cotangents[0]), Var()};
    const auto collect = [&](const Var& value) {
      Attributes adding = g.call.attributes();
      adding["reduction"] = std::string("add");
      return g.build.call(name, {value, g.inputs[1]}, adding);
    };
    return std::vector<Var>{shared_by_ties(g.inputs[0], g.outputs[0], g.cotangents[0], spread, collect), Var()};
  };
  return op;
}

const AttributeSpec axis_attribute{"axis", std::int64_t{0}, "along which axis the indices point"};
const Register accumulate_elements{accumulating("accumulate_elements", "y[a, indices[a, i, b], b] joins updates[a, i, b]", element_places,
                                                axis_attribute, "gather_elements")};
const Register accumulate_nd{
    accumulating("accumulate_nd", "y[indices[i, 0], indices[i, 1], ..., b] joins updates[i, b]", tuple_places, {}, "gather_nd")};

// y = the update whose row-major number `winner` holds; x where that is negative.
const Register pick_update{{.name = "pick_update",
                            .about = "y[i] = winner[i] < 0 ? x[i] : updates[winner[i]]",
                            .inputs = {{"x"}, {"winner"}, {"updates"}},
                            .define = [](Definition& d) {
                              if (d.dtype(0) != d.dtype(2)) d.call().fail("x and updates differ in dtype", "cast one of them");
                              if (!(d.call().input(0).shape == d.call().input(1).shape)) d.call().fail("x and winner differ in shape");
                              check_indices(d.call(), 1);
                              const std::vector<Axis> axes = d.axes_like(0);
                              const Expr winner = cast(d.read(1, positions(axes)), DType::i64);
                              const Expr update = d.read(2, {winner}, constant(d.dtype(0), 0));
                              d.output(d.dtype(0), axes, select(winner < Expr(0), d.read(0, positions(axes)), update));
                            }}};

// Updates join x by a reduction, or replace it: then the number of the last update of each element is found first.
Var scattered(Builder& build, const std::vector<Var>& inputs, const Call& call, const char* accumulate, Attributes attributes) {
  const Var &x = inputs[0], &indices = inputs[1], &updates = inputs[2];
  attributes["shape"] = x.shape();
  const std::string& reduction = call.text("reduction");
  if (reduction == "none") {
    const Dim count = element_count(updates.shape());
    const Var numbers = build.call("arange", {}, {{"size", Shape{count}}, {"dtype", DType::i64}});
    attributes["reduction"] = std::string("max");
    const Var winner = build.call(accumulate, {reshape(numbers, updates.shape()), indices}, attributes);
    return build.call("pick_update", {x, winner, reshape(updates, {count})});
  }
  accumulation(call, "reduction");
  attributes["reduction"] = reduction;
  const Var joined = build.call(accumulate, {updates, indices}, attributes);
  return reduction == "add" ? x + joined : build.call(reduction == "max" ? "maximum" : "minimum", {x, joined});
}

const Register scatter_elements_operator{
    {.name = "scatter_elements",
     .about = "x with x[a, indices[a, i, b], b] = updates[a, i, b]",
     .inputs = {{"x"}, {"indices"}, {"updates"}},
     .attributes = {axis_attribute, {"reduction", std::string("none"), reduction_about}},
     .compose =
         [](Builder& build, const std::vector<Var>& x, const Call& call) {
           return std::vector<Var>{scattered(build, x, call, "accumulate_elements", {{"axis", call.integer("axis")}})};
         },
     .onnx = {{"ScatterElements", 11, {{"axis", "axis"}, {"reduction", "reduction"}}}, {"Scatter", 9, {{"axis", "axis"}}}}}};

const Register scatter_nd_operator{
    {.name = "scatter_nd",
     .about = "x with x[indices[i, 0], indices[i, 1], ..., b] = updates[i, b]",
     .inputs = {{"x"}, {"indices"}, {"updates"}},
     .attributes = {{"reduction", std::string("none"), reduction_about}},
     .compose = [](Builder& build, const std::vector<Var>& x,
                   const Call& call) { return std::vector<Var>{scattered(build, x, call, "accumulate_nd", {})}; },
     .onnx = {{"ScatterND", 11, {{"reduction", "reduction"}}}}}};

}  // namespace
}  // namespace neap::scatter_operator

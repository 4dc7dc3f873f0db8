// Cross entropy of logits against class numbers; the gradient is softmax minus one-hot, in one map.
#include <array>
#include <cmath>

#include "neap/ops/composition.h"

namespace neap::cross_entropy_operator {
namespace {

const AttributeSpec smoothing_attribute{"label_smoothing", 0.0, "share of the target spread evenly over the classes (Szegedy et al. 2016)"};

// labels of x[N,C,d...]: [N,d...]
void check_labels(const Call& call) {
  const Type &x = call.input(0), &labels = call.input(1);
  if (!is_float(x.dtype) || x.rank() < 2) call.fail("takes floating-point logits [N,C,...]");
  if (!is_integer(labels.dtype)) call.fail(fmt::format("labels are {}", name(labels.dtype)), "class numbers of an integer dtype");
  Shape expected = x.shape;
  expected.erase(expected.begin() + 1);
  if (labels.shape != expected) {
    call.fail(fmt::format("labels of shape {} for logits of shape {}", to_string(labels.shape), to_string(x.shape)),
              "one label a row: " + to_string(expected));
  }
}

double smoothing(const Call& call) {
  const double share = call.number("label_smoothing");
  if (!(share >= 0 && share <= 1)) call.fail(fmt::format("label_smoothing is {}", share), "from 0 to 1");
  return share;
}

// Row axes n, d... of x[n, c, d...] and a class: the index of x.
std::vector<Expr> with_class(const std::vector<Axis>& rows, const Expr& c) {
  std::vector<Expr> index = positions(rows);
  index.insert(index.begin() + 1, c);
  return index;
}

// A label that is no class makes NaN, which training notices, rather than a read out of bounds.
void define_pick(Definition& d) {
  check_labels(d.call());
  const std::vector<Axis> rows = d.axes_like(1);
  const Expr label = cast(d.read(1, positions(rows)), DType::i64);
  d.output(d.dtype(0), rows, d.read(0, with_class(rows, label), constant(d.dtype(0), std::nan(""))));
}

const Register pick_class{{.name = "pick_class",
                           .about = "y[n,...] = x[n, labels[n,...], ...]; NaN where the label is no class",
                           .inputs = {{"x"}, {"labels"}},
                           .define = define_pick,
                           .gradient = [](const GradientContext& g) {
                             return std::vector<Var>{g.build.call("spread_class", {g.inputs[1], g.cotangents[0]},
                                                                  {{"classes", std::vector<Dim>{g.inputs[0].size(1)}}})};
                           }}};

const Register spread_class{{.name = "spread_class",
                             .about = "y[n,c,...] = v[n,...] where c is labels[n,...], else 0",
                             .inputs = {{"labels"}, {"v"}},
                             .attributes = {{"classes", std::vector<Dim>{}, "how many classes", true}},
                             .define =
                                 [](Definition& d) {
                                   if (d.call().dims("classes").size() != 1) d.call().fail("classes is one size");
                                   if (d.call().input(0).shape != d.call().input(1).shape || d.call().input(0).rank() < 1)
                                     d.call().fail("one label a value");
                                   if (!is_integer(d.dtype(0))) d.call().fail("labels are integers");
                                   std::vector<Axis> axes;
                                   for (int i = 0; i < d.call().input(0).rank(); ++i) {
                                     axes.push_back(d.axis(fmt::format("i{}", i), d.size(0, i)));
                                     if (i == 0) axes.push_back(d.axis("c", d.call().dims("classes")[0]));
                                   }
                                   std::vector<Expr> row = positions(axes);
                                   const Expr c = row[1];
                                   row.erase(row.begin() + 1);
                                   d.output(d.dtype(1), axes,
                                            select(cast(d.read(0, row), DType::i64) == c, d.read(1, row), constant(d.dtype(1), 0)));
                                 },
                             .gradient =
                                 [](const GradientContext& g) {
                                   return std::vector<Var>{{}, g.build.call("pick_class", {g.cotangents[0], g.inputs[0]})};
                                 }}};

// With total = logsumexp(x) and smoothing s: loss = total - (1 - s) x[label] - s mean(x).
std::vector<Var> compose(Builder& build, const std::vector<Var>& inputs, const Call& call) {
  check_labels(call);
  const Var& x = inputs[0];
  const double share = smoothing(call);
  Var loss = build.call("logsumexp", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  const Var picked = build.call("pick_class", {x, inputs[1]});
  loss = share > 0 ? loss - picked * (1 - share) - mean(x, {1}) * share : loss - picked;
  return {reduce_loss(loss, call)};
}

Var row_cotangent(const GradientContext& g) {
  const Var& dy = g.cotangents[0];
  const std::string& reduction = g.call.text("reduction");
  if (reduction == "none") return dy;
  const Shape& rows = g.inputs[1].shape();
  return expand(reduction == "sum" ? dy : dy / size_number(g.build, dy.dtype(), element_count(rows)), rows);
}

const Register cross_entropy{{.name = "cross_entropy",
                              .about = "-log softmax(x)[label] along axis 1, over all rows; NaN where the label is no class",
                              .inputs = {{"logits"}, {"labels"}},
                              .attributes = {reduction_attribute(), smoothing_attribute},
                              .compose = compose,
                              .gradient = [](const GradientContext& g) {
                                const Var total = g.build.call("logsumexp", {g.inputs[0]}, {{"axes", std::vector<std::int64_t>{1}}});
                                return std::vector<Var>{g.build.call("cross_entropy_gradient",
                                                                     {g.inputs[0], g.inputs[1], total, row_cotangent(g)},
                                                                     {{"label_smoothing", g.call.number("label_smoothing")}})};
                              }}};

const Register cross_entropy_gradient{
    {.name = "cross_entropy_gradient",
     .about = "(exp(x - total) - (1 - s) [c == label] - s / C) * v: softmax minus the target, times each row's cotangent",
     .inputs = {{"logits"}, {"labels"}, {"total"}, {"v"}},
     .attributes = {smoothing_attribute},
     .define = [](Definition& d) {
       const Call& call = d.call();
       check_labels(call);
       for (const int i : std::array{2, 3}) {
         if (call.input(i).shape != call.input(1).shape || d.dtype(i) != d.dtype(0)) call.fail("total and v hold one number a row");
       }
       const double share = smoothing(call);
       const std::vector<Axis> axes = d.axes_like(0);
       std::vector<Expr> row = positions(axes);
       row.erase(row.begin() + 1);
       const DType dtype = d.dtype(0);
       const Expr hit = cast(d.read(1, row), DType::i64) == d.at(axes[1]);
       const Expr target =
           select(hit, constant(dtype, 1 - share), constant(dtype, 0)) + constant(dtype, share) / cast(Expr(d.size(0, 1)), dtype);
       d.output(dtype, axes, (exp(d.read(0, positions(axes)) - d.read(2, row)) - target) * d.read(3, row));
     }}};

}  // namespace
}  // namespace neap::cross_entropy_operator

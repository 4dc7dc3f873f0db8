// Pools to a given size: along an axis of H elements, window o of O runs from floor(o H / O) to before ceil((o + 1) H / O).
#include "neap/ops/composition.h"
#include "neap/ops/pool.h"

namespace neap::adaptive_pool_operator {
namespace {

std::vector<AttributeSpec> attributes() { return {{"output_size", std::vector<Dim>{}, "spatial sizes of the result", true}}; }

Shape output_sizes(const Call& call) {
  const Shape& sizes = call.dims("output_size");
  const int rank = call.input(0).rank();
  if (rank < 3 || rank > 5 || static_cast<int>(sizes.size()) != rank - 2) {
    call.fail(fmt::format("{} sizes for an operand of rank {}", sizes.size(), rank), "batch, channels, and 1 to 3 spatial axes");
  }
  for (const Dim& size : sizes) {
    if (size.is_constant() && size.constant() < 1) call.fail(fmt::format("a result of {} elements", size.to_string()));
  }
  return sizes;
}

Expr quotient(const Expr& a, const Expr& b) { return make(Scalar::floor_div, {a, b}); }

// What position `at` of `from` positions covers of `to`: [floor(at to / from), ceil((at + 1) to / from)). It is its own inverse: o covers
// h exactly where h covers o.
struct Cover {
  Axis axis;
  Expr first, count;

  Cover(Definition& d, int number, const Expr& at, const Dim& from, const Dim& to) {
    const std::string name = fmt::format("r{}", number);
    Dim step;
    if (from == to || Dim::divide_exactly(to, from, step)) {
      if (from == to) step = 1;
      axis = d.over(name, step);
      first = at * Expr(step);
      count = Expr(step);
      position = first + d.at(axis);
    } else if (Dim::divide_exactly(from, to, step)) {
      axis = d.over(name, 1);
      first = quotient(at, Expr(step));
      count = Expr(1);
      position = first;
    } else {
      first = quotient(at * Expr(to), Expr(from));
      const Expr end = quotient((at + Expr(1)) * Expr(to) + Expr(from) - Expr(1), Expr(from));
      count = end - first;
      axis = d.over_ragged(name, from + to, first, end);
      position = d.at(axis);
    }
  }
  Expr position;
};

void define_pool(Definition& d, Reduction kind) {
  const Shape sizes = output_sizes(d.call());
  const std::vector<Axis> axes = pool_axes(d, sizes);
  std::vector<Axis> over;
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  Expr count(1);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Cover cover(d, static_cast<int>(i), d.at(axes[i + 2]), sizes[i], d.size(0, static_cast<int>(i) + 2));
    over.push_back(cover.axis);
    index.push_back(cover.position);
    count = count * cover.count;
  }
  const Expr value = reduce(kind, over, d.read(0, index));
  d.output(d.dtype(0), axes, kind == Reduction::sum ? value / cast(count, d.dtype(0)) : value);
}

void define_average_gradient(Definition& d) {
  const Shape sizes = output_sizes(d.call());  // of the value that was pooled
  const std::vector<Axis> axes = pool_axes(d, sizes);
  std::vector<Axis> over;
  std::vector<Expr> index{d.at(axes[0]), d.at(axes[1])};
  Expr count(1);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Dim& pooled = d.size(0, static_cast<int>(i) + 2);
    const Cover cover(d, static_cast<int>(i), d.at(axes[i + 2]), sizes[i], pooled);
    over.push_back(cover.axis);
    index.push_back(cover.position);
    count = count * Cover(d, static_cast<int>(i), cover.position, pooled, sizes[i]).count;
  }
  d.output(d.dtype(0), axes, d.sum(over, d.read(0, index) / cast(count, d.dtype(0))));
}

Var call_with(const GradientContext& g, const char* op, const Var& x, const Shape& sizes) {
  return g.build.call(op, {x}, {{"output_size", sizes}});
}

const Register adaptive_average_pool{
    {.name = "adaptive_average_pool",
     .about = "mean over windows that share the input evenly",
     .inputs = {{"x"}},
     .attributes = attributes(),
     .define =
         [](Definition& d) {
           if (!is_float(d.dtype(0))) d.call().fail("takes floating-point values", "cast first");
           define_pool(d, Reduction::sum);
         },
     .gradient =
         [](const GradientContext& g) {
           return std::vector<Var>{call_with(g, "adaptive_average_pool_gradient", g.cotangents[0], spatial_sizes(g.inputs[0].type()))};
         }}};

const Register adaptive_average_pool_gradient{
    {.name = "adaptive_average_pool_gradient",
     .about = "dx[i] = sum of dy / (elements of the window) over the windows that hold i; output_size is that of x",
     .inputs = {{"dy"}},
     .attributes = attributes(),
     .define = define_average_gradient,
     .gradient = [](const GradientContext& g) {
       return std::vector<Var>{call_with(g, "adaptive_average_pool", g.cotangents[0], spatial_sizes(g.inputs[0].type()))};
     }}};

const Register adaptive_max_pool{
    {.name = "adaptive_max_pool",
     .about = "largest over windows that share the input evenly; each of several largest gets the whole gradient",
     .inputs = {{"x"}},
     .attributes = attributes(),
     .define = [](Definition& d) { define_pool(d, Reduction::max); }}};

}  // namespace
}  // namespace neap::adaptive_pool_operator

// Products of matrices that are parts of other tensors, seen by steps: what a slice, a transpose or a split axis would copy is read in its
// place. Written by the optimizer, not by users.
#include "neap/ops/builder.h"
#include "neap/ops/matmul_views.h"

namespace neap {

MatrixView::MatrixView(const Call& call, int operand)
    : sizes(call.dims(operand == 0 ? "a_sizes" : "b_sizes")),
      begin(call.dims(operand == 0 ? "a_begin" : "b_begin")),
      steps(call.dims(operand == 0 ? "a_steps" : "b_steps")) {
  const Shape& base = call.input(operand).shape;
  const char* name = operand == 0 ? "a" : "b";
  if (sizes.size() < 2) call.fail(fmt::format("the view of {} has rank {}", name, sizes.size()), "a matrix has two axes");
  if (begin.size() != base.size() || steps.size() != base.size() * sizes.size()) {
    call.fail(fmt::format("{} of rank {} is seen with {} begins and {} steps along {} axes", name, base.size(), begin.size(), steps.size(),
                          sizes.size()),
              "give a begin for each axis of the operand, and for each a step along every axis of the view");
  }
  for (std::size_t d = 0; d < base.size(); ++d) {
    Dim last = begin[d];
    bool known = begin[d].is_constant() && base[d].is_constant(), empty = false;
    for (std::size_t v = 0; v < sizes.size(); ++v) {
      known = known && step(d, v).is_constant() && sizes[v].is_constant();
      empty = empty || sizes[v] == Dim(0);
      if (step(d, v).is_constant() && step(d, v).constant() < 0) call.fail(fmt::format("a step of {}", step(d, v).to_string()));
      last += step(d, v) * (sizes[v] - Dim(1));
    }
    if (known && !empty && (begin[d].constant() < 0 || last.constant() >= base[d].constant())) {
      call.fail(fmt::format("the view of {} runs from {} to {} along an axis of {}", name, begin[d].to_string(), last.to_string(),
                            base[d].to_string()));
    }
  }
}

namespace {

std::vector<Expr> index_in(const MatrixView& view, const std::vector<Expr>& at) {
  std::vector<Expr> index;
  for (std::size_t d = 0; d < view.begin.size(); ++d) {
    Expr position(view.begin[d]);
    for (std::size_t v = 0; v < at.size(); ++v) {
      if (!(view.step(d, v) == Dim(0))) position = position + at[v] * Expr(view.step(d, v));
    }
    index.push_back(position);
  }
  return index;
}

void define_product(Definition& d) {
  const Call& call = d.call();
  const MatrixView a(call, 0), b(call, 1);
  const std::size_t rank = a.sizes.size();
  if (b.sizes.size() != rank) call.fail(fmt::format("views of ranks {} and {}", rank, b.sizes.size()));
  if (d.dtype(0) != d.dtype(1)) call.fail(fmt::format("operands are {} and {}", name(d.dtype(0)), name(d.dtype(1))), "cast one of them");
  if (!(a.sizes[rank - 1] == b.sizes[rank - 2])) {
    call.fail(fmt::format("sums over {} elements of the first and {} of the second", a.sizes[rank - 1].to_string(),
                          b.sizes[rank - 2].to_string()));
  }
  std::vector<Axis> axes;
  std::vector<Expr> at_a, at_b;
  for (std::size_t v = 0; v + 2 < rank; ++v) {
    const Dim size = a.sizes[v] == Dim(1) ? b.sizes[v] : a.sizes[v];
    for (const Dim& mine : {a.sizes[v], b.sizes[v]}) {
      if (!(mine == Dim(1)) && !(mine == size))
        call.fail(fmt::format("batch sizes {} and {} do not broadcast", size.to_string(), mine.to_string()));
    }
    axes.push_back(d.axis(fmt::format("b{}", v), size));
    at_a.push_back(a.sizes[v] == size ? d.at(axes.back()) : Expr(0));
    at_b.push_back(b.sizes[v] == size ? d.at(axes.back()) : Expr(0));
  }
  const Axis j = d.over("j", a.sizes[rank - 1]);
  axes.push_back(d.axis("i", a.sizes[rank - 2]));
  axes.push_back(d.axis("k", b.sizes[rank - 1]));
  at_a.insert(at_a.end(), {d.at(axes[rank - 2]), d.at(j)});
  at_b.insert(at_b.end(), {d.at(j), d.at(axes[rank - 1])});
  d.output(d.dtype(0), axes, d.sum({j}, d.read(0, index_in(a, at_a)) * d.read(1, index_in(b, at_b))));
}

const Register matmul_of_views{
    {.name = "matmul_of_views",
     .about =
         "y[...,i,k] = sum_j A[...,i,j] * B[...,j,k], where A and B are parts of a and b: element v of the view stands at begin + steps v",
     .inputs = {{"a"}, {"b"}},
     .attributes = {{"a_sizes", Shape{}, "of the view of a; batch axes of 1 are broadcast", true},
                    {"a_begin", Shape{}, "where it begins, for each axis of a", true},
                    {"a_steps", Shape{}, "for each axis of a, the step along every axis of the view", true},
                    {"b_sizes", Shape{}, "likewise of b", true},
                    {"b_begin", Shape{}, "likewise of b", true},
                    {"b_steps", Shape{}, "likewise of b", true}},
     .define = define_product}};

}  // namespace
}  // namespace neap

// Products of matrices, with numpy's rules for batches and vectors.
#include "neap/ops/builder.h"

namespace neap::matmul_operator {
namespace {

// Sizes of the batch axes that both operands broadcast to.
Shape batch_shape(const Call& call) {
  Shape batch;
  for (int k = 0; k < 2; ++k) {
    const Shape& shape = call.input(k).shape;
    if (shape.size() < 2) continue;
    const Shape mine(shape.begin(), shape.end() - 2);
    if (mine.size() > batch.size()) batch.insert(batch.begin(), mine.size() - batch.size(), Dim(1));
    for (std::size_t i = 0; i < mine.size(); ++i) {
      Dim& common = batch[batch.size() - mine.size() + i];
      if (common == Dim(1)) common = mine[i];
      if (!(mine[i] == Dim(1)) && !(mine[i] == common)) {
        call.fail(fmt::format("batch sizes {} and {} do not broadcast", common.to_string(), mine[i].to_string()),
                  "sizes must be equal, or one of them 1");
      }
    }
  }
  return batch;
}

std::vector<Expr> batch_index(const Shape& shape, const std::vector<Axis>& batch) {
  std::vector<Expr> index;
  const std::size_t mine = shape.size() < 2 ? 0 : shape.size() - 2;
  for (std::size_t i = 0; i < mine; ++i) {
    const Axis& axis = batch[batch.size() - mine + i];
    index.push_back(shape[i] == axis.extent ? axis_position(axis) : Expr(0));
  }
  return index;
}

void define_matmul(Definition& d) {
  const Call& call = d.call();
  const Type &a = call.input(0), &b = call.input(1);
  if (a.rank() == 0 || b.rank() == 0) call.fail("a number is no matrix", "use mul");
  if (a.dtype != b.dtype) call.fail(fmt::format("operands are {} and {}", name(a.dtype), name(b.dtype)), "cast one of them");
  const bool ta = call.flag("transpose_a"), tb = call.flag("transpose_b");
  if ((ta && a.rank() < 2) || (tb && b.rank() < 2)) call.fail("a vector cannot be transposed");
  const Dim inner = call.size(0, ta ? -2 : -1), other = b.rank() == 1 ? call.size(1, 0) : call.size(1, tb ? -1 : -2);
  if (!(inner == other)) {
    call.fail(fmt::format("sums over {} elements of the first and {} of the second", inner.to_string(), other.to_string()));
  }
  std::vector<Axis> axes;
  for (const Dim& size : batch_shape(call)) axes.push_back(d.axis(fmt::format("b{}", axes.size()), size));
  std::vector<Expr> at_a = batch_index(a.shape, axes), at_b = batch_index(b.shape, axes);
  const Axis j = d.over("j", inner);
  if (a.rank() > 1) {
    axes.push_back(d.axis("i", call.size(0, ta ? -1 : -2)));
    at_a.push_back(d.at(axes.back()));
  }
  at_a.insert(ta ? at_a.end() - 1 : at_a.end(), d.at(j));
  at_b.push_back(d.at(j));
  if (b.rank() > 1) {
    axes.push_back(d.axis("k", call.size(1, tb ? -2 : -1)));
    at_b.insert(tb ? at_b.end() - 1 : at_b.end(), d.at(axes.back()));
  }
  d.output(a.dtype, axes, d.sum({j}, d.read(0, at_a) * d.read(1, at_b)));
}

Var product(const Var& a, bool transpose_a, const Var& b, bool transpose_b) {
  return a.build().call("matmul", {a, b}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}

// All but the last axis as one: a batch of rows.
Var as_rows(const Var& x) {
  const Shape outer(x.shape().begin(), x.shape().end() - 1);
  return reshape(x, {element_count(outer), x.size(-1)});
}

// Y = A' B' with A' = A or its transpose: dA' = dY B'^T, dB' = A'^T dY, each written as the product that gives A and B themselves.
std::vector<Var> matmul_gradient(const GradientContext& g) {
  const bool ta = g.call.flag("transpose_a"), tb = g.call.flag("transpose_b");
  const Var &x = g.inputs[0], &w = g.inputs[1];
  const Var a = x.rank() == 1 ? reshape(x, {1, x.size(0)}) : x;
  const Var b = w.rank() == 1 ? reshape(w, {w.size(0), 1}) : w;
  Shape shape = g.cotangents[0].shape();
  if (x.rank() == 1) shape.insert(w.rank() == 1 ? shape.end() : shape.end() - 1, Dim(1));
  if (w.rank() == 1) shape.push_back(1);
  const Var dy = reshape(g.cotangents[0], shape);
  const Var da = ta ? product(b, tb, dy, true) : product(dy, false, b, !tb);
  // A matrix that every row of a batch meets (a layer's weights): one product over all rows in place of a sum of many.
  if (!ta && a.rank() > 2 && b.rank() == 2) {
    const Var rows = as_rows(a), cotangents = as_rows(dy);
    const Var db = tb ? product(cotangents, true, rows, false) : product(rows, true, cotangents, false);
    return {reshape(reduce_to(da, a.shape()), x.shape()), reshape(db, w.shape())};
  }
  const Var db = tb ? product(dy, true, a, ta) : product(a, !ta, dy, false);
  return {reshape(reduce_to(da, a.shape()), x.shape()), reshape(reduce_to(db, b.shape()), w.shape())};
}

const Register matmul_operator{{.name = "matmul",
                                .about = "y[...,i,k] = sum_j a[...,i,j] * b[...,j,k]; a vector is a row on the left, a column on the right",
                                .inputs = {{"a"}, {"b"}},
                                .attributes = {{"transpose_a", false, "swap the last two axes of a first"},
                                               {"transpose_b", false, "swap the last two axes of b first"}},
                                .define = define_matmul,
                                .gradient = matmul_gradient,
                                .onnx = {{"MatMul", 1, {}}}}};

}  // namespace
}  // namespace neap::matmul_operator

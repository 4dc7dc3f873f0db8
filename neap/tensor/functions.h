// The functions that a numpy user knows, on tensors. Operands broadcast; numbers take the dtype of the tensor beside them.
#pragma once
#include <cmath>
#include <vector>

#include "neap/tensor/tensor.h"

namespace neap {

using Axes = std::vector<std::int64_t>;  // negative ones count from the end; none means all

// Elementwise, of two. Both of one dtype (Error otherwise: cast one).
Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator%(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator==(const Tensor& a, const Tensor& b);  // elementwise, as all of them
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator&(const Tensor& a, const Tensor& b);  // of bool: and; of integers: bit by bit
Tensor operator|(const Tensor& a, const Tensor& b);
Tensor operator^(const Tensor& a, const Tensor& b);

// The same with a number on either side. Error where the tensor's dtype cannot hold the number (1.5 beside integers).
Tensor number_like(const Tensor& like, double value);
#define NEAP_WITH_NUMBER(symbol)                                                                  \
  inline Tensor operator symbol(const Tensor& a, double b) { return a symbol number_like(a, b); } \
  inline Tensor operator symbol(double a, const Tensor& b) { return number_like(b, a) symbol b; }
NEAP_WITH_NUMBER(+)
NEAP_WITH_NUMBER(-)
NEAP_WITH_NUMBER(*)
NEAP_WITH_NUMBER(/)
NEAP_WITH_NUMBER(%)
NEAP_WITH_NUMBER(<)
NEAP_WITH_NUMBER(<=)
NEAP_WITH_NUMBER(>)
NEAP_WITH_NUMBER(>=)
NEAP_WITH_NUMBER(==)
NEAP_WITH_NUMBER(!=)
#undef NEAP_WITH_NUMBER
Tensor operator-(const Tensor& a);
Tensor operator~(const Tensor& a);  // of bool: not; of integers: all bits turned

Tensor minimum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, double b);
Tensor maximum(const Tensor& a, double b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, double b);
Tensor where(const Tensor& condition, const Tensor& yes, const Tensor& no);
Tensor where(const Tensor& condition, const Tensor& yes, double no);
Tensor where(const Tensor& condition, double yes, const Tensor& no);
Tensor clip(const Tensor& x, double low, double high);
Tensor cast(const Tensor& x, DType dtype);

// Elementwise, of one.
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor is_nan(const Tensor& x);
Tensor is_inf(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor swish(const Tensor& x);
Tensor gelu(const Tensor& x);

// Reductions. `keep` keeps the axes with size 1.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor max(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor all(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keep = false);
Tensor variance(const Tensor& x, const Axes& axes = {}, bool keep = false);  // of all there is: divides by the count
Tensor argmax(const Tensor& x, int axis = -1, bool keep = false);
Tensor argmin(const Tensor& x, int axis = -1, bool keep = false);
Tensor cumulative_sum(const Tensor& x, int axis = -1);
Tensor softmax(const Tensor& x, int axis = -1);
Tensor log_softmax(const Tensor& x, int axis = -1);

Tensor matmul(const Tensor& a, const Tensor& b);

// Shapes.
Tensor reshape(const Tensor& x, const Shape& shape);  // one size may be -1: what is left
Tensor transpose(const Tensor& x, const Axes& permutation = {});
Tensor swap_axes(const Tensor& x, int a, int b);
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor expand_dims(const Tensor& x, int axis);
Tensor squeeze(const Tensor& x, int axis);  // Error unless its size is 1
Tensor flatten(const Tensor& x, int from_axis = 0);
Tensor slice(const Tensor& x, int axis, std::int64_t begin, std::int64_t end, std::int64_t step = 1);  // as x[begin:end:step]
Tensor concat(const std::vector<Tensor>& parts, int axis = 0);
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);
std::vector<Tensor> split(const Tensor& x, int parts, int axis = 0);
Tensor take(const Tensor& x, const Tensor& indices, int axis = 0);  // rows by number, as numpy's take
Tensor stop_gradient(const Tensor& x);

}  // namespace neap

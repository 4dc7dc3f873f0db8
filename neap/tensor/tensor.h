// tensor/: what a user computes with: lazy tensors, the functions a numpy user knows, and what turns functions into other functions
// (gradients, compiled ones).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct Record;

// A handle on a value that is there or can be computed: operations record, reading a value computes it (and keeps it). Copies share.
// While a function is traced its arguments have types but no values. Shapes that do not fit are an Error at the call that joins them.
class Tensor {
 public:
  Tensor() = default;      // empty: an optional operand that is absent
  Tensor(Array elements);  // NOLINT: an array is a value; shares the elements, which must not be changed afterwards
  explicit Tensor(std::shared_ptr<Record> record, int output = 0) : record_(std::move(record)), output_(output) {}
  template <class T>
  static Tensor of(const std::vector<T>& values, Sizes sizes) {
    return Array::of(values, std::move(sizes));
  }
  template <class T>
  static Tensor of(const std::vector<T>& values) {
    return Array::of(values);
  }
  template <class T>
  static Tensor scalar(T value) {
    return Array::scalar(value);
  }
  static Tensor zeros(DType dtype, Sizes sizes) { return Array::zeros(dtype, std::move(sizes)); }
  static Tensor full(DType dtype, Sizes sizes, double value) { return Array::full(dtype, std::move(sizes), value); }
  static Tensor arange(DType dtype, std::int64_t count);   // 0, 1, ... count - 1
  static Tensor placeholder(Type type, std::string name);  // a value that a trace or caller gives later

  explicit operator bool() const { return record_ != nullptr; }
  const Type& type() const;
  DType dtype() const { return type().dtype; }
  const Shape& shape() const { return type().shape; }
  int rank() const { return type().rank(); }
  const Dim& size(int axis) const;  // negative axes count from the end; Error if there is none

  // The elements, computed if they are not there yet. Error while tracing: the value is not known then.
  const Array& array() const;
  double item() const;  // of one element; Error otherwise
  template <class T>
  std::vector<T> values() const {
    const auto span = array().values<T>();
    return {span.begin(), span.end()};
  }
  bool computed() const;          // whether the elements are there
  std::string to_string() const;  // as numpy prints: "[[1. 2.]\n [3. 4.]]"; computes

  Tensor reshape(const Shape& shape) const;                                   // one size may be -1
  Tensor transpose(const std::vector<std::int64_t>& permutation = {}) const;  // none: axes reversed
  Tensor slice(int axis, std::int64_t begin, std::int64_t end) const;         // negative positions count from the end
  Tensor operator[](std::int64_t index) const;                                // along axis 0, which goes
  Tensor cast(DType dtype) const;

  const std::shared_ptr<Record>& record() const { return record_; }
  int output() const { return output_; }

 private:
  std::shared_ptr<Record> record_;
  int output_ = 0;
};

// A call of an operator by name, for all that functions.h does not spell out. Empty tensors are absent optional operands.
Tensor call(std::string_view op, const std::vector<Tensor>& inputs, Attributes attributes = {});
std::vector<Tensor> calls(std::string_view op, const std::vector<Tensor>& inputs, Attributes attributes = {});

// Computes several tensors in one go (common parts once).
void evaluate(const std::vector<Tensor>& tensors);

// Names what is recorded while it lives: "block3/depthwise"; a node's origin is "scope: operator".
class Scope {
 public:
  explicit Scope(std::string path);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  static const std::string& current();

 private:
  std::string before_;
};

}  // namespace neap

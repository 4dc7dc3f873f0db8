#include "neap/tensor/tensor.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "neap/ops/operator.h"
#include "neap/tensor/functions.h"
#include "neap/tensor/infer.h"
#include "neap/tensor/record.h"
#include "neap/tensor/record_edit.h"

namespace neap {
namespace {

std::atomic<std::uint64_t> sequence_counter{1};
thread_local std::string scope;

std::vector<Tensor> outputs_of(const std::shared_ptr<Record>& record) {
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < record->types.size(); ++i) outputs.emplace_back(record, static_cast<int>(i));
  return outputs;
}

}  // namespace

std::uint64_t next_sequence() { return sequence_counter.load(); }

Record::Record() : sequence(sequence_counter++) {}

Record::~Record() {
  // What only this record holds is taken over and dropped here, one by one.
  std::vector<Tensor> waiting = std::move(inputs);
  while (!waiting.empty()) {
    const Tensor last = std::move(waiting.back());
    waiting.pop_back();
    if (!last || last.record().use_count() > 1) continue;
    std::vector<Tensor>& further = last.record()->inputs;
    std::move(further.begin(), further.end(), std::back_inserter(waiting));
    further.clear();
  }
}

std::vector<Tensor> make_record(Node node, std::vector<Tensor> inputs, std::vector<Type> types) {
  auto record = std::make_shared<Record>();
  record->node = std::move(node);
  record->inputs = std::move(inputs);
  record->types = std::move(types);
  return outputs_of(record);
}

Tensor::Tensor(Array elements) : record_(std::make_shared<Record>()) {
  record_->types.push_back(type_of(elements));
  record_->results.push_back(std::move(elements));
}

Tensor Tensor::arange(DType dtype, std::int64_t count) {
  Array made(dtype, {count});
  for (std::int64_t i = 0; i < count; ++i) is_float(dtype) ? made.set(i, static_cast<double>(i)) : made.set_int(i, i);
  return made;
}

Tensor Tensor::placeholder(Type type, std::string name) {
  auto record = std::make_shared<Record>();
  record->name = std::move(name);
  record->types.push_back(std::move(type));
  return Tensor(std::move(record));
}

const Type& Tensor::type() const {
  if (record_ == nullptr) throw Error("an empty tensor has no type", "", "give it a value first");
  return record_->types[static_cast<std::size_t>(output_)];
}

const Dim& Tensor::size(int axis) const {
  const int at = axis < 0 ? axis + rank() : axis;
  if (at < 0 || at >= rank()) throw Error(fmt::format("no axis {} in {}", axis, type().to_string()));
  return shape()[static_cast<std::size_t>(at)];
}

bool Tensor::computed() const { return record_ != nullptr && record_->computed(); }

const Array& Tensor::array() const {
  if (!computed()) evaluate({*this});
  return record_->results[static_cast<std::size_t>(output_)];
}

double Tensor::item() const {
  const Array& elements = array();
  if (elements.count() != 1) throw Error(fmt::format("item() of {}, which has {} elements", type().to_string(), elements.count()));
  return elements.get(0);
}

Tensor Tensor::reshape(const Shape& wanted) const { return neap::reshape(*this, wanted); }
Tensor Tensor::transpose(const std::vector<std::int64_t>& permutation) const { return neap::transpose(*this, permutation); }
Tensor Tensor::slice(int axis, std::int64_t begin, std::int64_t end) const { return neap::slice(*this, axis, begin, end); }
Tensor Tensor::cast(DType wanted) const { return neap::cast(*this, wanted); }

Tensor Tensor::operator[](std::int64_t index) const {
  Shape rest = shape();
  if (rest.empty()) throw Error("a tensor of rank 0 has no rows", type().to_string());
  if (size(0).is_constant()) {
    const std::int64_t rows = size(0).constant();
    if (index < -rows || index >= rows) throw Error(fmt::format("no row {} in {}", index, type().to_string()));
    if (index < 0) index += rows;
  }
  rest.erase(rest.begin());
  return neap::slice(*this, 0, index, index + 1).reshape(rest);
}

std::vector<Tensor> calls(std::string_view op, const std::vector<Tensor>& inputs, Attributes attributes) {
  std::size_t count = inputs.size();
  while (count > 0 && !inputs[count - 1]) --count;
  std::vector<Tensor> given(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(count));
  std::vector<const Type*> types;
  for (const Tensor& input : given) types.push_back(input ? &input.type() : nullptr);
  const Inferred& inferred = infer_call(op, types, std::move(attributes));
  Node node;
  node.op = inferred.op;
  node.attributes = inferred.attributes;
  const std::string name = scope.empty() ? node.op : scope + ": " + node.op;
  node.origin = {name};
  return Editing::changed(name, make_record(std::move(node), std::move(given), inferred.outputs));
}

Tensor call(std::string_view op, const std::vector<Tensor>& inputs, Attributes attributes) {
  return calls(op, inputs, std::move(attributes)).front();
}

Scope::Scope(std::string path) : before_(std::move(scope)) { scope = std::move(path); }
Scope::~Scope() { scope = std::move(before_); }
const std::string& Scope::current() { return scope; }

}  // namespace neap

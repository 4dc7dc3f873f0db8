#include "neap/tensor/record_edit.h"

#include <utility>

namespace neap {
namespace {

thread_local std::shared_ptr<RecordEdit> in_force;

}  // namespace

Editing::Editing(std::shared_ptr<RecordEdit> edit) {
  if (edit == nullptr || edit == in_force) return;
  edit->begin();
  edit_ = std::move(edit);
  before_ = std::exchange(in_force, edit_);
}

Editing::~Editing() {
  if (edit_ != nullptr) in_force = std::move(before_);
}

void Editing::finish() const {
  if (edit_ != nullptr) edit_->finish();
}

Tensor Editing::changed(const std::string& name, Tensor value) {
  if (in_force == nullptr || !value) return value;
  const std::shared_ptr<RecordEdit> edit = in_force;
  const Unedited unedited;  // what the edit itself records is not looked at
  return edit->result(name, value);
}

std::vector<Tensor> Editing::changed(const std::string& name, std::vector<Tensor> values) {
  if (in_force == nullptr) return values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = changed(i == 0 ? name : name + "[" + std::to_string(i) + "]", std::move(values[i]));
  }
  return values;
}

Unedited::Unedited() : before_(std::exchange(in_force, nullptr)) {}
Unedited::~Unedited() { in_force = std::move(before_); }

}  // namespace neap

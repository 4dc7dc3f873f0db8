#include "neap/tensor/infer.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "neap/ops/operator.h"

namespace neap {
namespace {

void write(std::string& key, std::int64_t number) { key.append(reinterpret_cast<const char*>(&number), sizeof number); }
void write(std::string& key, double number) { key.append(reinterpret_cast<const char*>(&number), sizeof number); }
void write(std::string& key, bool flag) { key += flag ? '1' : '0'; }
void write(std::string& key, DType dtype) { key += static_cast<char>('A' + static_cast<int>(dtype)); }
void write(std::string& key, const std::string& text) {
  write(key, static_cast<std::int64_t>(text.size()));
  key += text;
}
void write(std::string& key, const Dim& dim) {
  key += dim.is_constant() ? 'c' : 's';
  if (dim.is_constant()) {
    write(key, dim.constant());
  } else {
    write(key, dim.to_string());
  }
}
template <class T>
void write(std::string& key, const std::vector<T>& list) {
  write(key, static_cast<std::int64_t>(list.size()));
  for (const T& element : list) write(key, element);
}

std::string key_of(std::string_view op, const std::vector<const Type*>& types, const Attributes& attributes) {
  std::string key(op);
  for (const Type* type : types) {
    key += '|';
    if (type == nullptr) continue;
    write(key, type->dtype);
    write(key, type->shape);
  }
  for (const auto& [name, value] : attributes) {
    write(key, name);
    key += static_cast<char>('0' + value.index());
    std::visit([&](const auto& inner) { write(key, inner); }, value);
  }
  return key;
}

Inferred infer_anew(std::string_view op, const std::vector<const Type*>& types, Attributes attributes) {
  std::vector<Type> operands;
  std::vector<bool> present;
  for (const Type* type : types) {
    operands.push_back(type == nullptr ? Type{} : *type);
    present.push_back(type != nullptr);
  }
  const Call call(find_operator(op), std::move(operands), std::move(present), std::move(attributes));
  Inferred made{call.op().name, {}, infer(call)};
  for (const auto& [name, value] : call.attributes()) {
    const auto spec = std::find_if(call.op().attributes.begin(), call.op().attributes.end(),
                                   [&, n = name](const AttributeSpec& s) { return s.name == n; });
    if (spec->required || !(spec->default_value == value)) made.attributes.emplace(name, value);
  }
  for (Type& type : made.outputs) type.layout = {};
  return made;
}

}  // namespace

const Inferred& infer_call(std::string_view op, const std::vector<const Type*>& types, Attributes attributes) {
  thread_local std::unordered_map<std::string, Inferred> known;
  std::string key = key_of(op, types, attributes);
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  constexpr std::size_t most = 4096;  // shapes that change each step must not fill memory
  if (known.size() >= most) known.clear();
  return known.emplace(std::move(key), infer_anew(op, types, std::move(attributes))).first->second;
}

}  // namespace neap

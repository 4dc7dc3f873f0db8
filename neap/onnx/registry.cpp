// Which operator of ONNX is read how: explicit readers, and the operators that name theirs.
#include <algorithm>

#include "neap/onnx/reader.h"

namespace neap {
namespace {

using Registry = std::map<std::string, std::vector<OnnxReader>, std::less<>>;  // by since, ascending
Registry& registry() {
  static Registry readers;
  return readers;
}

void add(Registry& to, OnnxReader reader) {
  std::vector<OnnxReader>& all = to[reader.type];
  const auto place = std::find_if(all.begin(), all.end(), [&](const OnnxReader& other) { return other.since >= reader.since; });
  NEAP_ASSERT(place == all.end() || place->since != reader.since, " two readers of {} since {}", reader.type, reader.since);
  all.insert(place, std::move(reader));
}

Attribute convert(const OnnxNode& node, const char* theirs, const AttributeSpec& spec) {
  return std::visit(
      [&](const auto& otherwise) -> Attribute {
        using T = std::decay_t<decltype(otherwise)>;
        if constexpr (std::is_same_v<T, bool>) {
          return node.flag(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return node.integer(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, double>) {
          return node.number(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return node.text(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          return node.integers(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, std::vector<double>>) {
          return node.numbers(theirs, otherwise);
        } else if constexpr (std::is_same_v<T, std::vector<Dim>>) {
          const std::vector<std::int64_t> integers = node.integers(theirs, {});
          return std::vector<Dim>(integers.begin(), integers.end());
        } else {
          return node.dtype(theirs, otherwise);
        }
      },
      spec.default_value);
}

// An operator that is the same as one of ONNX's but for the names.
OnnxReader renamed(const Operator& op, const OnnxName& name) {
  OnnxReader reader{.type = name.name, .since = name.since};
  reader.read = [&op, &name](OnnxNode& node) {
    Attributes attributes;
    for (const auto& [theirs, ours] : name.attributes) {
      const auto spec =
          std::find_if(op.attributes.begin(), op.attributes.end(), [&, own = ours](const AttributeSpec& s) { return s.name == own; });
      NEAP_ASSERT(spec != op.attributes.end(), " {} has no attribute {}", op.name, ours);
      if (node.has(theirs.c_str())) attributes[ours] = convert(node, theirs.c_str(), *spec);
    }
    for (const Var& output : node.build().calls(op.name, node.inputs(), std::move(attributes))) node.give(output);
  };
  return reader;
}

const Registry& renamed_operators() {
  static const Registry all = [] {
    Registry made;
    for (const Operator* op : all_operators()) {
      for (const OnnxName& name : op->onnx) add(made, renamed(*op, name));
    }
    return made;
  }();
  return all;
}

const OnnxReader* newest(const Registry& from, const std::string& type, int opset) {
  const auto found = from.find(type);
  if (found == from.end()) return nullptr;
  const OnnxReader* best = nullptr;
  for (const OnnxReader& reader : found->second) {
    if (reader.since <= opset) best = &reader;
  }
  return best;
}

}  // namespace

RegisterOnnx::RegisterOnnx(OnnxReader reader) { add(registry(), std::move(reader)); }

const OnnxReader* find_onnx_reader(const std::string& type, int opset) {
  const OnnxReader* explicitly = newest(registry(), type, opset);
  return explicitly != nullptr ? explicitly : newest(renamed_operators(), type, opset);
}

}  // namespace neap

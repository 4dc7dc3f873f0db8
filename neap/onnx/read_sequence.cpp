// Sequences exist only while a model is read: their length must be known, and graphs hold their elements.
#include "neap/onnx/reader.h"

namespace neap::read_sequence_onnx {
namespace {

using Values = std::vector<OnnxValue>;

const Values& elements(const OnnxNode& node, int input) {
  if (!node.value(input).is_sequence) node.fail(fmt::format("input {} is no sequence", input));
  return node.value(input).sequence;
}

void give_sequence(OnnxNode& node, Values values) { node.give(OnnxValue{.is_sequence = true, .sequence = std::move(values)}); }

// Positions count from the end where they are negative; `end` itself is one for insertions.
std::size_t position(const OnnxNode& node, int input, std::size_t count, bool end_too) {
  const auto size = static_cast<std::int64_t>(count);
  const std::vector<std::int64_t> given = node.integers(input);
  if (given.size() != 1) node.fail("a position is one number");
  const std::int64_t at = given[0] < 0 ? given[0] + size : given[0];
  if (at < 0 || at >= size + (end_too ? 1 : 0)) node.fail(fmt::format("position {} in a sequence of {}", given[0], size));
  return static_cast<std::size_t>(at);
}

void read_construct(OnnxNode& node) {
  Values values;
  for (int i = 0; i < node.input_count(); ++i) values.push_back(node.value(i));
  give_sequence(node, std::move(values));
}

void read_empty(OnnxNode& node) {
  node.ignore("dtype");
  give_sequence(node, {});
}

void read_insert(OnnxNode& node) {
  Values values = elements(node, 0);
  const std::size_t at = node.has(2) ? position(node, 2, values.size(), true) : values.size();
  values.insert(values.begin() + static_cast<std::ptrdiff_t>(at), node.value(1));
  give_sequence(node, std::move(values));
}

void read_erase(OnnxNode& node) {
  Values values = elements(node, 0);
  if (values.empty()) node.fail("the sequence is empty");
  const std::size_t at = node.has(1) ? position(node, 1, values.size(), false) : values.size() - 1;
  values.erase(values.begin() + static_cast<std::ptrdiff_t>(at));
  give_sequence(node, std::move(values));
}

void read_at(OnnxNode& node) { node.give(elements(node, 0)[position(node, 1, elements(node, 0).size(), false)]); }

void read_length(OnnxNode& node) { node.give(Array::scalar(static_cast<std::int64_t>(elements(node, 0).size()))); }

void read_concat(OnnxNode& node) {
  std::vector<Var> parts;
  for (OnnxValue value : elements(node, 0)) parts.push_back(node.tensor_of(value));
  if (parts.empty()) node.fail("the sequence is empty");
  const bool fresh = node.flag("new_axis", false);
  const std::int64_t axis = node.axis(node.integer("axis", 0), parts[0].rank() + (fresh ? 1 : 0));
  node.give(node.build().call(fresh ? "stack" : "concat", parts, {{"axis", axis}}));
}

void read_split(OnnxNode& node) {
  const Var x = node.input(0);
  const int axis = node.axis(node.integer("axis", 0), x.rank());
  Shape sizes;
  bool keep = true;
  constexpr std::int64_t most = 100'000;
  if (node.has(1) && node.rank(1) == 1) {
    sizes = node.sizes(1);
    node.ignore("keepdims");
  } else {
    if (!x.size(axis).is_constant()) node.fail("the length of a sequence must be known", "give the sizes of the inputs");
    const std::int64_t part = node.has(1) ? node.integers(1).at(0) : 1, count = x.size(axis).constant();
    if (part < 1 || count / part > most) node.fail(fmt::format("parts of {} of {}", part, count));
    keep = node.flag("keepdims", true) || node.has(1);
    for (std::int64_t at = 0; at < count; at += part) sizes.emplace_back(std::min(part, count - at));
  }
  Shape shape = x.shape();
  shape.erase(shape.begin() + axis);
  Values values;
  for (const Var& part : node.build().calls("split", {x}, {{"axis", std::int64_t{axis}}, {"sizes", sizes}}))
    values.push_back(OnnxValue{.var = keep ? part : reshape(part, shape)});
  give_sequence(node, std::move(values));
}

void read_optional(OnnxNode& node) {
  if (!node.has(0)) node.fail("an empty optional is not supported");
  node.ignore("type");
  node.give(node.value(0));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "SequenceConstruct", .since = 11, .read = read_construct, .fold = false}},
    RegisterOnnx{{.type = "SequenceEmpty", .since = 11, .read = read_empty, .fold = false}},
    RegisterOnnx{{.type = "SequenceInsert", .since = 11, .read = read_insert, .fold = false}},
    RegisterOnnx{{.type = "SequenceErase", .since = 11, .read = read_erase, .fold = false}},
    RegisterOnnx{{.type = "SequenceAt", .since = 11, .read = read_at, .fold = false}},
    RegisterOnnx{{.type = "SequenceLength", .since = 11, .read = read_length, .fold = false}},
    RegisterOnnx{{.type = "ConcatFromSequence", .since = 11, .read = read_concat, .fold = false}},
    RegisterOnnx{{.type = "SplitToSequence", .since = 11, .read = read_split, .fold = false}},
    RegisterOnnx{{.type = "Optional", .since = 15, .read = read_optional, .fold = false}},
    RegisterOnnx{{.type = "OptionalGetElement", .since = 15, .read = read_optional, .fold = false}},
};

}  // namespace
}  // namespace neap::read_sequence_onnx

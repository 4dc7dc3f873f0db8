// Control flow: the branch that is taken, or both and a choice; loops whose number of turns is known are written out.
#include <onnx.pb.h>

#include <algorithm>

#include "neap/onnx/model_reader.h"

namespace neap::read_control_onnx {
namespace {

constexpr std::int64_t most_turns = 10'000;

const onnx::GraphProto& body_of(const OnnxNode& node, const char* attribute) {
  const onnx::GraphProto* body = node.graph(attribute);
  if (body == nullptr) node.fail(fmt::format("attribute '{}' is missing", attribute));
  return *body;
}

void check_read(const OnnxNode& node, const std::vector<OnnxValue>& values) {
  for (const OnnxValue& value : values) {
    if (!value.failed.empty()) node.fail("its inner graph could not be read");
  }
}

std::vector<OnnxValue> run(OnnxNode& node, const onnx::GraphProto& body, std::vector<OnnxValue> inputs) {
  std::vector<OnnxValue> results = node.reader().run_graph(body, std::move(inputs), node.place());
  check_read(node, results);
  return results;
}

std::optional<bool> known_bool(const OnnxValue& value) {
  if (value.constant && !value.parameter && value.constant->count() == 1) return value.constant->get_int(0) != 0;
  if (value.known && value.known->is_constant() && value.known->elements.size() == 1)
    return !(value.known->elements[0].numerator == Dim(0));
  return std::nullopt;
}

void read_if(OnnxNode& node) {
  const onnx::GraphProto &yes = body_of(node, "then_branch"), &no = body_of(node, "else_branch");
  if (const std::optional<bool> taken = known_bool(node.value(0))) {
    for (OnnxValue& value : run(node, *taken ? yes : no, {})) node.give(std::move(value));
    return;
  }
  const Var condition = reshape(node.input(0), {});
  std::vector<OnnxValue> a = run(node, yes, {}), b = run(node, no, {});
  if (a.size() != b.size()) node.fail("the branches have different outputs");
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].is_sequence || b[i].is_sequence) node.fail("a choice between sequences is not supported");
    const Var x = node.tensor_of(a[i]), y = node.tensor_of(b[i]);
    if (!(x.type() == y.type()))
      node.fail(fmt::format("the branches give {} and {}", x.type().to_string(), y.type().to_string()),
                "only a known condition may decide on sizes");
    node.give(where(condition, x, y));
  }
}

// One column of results, one on top of the other.
OnnxValue stacked(OnnxNode& node, std::vector<OnnxValue>& column, std::int64_t axis, bool reversed) {
  if (column.empty()) node.fail("a loop that takes no turn has no results to stack");
  if (reversed) std::reverse(column.begin(), column.end());
  std::vector<Var> rows;
  for (OnnxValue& value : column) rows.push_back(node.tensor_of(value));
  const std::int64_t at = node.axis(axis, rows[0].rank() + 1);
  return OnnxValue{.var = node.build().call("stack", rows, {{"axis", at}})};
}

void read_loop(OnnxNode& node) {
  const onnx::GraphProto& body = body_of(node, "body");
  std::int64_t turns = most_turns + 1;
  if (node.has(0)) turns = node.integers(0).at(0);
  std::optional<bool> going = true;
  if (node.has(1)) going = known_bool(node.value(1));
  std::vector<OnnxValue> carried;
  for (int i = 2; i < node.input_count(); ++i) carried.push_back(node.value(i));
  const std::size_t states = carried.size();
  std::vector<std::vector<OnnxValue>> columns;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    if (!going) node.fail("the loop's end depends on the data", "only loops whose number of turns is known are supported");
    if (!*going) break;
    if (turn >= most_turns) node.fail(fmt::format("the loop takes more than {} turns", most_turns));
    std::vector<OnnxValue> inputs{OnnxValue{.constant = Array::scalar(turn)}, OnnxValue{.constant = Array::scalar(true)}};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    std::vector<OnnxValue> results = run(node, body, std::move(inputs));
    if (results.size() < states + 1) node.fail("the body gives too few values");
    going = known_bool(results[0]);
    carried.assign(results.begin() + 1, results.begin() + 1 + static_cast<std::ptrdiff_t>(states));
    columns.resize(results.size() - states - 1);
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].push_back(std::move(results[states + 1 + i]));
  }
  for (OnnxValue& value : carried) node.give(std::move(value));
  for (std::vector<OnnxValue>& column : columns) node.give(stacked(node, column, 0, false));
}

Var row(const Var& x, int axis, std::int64_t at) {
  const Var thin =
      x.build().call("slice", {x}, {{"starts", Shape{at}}, {"stops", Shape{at + 1}}, {"axes", std::vector<std::int64_t>{axis}}});
  Shape shape = x.shape();
  shape.erase(shape.begin() + axis);
  return reshape(thin, shape);
}

void read_scan(OnnxNode& node) {
  const onnx::GraphProto& body = body_of(node, "body");
  const std::int64_t scans = node.integer("num_scan_inputs", 0), states = node.input_count() - scans;
  if (scans < 1 || states < 0) node.fail(fmt::format("{} scanned inputs of {}", scans, node.input_count()));
  const auto at = [](const std::vector<std::int64_t>& values, std::size_t i) { return i < values.size() ? values[i] : 0; };
  const auto axes = node.integers("scan_input_axes", {}), directions = node.integers("scan_input_directions", {});
  const auto out_axes = node.integers("scan_output_axes", {}), out_directions = node.integers("scan_output_directions", {});
  std::vector<OnnxValue> carried;
  for (int i = 0; i < states; ++i) carried.push_back(node.value(i));
  std::vector<Var> scanned;
  std::vector<int> along;
  std::int64_t turns = -1;
  for (int i = 0; i < scans; ++i) {
    scanned.push_back(node.input(static_cast<int>(states) + i));
    along.push_back(node.axis(at(axes, static_cast<std::size_t>(i)), scanned.back().rank()));
    const Dim& size = scanned.back().size(along.back());
    if (!size.is_constant()) node.fail("the number of turns must be known", "give the sizes of the inputs");
    if (turns >= 0 && turns != size.constant()) node.fail("the scanned inputs differ in length");
    turns = size.constant();
  }
  if (turns > most_turns) node.fail(fmt::format("the loop takes more than {} turns", most_turns));
  std::vector<std::vector<OnnxValue>> columns;
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    std::vector<OnnxValue> inputs = carried;
    for (std::size_t i = 0; i < scanned.size(); ++i)
      inputs.push_back(OnnxValue{.var = row(scanned[i], along[i], at(directions, i) == 1 ? turns - 1 - turn : turn)});
    std::vector<OnnxValue> results = run(node, body, std::move(inputs));
    if (static_cast<std::int64_t>(results.size()) < states) node.fail("the body gives too few values");
    carried.assign(results.begin(), results.begin() + states);
    columns.resize(results.size() - static_cast<std::size_t>(states));
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].push_back(std::move(results[static_cast<std::size_t>(states) + i]));
  }
  for (OnnxValue& value : carried) node.give(std::move(value));
  for (std::size_t i = 0; i < columns.size(); ++i) node.give(stacked(node, columns[i], at(out_axes, i), at(out_directions, i) == 1));
}

// The body for each element of the first sequence; other sequences go along, tensors are the same for all.
void read_sequence_map(OnnxNode& node) {
  const onnx::GraphProto& body = body_of(node, "body");
  if (!node.value(0).is_sequence) node.fail("input 0 is no sequence");
  const std::size_t count = node.value(0).sequence.size();
  std::vector<std::vector<OnnxValue>> columns(static_cast<std::size_t>(body.output_size()));
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<OnnxValue> inputs;
    for (int i = 0; i < node.input_count(); ++i) {
      const OnnxValue& value = node.value(i);
      if (value.is_sequence && value.sequence.size() != count) node.fail("the sequences differ in length");
      inputs.push_back(value.is_sequence ? value.sequence[k] : value);
    }
    std::vector<OnnxValue> results = run(node, body, std::move(inputs));
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].push_back(std::move(results[i]));
  }
  for (std::vector<OnnxValue>& column : columns) node.give(OnnxValue{.is_sequence = true, .sequence = std::move(column)});
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "If", .read = read_if, .fold = false}},
    RegisterOnnx{{.type = "Loop", .read = read_loop, .fold = false}},
    RegisterOnnx{{.type = "Scan", .since = 9, .read = read_scan, .fold = false}},
    RegisterOnnx{{.type = "SequenceMap", .since = 17, .read = read_sequence_map, .fold = false}},
};

}  // namespace
}  // namespace neap::read_control_onnx

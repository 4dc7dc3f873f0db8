// A graph as text: one input, constant, node or output a line. The grammar is in graph_parse.cpp.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/base/progress.h"
#include "neap/ir/graph.h"
#include "neap/ir/map_text.h"
#include "neap/ir/words.h"

namespace neap {
namespace {

constexpr std::int64_t most_printed_elements = 16;

std::string constant_key(const Array& elements) {
  Hasher hasher;
  hasher.add(static_cast<std::uint64_t>(elements.dtype())).add(elements.sizes().size());
  for (const std::int64_t size : elements.sizes()) hasher.add(static_cast<std::uint64_t>(size));
  hasher.add(std::string_view(reinterpret_cast<const char*>(elements.raw()), static_cast<std::size_t>(elements.bytes())));
  return hasher.finish().hex();
}

// NaNs are written by their bits, so that every constant reads back as it is.
std::string element_text(const Array& elements, std::int64_t at) {
  const DType dtype = elements.dtype();
  if (dtype == DType::boolean) return elements.get_int(at) != 0 ? "true" : "false";
  if (!is_float(dtype)) return std::to_string(elements.get_int(at));
  const double value = elements.get(at);
  if (!std::isnan(value)) return number_text(dtype, value);
  switch (size_of(dtype)) {
    case 2:
      return fmt::format("0x{:x}", reinterpret_cast<const std::uint16_t*>(elements.raw())[at]);
    case 4:
      return fmt::format("0x{:x}", reinterpret_cast<const std::uint32_t*>(elements.raw())[at]);
    default:
      return fmt::format("0x{:x}", reinterpret_cast<const std::uint64_t*>(elements.raw())[at]);
  }
}

template <class T, class F>
std::string joined(const std::vector<T>& all, F&& text, const char* separator = ", ") {
  std::string made;
  for (std::size_t i = 0; i < all.size(); ++i) made += (i == 0 ? "" : separator) + text(all[i]);
  return made;
}

struct AttributeText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(DType::f64, value); }
  std::string operator()(const std::string& value) const { return in_quotes(value); }
  std::string operator()(DType value) const { return std::string(name(value)); }
  std::string operator()(const std::vector<std::int64_t>& all) const { return list("", all); }
  std::string operator()(const std::vector<double>& all) const { return list("reals", all); }
  std::string operator()(const std::vector<Dim>& all) const {
    return "sizes[" +
           joined(
               all, [](const Dim& size) { return size.to_string(); }, ",") +
           "]";
  }
  template <class T>
  std::string list(const char* kind, const std::vector<T>& all) const {
    return fmt::format("{}[{}]", kind,
                       joined(
                           all, [this](T value) { return (*this)(value); }, ","));
  }
};

// "3200*N + 12" -> "3.2 kB*N + 12 B".
std::string bytes_text(const Dim& bytes) {
  if (bytes.is_constant()) return human_bytes(static_cast<double>(bytes.constant()));
  const std::string text = bytes.to_string();
  std::string made;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts = depth == 0 && (at == 0 || text[at - 1] == ' ') && text[at] != '+' && text[at] != '-' && text[at] != ' ';
    if (starts) {
      std::size_t end = at;
      while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
      made += human_bytes(end == at ? 1 : std::stod(text.substr(at, end - at)));
      if (end == at) made += "*";
      at = std::max(at, end);
      if (at >= text.size()) break;
    }
    if (text[at] == '(') ++depth;
    if (text[at] == ')') --depth;
    made += text[at];
  }
  return made;
}

class GraphPrinter {
 public:
  GraphPrinter(const Graph& graph, const TextOptions& options)
      : graph_(graph), options_(options), names_(value_names(graph)), printed_(names_.size(), 0) {}

  std::string run() {
    text_ = "graph " + word(graph_.name) + " {\n";
    for (const Input& input : graph_.inputs) print(input);
    for (const NodePtr& node : graph_.nodes()) {
      for (const ValueId id : node->inputs) print_constant(id);
      print(*node);
    }
    for (const Output& output : graph_.outputs) print_constant(output.value);
    for (const Output& output : graph_.outputs) print(output);
    return text_ + "}\n";
  }

 private:
  std::string name_of(ValueId id) const {
    if (id == no_value) return "_";
    return id >= 0 && static_cast<std::size_t>(id) < names_.size() ? names_[static_cast<std::size_t>(id)] : fmt::format("%?{}", id);
  }

  std::string type_text(ValueId id, std::string_view known_name = "") const {
    if (!graph_.has_value(id)) return "?";
    const Value& value = graph_.value(id);
    return value.type.to_string() + (value.name == known_name ? "" : " " + in_quotes(value.name));
  }

  void print(const Input& input) {
    static constexpr const char* roles[] = {"input", "parameter", "state", "fixed"};
    if (graph_.has_value(input.value)) printed_[static_cast<std::size_t>(input.value)] = 1;
    text_ +=
        fmt::format("  {} {} : {}\n", roles[static_cast<std::size_t>(input.role)], word(input.name), type_text(input.value, input.name));
  }

  void print_constant(ValueId id) {
    if (!graph_.has_value(id) || printed_[static_cast<std::size_t>(id)] != 0) return;
    printed_[static_cast<std::size_t>(id)] = 1;
    const auto& elements = graph_.value(id).constant;
    if (!elements) return;
    text_ += fmt::format("  const {} : {} = ", name_of(id), type_text(id));
    if (elements->count() > most_printed_elements) {
      text_ += "data " + constant_key(*elements) + "\n";
      return;
    }
    text_ += "{";
    for (std::int64_t i = 0; i < elements->count(); ++i) text_ += (i == 0 ? "" : ", ") + element_text(*elements, i);
    text_ += "}\n";
  }

  // Names by which a body reads its operands; a value that is an operand twice is written by its position the second time.
  std::vector<std::string> operand_names(const std::vector<ValueId>& ids, std::size_t first_position) const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool again =
          std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i), ids[i]) != ids.begin() + static_cast<std::ptrdiff_t>(i);
      all.push_back(again || ids[i] == no_value ? fmt::format("@{}", i + first_position) : name_of(ids[i]));
    }
    return all;
  }

  void print(const Node& node) {
    const auto name = [this](ValueId id) { return name_of(id); };
    text_ += "  " + joined(node.outputs, name) + " = ";
    text_ += (node.is_map() ? "map" : node.op == "map" ? in_quotes(node.op) : word(node.op)) + "(" + joined(node.inputs, name) + ")";
    for (const auto& [key, value] : node.attributes) text_ += " " + word(key) + "=" + std::visit(AttributeText(), value);
    std::string schedule;
    if (node.is_map()) {
      MapPrinter printer(operand_names(node.inputs, 0), target_names(node));
      text_ += " " + printer.body(*node.map);
      schedule = printer.schedule(node.schedule);
    }
    text_ += " : " + joined(node.outputs, [this](ValueId id) { return type_text(id); });
    if (!node.implementation.empty()) text_ += "  library " + word(node.implementation);
    if (node.epilogue != nullptr) {
      const auto first =
          static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(static_cast<std::size_t>(node.epilogue_first), 0, node.inputs.size()));
      std::vector<std::string> operands = operand_names({node.inputs.begin() + first, node.inputs.end()}, 1);
      operands.insert(operands.begin(), "@0");
      text_ += fmt::format("  epilogue {} {}", node.epilogue_first, MapPrinter(operands, target_names(node)).body(*node.epilogue));
    }
    if (!schedule.empty()) text_ += "  " + schedule;
    if (node.kept) text_ += "  kept";
    if (options_.origin && !node.origin.empty()) text_ += "  from " + joined(node.origin, in_quotes);
    text_ += comment(node) + "\n";
  }

  std::vector<std::string> target_names(const Node& node) const {
    std::vector<std::string> all;
    for (const ValueId id : node.outputs) all.push_back(name_of(id));
    return all;
  }

  std::string comment(const Node& node) const {
    if (!options_.bytes) return "";
    Dim reads = 0, writes = 0;
    if (node.is_map()) {
      const Volume moved = volume(graph_, node);
      for (const Dim& bytes : moved.reads) reads += bytes;
      for (const Dim& bytes : moved.writes) writes += bytes;
    } else {
      for (const ValueId id : node.inputs) reads += id == no_value ? Dim(0) : storage_bytes(graph_.type(id));
      for (const ValueId id : node.outputs) writes += storage_bytes(graph_.type(id));
    }
    return fmt::format("  // reads {} writes {}", bytes_text(reads), bytes_text(writes));
  }

  void print(const Output& output) {
    text_ += fmt::format("  output {} = {}", word(output.name), name_of(output.value));
    if (output.updates >= 0 && static_cast<std::size_t>(output.updates) < graph_.inputs.size()) {
      text_ += " updates " + word(graph_.inputs[static_cast<std::size_t>(output.updates)].name);
    }
    text_ += "\n";
  }

  const Graph& graph_;
  TextOptions options_;
  std::vector<std::string> names_;
  std::vector<char> printed_;  // inputs and constants, by value
  std::string text_;
};

}  // namespace

std::string to_string(const Graph& graph, const TextOptions& options) { return GraphPrinter(graph, options).run(); }

std::map<std::string, Array> large_constants(const Graph& graph) {
  std::map<std::string, Array> all;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (!graph.has_value(id)) continue;
    const auto& elements = graph.value(id).constant;
    if (elements && elements->count() > most_printed_elements) all.emplace(constant_key(*elements), *elements);
  }
  return all;
}

}  // namespace neap

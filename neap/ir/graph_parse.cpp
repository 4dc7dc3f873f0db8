// Reads what graph_text.cpp writes. The text may come from anywhere: sizes, depths and counts are checked before they cost anything.
//   graph      "graph" name "{" { line } "}"          comments: // to the end of the line
//   line       ( "input" | "parameter" | "state" | "fixed" ) name ":" type
//            | "const" "%"k ":" type "=" ( "{" elements "}" | "data" hash )
//            | "%"k { "," "%"k } "=" operator "(" values ")" { attribute "=" value } ":" types
//              [ "library" name ] [ "epilogue" k body ] [ "kept" ] [ from ]
//            | "%"k { "," "%"k } "=" "map" "(" values ")" body ":" types [ "schedule" { key "=" value } ] [ "kept" ] [ from ]
//            | "output" name "=" value [ "updates" input ]
//   from       "from" "origin" { "," "origin" }
//   value      "%"k | an input's name | "_" (absent)
//   types      dtype "[" sizes "]" [ layout ] [ "name" ] { "," ... }
// Bodies of maps: map_parse.h.
#include <charconv>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/ir/map_parse.h"
#include "neap/ir/scalar.h"
#include "neap/ir/words.h"

namespace neap {
namespace {

constexpr std::size_t longest_text = std::size_t{1} << 28;
constexpr std::int64_t most_written_elements = 4096;

class GraphParser {
 public:
  GraphParser(std::string_view text, const std::map<std::string, Array>& data) : cursor_(text), data_(data) {}

  Graph run() {
    try {
      graph();
    } catch (const Error& error) {
      if (error.place().rfind("line ", 0) == 0) throw;
      throw Error(error.problem(), cursor_.position(), error.remedy());
    }
    return std::move(graph_);
  }

 private:
  void graph() {
    if (!cursor_.take_word("graph")) cursor_.fail("'graph' is expected here");
    graph_.name = cursor_.name("the graph's name");
    cursor_.expect("{");
    while (!cursor_.take("}")) line();
    if (!cursor_.at_end()) cursor_.fail("something stands behind the graph");
  }

  void line() {
    if (cursor_.peek("%")) return node();
    if (cursor_.take_word("input")) return input(Role::input);
    if (cursor_.take_word("parameter")) return input(Role::parameter);
    if (cursor_.take_word("state")) return input(Role::state);
    if (cursor_.take_word("fixed")) return input(Role::fixed);
    if (cursor_.take_word("const")) return constant();
    if (cursor_.take_word("output")) return output();
    cursor_.fail("an input, a constant, a node or an output is expected here");
  }

  void remember(const std::string& name, ValueId id) {
    if (!values_.emplace(name, id).second) cursor_.fail("there are two values {}", name);
    names_.resize(static_cast<std::size_t>(id) + 1);
    names_.back() = name;
  }

  ValueId used_value() {
    if (cursor_.take_word("_")) return no_value;
    const std::string name = cursor_.value_name();
    const auto found = values_.find(name);
    if (found == values_.end()) cursor_.fail("there is no value {} so far", name.substr(0, 40));
    return found->second;
  }

  // A type, and behind it on the line the value's own name.
  Type typed(std::string& name) {
    Type type = parse_type(cursor_);
    if (cursor_.on_this_line() && cursor_.peek("\"")) name = cursor_.quoted();
    return type;
  }

  void input(Role role) {
    const std::string name = cursor_.name("the input's name");
    cursor_.expect(":");
    std::string inner = name;
    const ValueId id = graph_.add_input(name, typed(inner), role);
    if (inner != name) graph_.set_name(id, inner);
    remember(value_key(name), id);
    input_names_.emplace(name, static_cast<int>(graph_.inputs.size()) - 1);
  }

  void output() {
    const std::string name = cursor_.name("the output's name");
    cursor_.expect("=");
    const ValueId id = used_value();
    if (id == no_value) cursor_.fail("an output is a value");
    int updates = -1;
    if (follows("updates")) {
      const auto found = input_names_.find(cursor_.name("an input"));
      if (found == input_names_.end()) cursor_.fail("there is no such input");
      updates = found->second;
    }
    graph_.add_output(id, name, updates);
  }

  void constant() {
    cursor_.expect("%");
    const std::string name = fmt::format("%{}", cursor_.small_integer("a value's number"));
    cursor_.expect(":");
    std::string inner;
    const Type type = typed(inner);
    Sizes sizes;
    for (const Dim& size : type.shape) {
      if (!size.is_constant()) cursor_.fail("a constant's sizes are known, {} is not", size.to_string());
      sizes.push_back(size.constant());
    }
    const std::int64_t count = element_count(sizes);
    cursor_.expect("=");
    const ValueId id =
        graph_.add_constant(cursor_.take_word("data") ? stored(type, sizes) : written(type, sizes, count), inner, type.layout);
    remember(name, id);
  }

  Array stored(const Type& type, const Sizes& sizes) {
    const std::string key(cursor_.hex());
    const auto found = data_.find(key);
    if (found == data_.end()) cursor_.fail("the elements of constant {} are not given", key.substr(0, 40));
    if (found->second.dtype() != type.dtype || found->second.sizes() != sizes) cursor_.fail("constant {} is not {}", key, type.to_string());
    return found->second;
  }

  Array written(const Type& type, const Sizes& sizes, std::int64_t count) {
    if (count > most_written_elements)
      cursor_.fail("at most {} elements are written out, this constant has {}", most_written_elements, count);
    Array elements(type.dtype, sizes);
    cursor_.expect("{");
    for (std::int64_t i = 0; i < count; ++i) {
      if (i > 0) cursor_.expect(",");
      element(elements, i);
    }
    cursor_.expect("}");
    return elements;
  }

  void element(Array& elements, std::int64_t at) {
    const DType dtype = elements.dtype();
    if (dtype == DType::boolean) {
      const bool yes = cursor_.take_word("true");
      if (!yes && !cursor_.take_word("false")) cursor_.fail("true or false is expected here");
      return elements.set_int(at, yes ? 1 : 0);
    }
    if (!is_float(dtype)) {
      const std::int64_t value = cursor_.integer("an integer");
      if (round_to(dtype, {0, value}).integer != value) cursor_.fail("{} does not fit {}", value, name(dtype));
      return elements.set_int(at, value);
    }
    const std::string_view text = cursor_.number();
    if (text.substr(0, 2) == "0x") return bits(elements, at, text.substr(2));
    if (dtype == DType::f64) return elements.set(at, read<double>(text));
    elements.set(at, static_cast<double>(read<float>(text)));
  }

  template <class T>
  T read(std::string_view text) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) cursor_.fail("{} is out of range", text);
    if (error != std::errc() || end != text.data() + text.size()) cursor_.fail("'{}' is not a number", text);
    return value;
  }

  void bits(Array& elements, std::int64_t at, std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    const int size = size_of(elements.dtype());
    if (error != std::errc() || end != text.data() + text.size() || (size < 8 && value >> (8 * size) != 0))
      cursor_.fail("0x{} are not the bits of {}", text, name(elements.dtype()));
    for (int byte = 0; byte < size; ++byte) elements.raw()[at * size + byte] = static_cast<std::byte>(value >> (8 * byte));
  }

  void node() {
    Node node;
    std::vector<std::string> targets;
    do {
      cursor_.expect("%");
      targets.push_back(fmt::format("%{}", cursor_.small_integer("a value's number")));
    } while (cursor_.take(","));
    cursor_.expect("=");
    const bool map = cursor_.take_word("map");
    if (!map) node.op = cursor_.name("an operator");
    cursor_.expect("(");
    while (!cursor_.take(")")) {
      if (!node.inputs.empty()) cursor_.expect(",");
      node.inputs.push_back(used_value());
    }
    const std::vector<NamedOperand> operands = operands_of(node.inputs);
    MapParser parser(cursor_, operands, targets);
    if (map) {
      node.map = std::make_shared<const Map>(parser.body());
    } else {
      attributes(node);
    }
    cursor_.expect(":");
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (i > 0) cursor_.expect(",");
      std::string inner;
      Type type = typed(inner);
      node.outputs.push_back(graph_.add_value(std::move(type), std::move(inner)));
    }
    for (std::size_t i = 0; i < targets.size(); ++i) remember(targets[i], node.outputs[i]);
    if (!map && follows("library")) node.implementation = cursor_.name("a library's name");
    if (!map && follows("epilogue")) epilogue(node, targets);
    if (map && follows("schedule")) node.schedule = parser.schedule();
    node.kept = follows("kept");
    if (follows("from")) {
      do node.origin.push_back(cursor_.quoted());
      while (cursor_.take(","));
    }
    graph_.append(std::move(node));
  }

  bool follows(std::string_view word) { return cursor_.on_this_line() && cursor_.take_word(word); }

  std::vector<NamedOperand> operands_of(const std::vector<ValueId>& ids) const {
    std::vector<NamedOperand> all;
    for (const ValueId id : ids) {
      all.push_back(id == no_value ? NamedOperand{.absent = true}
                                   : NamedOperand{names_[static_cast<std::size_t>(id)], graph_.type(id).dtype});
    }
    return all;
  }

  void epilogue(Node& node, const std::vector<std::string>& targets) {
    node.epilogue_first = cursor_.small_integer("the position of the epilogue's first operand");
    if (static_cast<std::size_t>(node.epilogue_first) > node.inputs.size()) cursor_.fail("the call has {} operands", node.inputs.size());
    std::vector<NamedOperand> operands = operands_of({node.inputs.begin() + node.epilogue_first, node.inputs.end()});
    operands.insert(operands.begin(), {"", graph_.type(node.outputs[0]).dtype});
    node.epilogue = std::make_shared<const Map>(MapParser(cursor_, operands, targets).body());
  }

  void attributes(Node& node) {
    while (!cursor_.peek(":")) {
      const std::string key = cursor_.name("an attribute or ':'");
      cursor_.expect("=");
      if (!node.attributes.emplace(key, attribute()).second) cursor_.fail("attribute {} stands twice", word(key));
    }
  }

  template <class F>
  void list(F&& element) {
    cursor_.expect("[");
    for (bool first = true; !cursor_.take("]"); first = false) {
      if (!first) cursor_.expect(",");
      element();
    }
  }

  Attribute attribute() {
    if (cursor_.peek("\"")) return cursor_.quoted();
    if (cursor_.peek("[")) {
      std::vector<std::int64_t> all;
      list([&] { all.push_back(cursor_.integer("an integer")); });
      return all;
    }
    const std::string_view word = cursor_.peek_word();
    if (word.empty() || word == "inf" || word == "nan") return number();
    if (cursor_.take_word("true")) return true;
    if (cursor_.take_word("false")) return false;
    if (cursor_.take_word("reals")) {
      std::vector<double> all;
      list([&] { all.push_back(read<double>(cursor_.number())); });
      return all;
    }
    if (cursor_.take_word("sizes")) {
      std::vector<Dim> all;
      list([&] { all.push_back(cursor_.size()); });
      return all;
    }
    return parse_dtype_word(cursor_);
  }

  Attribute number() {
    const std::string_view text = cursor_.number();
    if (text.find_first_of(".en") != std::string_view::npos) return read<double>(text);
    return read<std::int64_t>(text);
  }

  Graph graph_;
  Cursor cursor_;
  const std::map<std::string, Array>& data_;
  std::unordered_map<std::string, ValueId> values_;
  std::unordered_map<std::string, int> input_names_;
  std::vector<std::string> names_;  // of values, by id
};

}  // namespace

Graph parse_graph(std::string_view text, const std::map<std::string, Array>& data) {
  if (text.size() > longest_text) throw Error(fmt::format("a graph of {} bytes of text; at most {} are read", text.size(), longest_text));
  return GraphParser(text, data).run();
}

}  // namespace neap

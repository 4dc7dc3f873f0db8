// Components of sparse layouts: any arrays are refused, or a matrix that unpacks without a fault and whose stored elements are packed
// again. The layouts' operators take any too: native calls refuse them, or read and write within their memory.
#include "neap/layouts/sparse_layout.h"

#include <cmath>
#include <cstdlib>

#include "fuzz/target.h"
#include "neap/library/sparse_places.h"  // whose calls are linked
#include "neap/ops/interpreter.h"
#include "neap/runtime/at_once.h"

namespace neap {
namespace {

// The bytes in order; zeros behind the last.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  int next() { return at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : 0; }
  std::int64_t below(std::int64_t limit) { return next() % limit; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

constexpr std::int64_t most_size = 9;

Array mask_of(const Array& matrix) {
  Array mask(DType::boolean, matrix.sizes());
  for (std::int64_t i = 0; i < mask.count(); ++i) mask.set(i, matrix.get(i) != 0 ? 1 : 0);
  return mask;
}

// What the layout packs of a matrix, with some elements, and now and then sizes or dtypes, changed.
std::vector<Array> components_of(Bytes& bytes, const LayoutChoice& choice, const Sizes& sizes) {
  Array dense(DType::f32, sizes);
  for (std::int64_t i = 0; i < dense.count(); ++i) dense.set(i, bytes.below(3) == 0 ? static_cast<double>(bytes.next() - 128) : 0);
  std::vector<Array> components = choice.layout->pack(dense, mask_of(dense), choice.parameters);
  for (std::int64_t changes = bytes.below(4); changes > 0; --changes) {
    Array& component = components[static_cast<std::size_t>(bytes.below(static_cast<std::int64_t>(components.size())))];
    const std::int64_t what = bytes.below(8);
    if (what == 0) component = Array::zeros(component.dtype(), {bytes.below(most_size), bytes.below(most_size)});
    if (what == 1) component = Array::zeros(DType::f32, component.sizes());
    if (what >= 2 && component.count() > 0 && !is_float(component.dtype())) {
      const std::int64_t value = bytes.next() - (what == 2 ? 200 : 2);
      component.set_int(bytes.next() % component.count(), component.dtype() == DType::boolean ? value & 1 : value);
    }
  }
  return components;
}

void expect_same(const Array& a, const Array& b) {
  for (std::int64_t i = 0; i < a.count(); ++i) {
    if (a.get(i) != b.get(i) && !std::isnan(a.get(i))) std::abort();
  }
}

// What stands ahead of the components of the layout's operators for a matrix of `size`, and the attributes of convolutions.
constexpr std::int64_t features = 3, images = 2, height = 3, width = 4;
std::vector<Sizes> front_of(std::string_view kind, const Sizes& size, Attributes& attributes) {
  const std::int64_t rows = size[0], columns = size[1], across = columns % 2 == 0 ? 2 : 1;
  const Sizes x{images, columns / across, height, width}, y{images, rows, height, width - across + 1};
  if (kind.starts_with("conv")) attributes["window"] = Shape{1, across};
  if (kind == "conv_input") attributes["input_size"] = Shape{height, width};
  if (kind == "take") return {size};
  if (kind == "matmul") return {{std::get<bool>(attributes["transpose"]) ? rows : columns, features}};
  if (kind == "sample") return {{rows, features}, {columns, features}};
  if (kind == "conv") return {x};
  if (kind == "conv_input") return {y};
  return kind == "conv_sample" ? std::vector<Sizes>{y, x} : std::vector<Sizes>{};
}

// All elements are whole, so that sums are the same in any order. `hold`: the components are those of such a matrix.
void try_operator(const LayoutChoice& choice, std::string_view kind, bool transposed, std::vector<Array> components, const Sizes& size,
                  bool hold) {
  Attributes attributes = attributes_of(choice, Shape(size.begin(), size.end()));
  if (kind == "matmul") attributes["transpose"] = transposed;
  std::vector<Array> operands;
  for (const Sizes& sizes : front_of(kind, size, attributes)) {
    Array& front = operands.emplace_back(DType::f32, sizes);
    for (std::int64_t i = 0; i < front.count(); ++i) front.set(i, static_cast<double>(i % 7 - 3));
  }
  if (kind == "take" || kind.ends_with("sample")) components.erase(components.begin());
  operands.insert(operands.end(), components.begin(), components.end());
  try {
    Graph graph;
    Builder build(graph);
    std::vector<Var> inputs;
    for (const Array& array : operands) inputs.push_back(build.input("x" + std::to_string(inputs.size()), type_of(array)));
    graph.add_output(build.call(choice.layout->op(kind), inputs, attributes).id(), "y");
    const Array made = run_at_once(graph, operands)[0];
    if (hold) expect_same(interpret(graph, operands)[0], made);
  } catch (const Error&) {
    if (hold) std::abort();
  }
}

bool holds(const LayoutChoice& choice, const std::vector<Array>& components, const Sizes& size) {
  try {
    choice.layout->check(components, size, choice.parameters);
  } catch (const Error&) {
    return false;
  }
  return components[0].dtype() == DType::f32;
}

void try_operators(Bytes& bytes, const LayoutChoice& choice, const std::vector<Array>& components, Sizes size) {
  if (bytes.below(4) == 0) size[static_cast<std::size_t>(bytes.below(2))] = bytes.below(256);
  const bool hold = holds(choice, components, size);
  for (const char* kind : {"dense", "take", "matmul", "sample", "conv", "conv_input", "conv_sample"})
    try_operator(choice, kind, bytes.below(2) == 0, components, size, hold);
}

void try_components(std::string_view text) {
  Bytes bytes(text);
  const auto layouts = all_layouts();
  LayoutChoice choice =
      LayoutChoice::parse(layouts[static_cast<std::size_t>(bytes.below(static_cast<std::int64_t>(layouts.size())))]->name);
  for (const ChoiceNumber& number : choice.layout->numbers) choice.parameters[number.name] = 1 + bytes.below(4);
  const Sizes sizes{bytes.below(most_size), bytes.below(most_size)};
  const std::vector<Array> components = components_of(bytes, choice, sizes);
  try_operators(bytes, choice, components, sizes);
  choice.layout->check(components, sizes, choice.parameters);
  const auto unpacked = [&](const std::vector<Array>& stored) { return interpret(unpacking(choice, stored, sizes), stored)[0]; };
  const Array matrix = unpacked(components);
  expect_same(matrix, unpacked(choice.layout->pack(matrix, mask_of(matrix), choice.parameters)));
}

}  // namespace
}  // namespace neap

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, neap::try_components);
}

#include "neap/layouts/sparse_layout.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "neap/base/suggestion.h"
#include "neap/layouts/packing.h"
#include "neap/layouts/sparse_conv.h"

namespace neap {
namespace {

using Layouts = std::map<std::string, SparseLayout, std::less<>>;
Layouts& layouts() {
  static Layouts all;
  return all;
}

// ---- the operators that follow from an index rule ---------------------------------------------------------------------------------

Dim matrix_size(const Call& call, int axis) { return call.dims("size")[static_cast<std::size_t>(axis)]; }

void check_size(const Call& call) {
  if (call.dims("size").size() != 2) call.fail("size has two numbers", "rows and columns");
}

void define_dense(Definition& d, const SparseLayout& layout) {
  check_size(d.call());
  check_values(d.call(), layout, 0, 1);
  const StoredPoints points = layout.points(d, 1);
  const Dim rows = matrix_size(d.call(), 0), columns = matrix_size(d.call(), 1);
  d.scatter({d.dtype(0), {rows, columns}, {}}, {kept_within(points, points.row, rows), kept_within(points, points.column, columns)},
            where_inside(points, d.read(0, points.place)), Accumulate::sum);
}

void define_take(Definition& d, const SparseLayout& layout) {
  check_size(d.call());
  const Type& dense = d.call().input(0);
  if (!(dense.shape == d.call().dims("size")))
    d.call().fail(fmt::format("the matrix is {}, its places are in {}", dense.to_string(), to_string(d.call().dims("size"))));
  const StoredPoints points = layout.points(d, 1);
  const Expr value =
      d.read(0, {kept_within(points, points.row, matrix_size(d.call(), 0)), kept_within(points, points.column, matrix_size(d.call(), 1))});
  d.scatter({d.dtype(0), layout.values_shape(d.call(), 1), {}}, points.place, where_inside(points, value), Accumulate::none);
}

// x of a product: [elements, features], or [features..., elements].
struct Sides {
  bool features_first;
  std::vector<Expr> at(const Expr& element, const std::vector<Axis>& features) const {
    std::vector<Expr> index;
    for (const Axis& feature : features) index.push_back(axis_position(feature));
    index.insert(features_first ? index.end() : index.begin(), element);
    return index;
  }
  Shape shape(const Dim& elements, Shape features) const {
    features.insert(features_first ? features.end() : features.begin(), elements);
    return features;
  }
};

void check_rank(const Call& call, int input, bool features_first) {
  const Type& x = call.input(input);
  if (features_first ? x.rank() < 2 : x.rank() != 2)
    call.fail(fmt::format("operand {} is {}, it has features and elements", input, x.to_string()));
}

// Features of operand `input`, which has `elements` on its other axis.
Shape check_features(const Call& call, int input, const Dim& elements, const Sides& sides) {
  check_rank(call, input, sides.features_first);
  const Type& x = call.input(input);
  const int element_axis = sides.features_first ? x.rank() - 1 : 0;
  if (!(x.shape[static_cast<std::size_t>(element_axis)] == elements))
    call.fail(fmt::format("operand {} is {}, the matrix has {} there", input, x.to_string(), elements.to_string()),
              fmt::format("{} of it is {}", element_axis == 0 ? "the first size" : "the last size", elements.to_string()));
  Shape features = x.shape;
  features.erase(features.begin() + element_axis);
  return features;
}

// The dense operands of a product, or of what its gradient samples.
void check_operands(const Call& call, bool product) {
  const Dim rows = matrix_size(call, 0), columns = matrix_size(call, 1);
  if (product) {
    check_features(call, 0, call.flag("transpose") ? rows : columns, {call.flag("features_first")});
    return;
  }
  check_features(call, 0, rows, {false});
  check_features(call, 1, columns, {false});
}

void define_matmul(Definition& d, const SparseLayout& layout) {
  check_size(d.call());
  const bool transposed = d.call().flag("transpose");
  const Sides sides{d.call().flag("features_first")};
  const Dim rows = matrix_size(d.call(), 0), columns = matrix_size(d.call(), 1);
  const Shape sizes = check_features(d.call(), 0, transposed ? rows : columns, sides);
  check_weights(d.call(), layout);
  const StoredPoints points = layout.points(d, 2);
  std::vector<Axis> features;
  for (std::size_t i = 0; i < sizes.size(); ++i) features.push_back(d.axis(i == 0 ? "f" : fmt::format("f{}", i), sizes[i]));
  const Expr row = kept_within(points, points.row, rows), column = kept_within(points, points.column, columns);
  const Expr weight = cast(d.read(1, points.place), d.dtype(0));
  const Expr product = weight * d.read(0, sides.at(transposed ? row : column, features));
  d.scatter({d.dtype(0), sides.shape(transposed ? columns : rows, sizes), {}}, sides.at(transposed ? column : row, features),
            where_inside(points, product), Accumulate::sum);
}

void define_sample(Definition& d, const SparseLayout& layout) {
  check_size(d.call());
  const Dim rows = matrix_size(d.call(), 0), columns = matrix_size(d.call(), 1);
  const Sides sides{false};
  check_operands(d.call(), false);
  if (d.dtype(0) != d.dtype(1))
    d.call().fail(fmt::format("operands are {} and {}", name(d.dtype(0)), name(d.dtype(1))), "cast one of them");
  if (!(d.size(0, 1) == d.size(1, 1))) d.call().fail("operands differ in their features");
  const StoredPoints points = layout.points(d, 2);
  const Axis feature = d.over("f", d.size(0, 1));
  const Expr row = kept_within(points, points.row, rows), column = kept_within(points, points.column, columns);
  const Expr value = d.sum({feature}, d.read(0, sides.at(row, {feature})) * d.read(1, sides.at(column, {feature})));
  d.scatter({d.dtype(0), layout.values_shape(d.call(), 2), {}}, points.place, where_inside(points, value), Accumulate::none);
}

// ---- gradients --------------------------------------------------------------------------------------------------------------------

// `front`, then the places of the operands from `first` on.
std::vector<Var> with_places(std::vector<Var> front, const std::vector<Var>& operands, std::size_t first) {
  front.insert(front.end(), operands.begin() + static_cast<std::ptrdiff_t>(first), operands.end());
  return front;
}

Attributes of_matrix(const Call& call) {
  Attributes attributes = call.attributes();
  attributes.erase("transpose");
  attributes.erase("features_first");
  return attributes;
}
Attributes with_transpose(const Call& call, bool transposed) {
  Attributes attributes = call.attributes();
  attributes["transpose"] = transposed;
  return attributes;
}

using Gradient = std::vector<Var> (*)(const GradientContext& g, const SparseLayout& layout);

std::vector<Var> dense_gradient(const GradientContext& g, const SparseLayout& layout) {
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = g.build.call(layout.op("take"), with_places({g.cotangents[0]}, g.inputs, 1), g.call.attributes());
  return gradients;
}
std::vector<Var> take_gradient(const GradientContext& g, const SparseLayout& layout) {
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = g.build.call(layout.op("dense"), with_places({g.cotangents[0]}, g.inputs, 1), g.call.attributes());
  return gradients;
}
std::vector<Var> matmul_gradient(const GradientContext& g, const SparseLayout& layout) {
  const bool transposed = g.call.flag("transpose");
  const auto features_last = [&](const Var& value) { return g.call.flag("features_first") ? transpose(as_matrix(value), {1, 0}) : value; };
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = g.build.call(layout.op("matmul"), with_places({g.cotangents[0]}, g.inputs, 1), with_transpose(g.call, !transposed));
  const Var x = features_last(g.inputs[0]), dy = features_last(g.cotangents[0]);
  const Var sampled = g.build.call(
      layout.op("sample"), with_places(transposed ? std::vector<Var>{x, dy} : std::vector<Var>{dy, x}, g.inputs, 2), of_matrix(g.call));
  gradients[1] = cast(sampled, g.inputs[1].dtype());
  return gradients;
}
std::vector<Var> sample_gradient(const GradientContext& g, const SparseLayout& layout) {
  const auto product = [&](const Var& x, bool transposed) {
    return g.build.call(layout.op("matmul"), with_places({x, g.cotangents[0]}, g.inputs, 2), with_transpose(g.call, transposed));
  };
  std::vector<Var> gradients(g.inputs.size());
  gradients[0] = product(g.inputs[1], false);
  gradients[1] = product(g.inputs[0], true);
  return gradients;
}

// ---- registration -----------------------------------------------------------------------------------------------------------------

struct Kind {
  const char *what, *about;
  std::vector<const char*> front;  // operands ahead of the components
  bool takes_values;
  void (*define)(Definition&, const SparseLayout&);
  Gradient gradient;
};
const std::vector<Kind>& operators() {
  static const std::vector<Kind> all = {
      {"dense", "the matrix that the components store", {}, true, define_dense, dense_gradient},
      {"take", "the elements of a dense matrix at the places", {"dense"}, false, define_take, take_gradient},
      {"matmul", "y[r, f] = sum of w[r, c] * x[c, f] over the stored elements", {"x"}, true, define_matmul, matmul_gradient},
      {"sample", "sum over f of a[r, f] * b[c, f] at the places", {"a", "b"}, false, define_sample, sample_gradient}};
  return all;
}

void check_numbers(const Call& call, const SparseLayout& layout) {
  for (const ChoiceNumber& number : layout.numbers) {
    const std::int64_t given = call.integer(number.name);
    if (!(static_cast<double>(given) >= number.least && static_cast<double>(given) <= number.most))
      call.fail(fmt::format("{} = {} is outside {} to {}", number.name, given, number.least, number.most));
  }
}

// The operators that take places, by name.
struct Taken {
  const SparseLayout* layout;
  int first;  // the operand that holds the first place
};
std::map<std::string, Taken, std::less<>>& takers() {
  static std::map<std::string, Taken, std::less<>> all;
  return all;
}

void check_places(const Call& call, const SparseLayout& layout, int first) {
  if (!layout.place_shapes) return;
  if (layout.leaves_out) check_size(call);
  int place = first;
  for (const Shape& wanted : layout.place_shapes(call, first)) {
    const std::string& component = layout.components[static_cast<std::size_t>(place - first) + 1].name;
    if (const Type& given = call.input(place++); !(given.shape == wanted))
      call.fail(fmt::format("{}: sizes are {}, not {}", component, to_string(given.shape), to_string(wanted)),
                "give the components that the layout packs");
  }
}

// With numbers in their bounds and places of such a matrix, as every rule of a layout and every native call take them.
void register_checked(const SparseLayout& layout, Operator op) {
  const int first = static_cast<int>(op.inputs.size()) - static_cast<int>(layout.components.size()) + 1;
  const auto check = [&layout, first](const Call& call) {
    check_numbers(call, layout);
    if (first > 0) check_places(call, layout, first);  // else it makes places
  };
  if (first > 0) takers()[op.name] = {&layout, first};
  if (op.define != nullptr) {
    op.define = [check, define = std::move(op.define)](Definition& d) {
      check(d.call());
      define(d);
    };
  } else {
    op.compose = [check, compose = std::move(op.compose)](Builder& build, const std::vector<Var>& operands, const Call& call) {
      check(call);
      return compose(build, operands, call);
    };
  }
  Register registered(std::move(op));
}

void register_operator(const SparseLayout& layout, const Kind& kind) {
  using Compose = std::function<Var(Builder&, const std::vector<Var>&, const Call&)>;
  const std::string_view what = kind.what;
  const Compose& own = what == "dense" ? layout.dense : what == "matmul" ? layout.product : what == "sample" ? layout.sample : nullptr;
  if (!own && !layout.points) return;  // a layout without places has no elements to take one by one
  Operator op;
  op.name = layout.op(what);
  op.about = fmt::format("{} ({})", kind.about, layout.about);
  for (const char* operand : kind.front) op.inputs.push_back({operand});
  op.inputs.insert(op.inputs.end(), layout.components.begin() + (kind.takes_values ? 0 : 1), layout.components.end());
  op.attributes = {{"size", Shape{}, "rows and columns of the matrix", true}};
  for (const ChoiceNumber& number : layout.numbers)
    op.attributes.push_back({number.name, static_cast<std::int64_t>(number.default_value), number.about});
  if (what == "matmul") op.attributes.push_back({"features_first", false, "x and y are [f..., c] and [f..., r]"});
  if (what == "matmul") op.attributes.push_back({"transpose", false, "the product with the transpose: y[c, f] = sum of w[r, c] * x[r, f]"});
  if (own) {
    op.compose = [own, what, &layout](Builder& build, const std::vector<Var>& operands, const Call& call) {
      if (layout.leaves_out) check_size(call);
      if (what != "dense") check_operands(call, what == "matmul");
      if (what == "matmul" && layout.points) check_weights(call, layout);
      return std::vector<Var>{own(build, operands, call)};
    };
  } else {
    op.define = [&layout, define = kind.define](Definition& d) { define(d, layout); };
  }
  if (layout.points && !own) {
    op.gradient = [&layout, gradient = kind.gradient](const GradientContext& g) { return gradient(g, layout); };
  }
  register_checked(layout, std::move(op));
}

void register_places(const SparseLayout& layout) {
  Operator op;
  op.name = layout.op("places");
  op.about = fmt::format("the places of what a mask keeps ({})", layout.about);
  op.inputs = {{"keep"}};
  op.attributes = {{"size", Shape{}, "rows and columns of the matrix", true}, {"count", std::int64_t{0}, "elements that it keeps", true}};
  for (const ChoiceNumber& number : layout.numbers)
    op.attributes.push_back({number.name, static_cast<std::int64_t>(number.default_value), number.about});
  op.compose = [&layout](Builder& build, const std::vector<Var>& operands, const Call& call) {
    check_size(call);
    const Type& keep = call.input(0);
    if (keep.dtype != DType::boolean || !(keep.shape == call.dims("size")))
      call.fail(fmt::format("the mask is {}, the matrix has the sizes {}", keep.to_string(), to_string(call.dims("size"))),
                "the mask is bool, of the matrix's sizes");
    if (const Dim all = element_count(keep.shape);
        call.integer("count") < 0 || !all.is_constant() || call.integer("count") > all.constant())
      call.fail(fmt::format("{} elements of {}", call.integer("count"), all.to_string()));
    return layout.places(build, operands[0], call);
  };
  op.differentiable = false;
  register_checked(layout, std::move(op));
}

}  // namespace

RegisterLayout::RegisterLayout(SparseLayout layout) {
  const auto [made, fresh] = layouts().emplace(layout.name, std::move(layout));
  NEAP_ASSERT(fresh, " layout {} is registered twice", made->first);
  for (const Kind& kind : operators()) register_operator(made->second, kind);
  if (made->second.places) register_places(made->second);
  if (!made->second.points) return;
  for (Operator& op : conv_operators(made->second)) register_checked(made->second, std::move(op));
}

const SparseLayout& find_layout(std::string_view name) {
  const auto found = layouts().find(name);
  if (found == layouts().end())
    throw Error(fmt::format("there is no layout '{}'", name.substr(0, 80)), "", suggestion_among(name, layouts()));
  return found->second;
}

std::vector<const SparseLayout*> all_layouts() {
  std::vector<const SparseLayout*> all;
  for (const auto& [name, layout] : layouts()) all.push_back(&layout);
  return all;
}

const SparseLayout* layout_of_operator(std::string_view op, std::string_view& what) {
  const std::size_t cut = op.rfind('_');
  if (cut == std::string_view::npos) return nullptr;
  what = op.substr(cut + 1);
  const auto found = layouts().find(op.substr(0, cut));
  const bool known = std::any_of(operators().begin(), operators().end(), [&](const Kind& kind) { return kind.what == what; });
  return known && found != layouts().end() ? &found->second : nullptr;
}

const SparseLayout* layout_of_places(std::string_view op, int& first) {
  const auto found = takers().find(op);
  if (found == takers().end()) return nullptr;
  first = found->second.first;
  return found->second.layout;
}

LayoutChoice LayoutChoice::parse(std::string_view text) {
  constexpr std::string_view key = " values=";
  std::string numbers(text);
  std::optional<DType> values;
  if (const std::size_t at = numbers.find(key); at != std::string::npos) {
    const std::size_t end = std::min(numbers.find(' ', at + key.size()), numbers.size());
    if (const std::string name = numbers.substr(at + key.size(), end - at - key.size()); name != "bf16")
      throw Error(fmt::format("values are not stored as '{}'", name.substr(0, 80)), "layout", "values=bf16");
    values = DType::bf16;
    numbers.erase(at, end - at);
  }
  const ChoiceText given = parse_choice(numbers, "layout");
  LayoutChoice choice{&find_layout(given.name), {}, values};
  for (const auto& [name, value] : complete(given, choice.layout->numbers, "layout"))
    choice.parameters[name] = static_cast<std::int64_t>(value);
  return choice;
}

std::string LayoutChoice::to_string() const {
  std::string text = layout->name;
  for (const auto& number : layout->numbers) text += fmt::format(" {}={}", number.name, std::get<std::int64_t>(parameters.at(number.name)));
  return values ? fmt::format("{} values={}", text, name(*values)) : text;
}

std::vector<Array> LayoutChoice::pack(const Array& dense, const Array& keep) const {
  std::vector<Array> components = layout->pack(dense, keep, parameters);
  if (values) components[0] = components[0].cast(*values);
  return components;
}

LayoutChoice choice_of(const SparseLayout& layout, const Call& call) {
  LayoutChoice choice{&layout, {}};
  for (const ChoiceNumber& number : layout.numbers) choice.parameters[number.name] = call.integer(number.name);
  return choice;
}

Sizes matrix_sizes(const Sizes& sizes) {
  return {sizes[0], std::accumulate(sizes.begin() + 1, sizes.end(), std::int64_t{1}, std::multiplies<>())};
}

Attributes attributes_of(const LayoutChoice& choice, const Shape& size) {
  Attributes attributes = choice.parameters;
  attributes["size"] = size;
  return attributes;
}

std::int64_t stored_bytes(const std::vector<Array>& components) {
  std::int64_t bytes = 0;
  for (const Array& component : components) bytes += component.bytes();
  return bytes;
}

Graph unpacking(const LayoutChoice& choice, const std::vector<Array>& components, const Sizes& size) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> operands;
  for (std::size_t i = 0; i < components.size(); ++i) {
    operands.push_back(build.input("c" + std::to_string(i), type_of(components[i])));
  }
  const Var dense = build.call(choice.layout->op("dense"), operands, attributes_of(choice, Shape(size.begin(), size.end())));
  graph.add_output(dense.id(), "dense");
  return graph;
}

}  // namespace neap

#include "neap/sparse/format.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/layouts/packing.h"

namespace neap::sparse {
namespace {

constexpr std::string_view dense = "dense", separator = "|";
constexpr const char *cotangent_op = "format_cotangent", *straight_op = "straight_through";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    parts.push_back(trimmed(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  parts.push_back(trimmed(text));
  return parts;
}

SparsifierChoice running_choice(std::string_view text) {
  SparsifierChoice choice = SparsifierChoice::parse(text);
  if (choice.sparsifier->keep_running == nullptr)
    throw Error(
        fmt::format("'{}' needs scores or a search, which a graph does not have while it runs", choice.sparsifier->name), "output format",
        "it is for weights; for other values there are keep_all, threshold, random, same_format, magnitude, blocks, nm and nmg_greedy");
  return choice;
}

LayoutChoice running_layout(std::string_view text) {
  LayoutChoice choice = layout_or_dense(text);
  if (choice.layout != nullptr && choice.layout->places == nullptr && choice.layout->leaves_out)
    throw Error(fmt::format("'{}' cannot be packed while a graph runs", choice.layout->name), "output format",
                "use dense, masked, or a layout that has an operator NAME_places");
  return choice;
}

// Whether a value in this layout is the dense one with zeros: there is nothing to pack.
bool as_dense(const LayoutChoice& layout) { return layout.layout == nullptr || !layout.layout->leaves_out; }

Var mask_of(Builder& build, const SparsifierChoice& choice, const Var& x, const FormatInputs& inputs) {
  const Var before = inputs.mask && !(inputs.mask.shape() == x.shape()) ? expand(inputs.mask, x.shape()) : inputs.mask;
  if (choice.sparsifier->reach == Reach::element)
    return choice.sparsifier->keep_running(build, {x, inputs.seed, before, inputs.stream}, choice.numbers);
  const Running matrix{as_matrix(x), inputs.seed, before ? as_matrix(before) : Var(), inputs.stream};
  return reshape(choice.sparsifier->keep_running(build, matrix, choice.numbers), x.shape());
}

std::vector<Var> operands_of(const Var& x, const FormatInputs& inputs) { return {x, inputs.seed, inputs.mask}; }
FormatInputs inputs_of(const std::vector<Var>& operands, const Call& call) {
  const auto operand = [&](std::size_t i) { return i < operands.size() ? operands[i] : Var(); };
  return {operand(1), operand(2), call.integer("stream")};
}

// A call of one of the operators here, with what the sparsifier does not take left out.
Var call_with(Builder& build, std::string_view op, const SparsifierChoice& choice, const Var& x, const FormatInputs& inputs) {
  FormatInputs taken = inputs;
  if (choice.sparsifier->takes != Takes::seed) taken.seed = {};
  if (choice.sparsifier->takes != Takes::mask) taken.mask = {};
  if (!taken.seed) taken.stream = 0;
  return build.call(op, operands_of(x, taken), {{"choice", choice.to_string()}, {"stream", taken.stream}});
}

// Whether a layout with these numbers stores exactly what the sparsifier makes.
bool makes(const SparsifierChoice& choice, const LayoutChoice& layout) {
  const auto is_same = [&](const ChoiceNumber& number) {
    return choice.numbers.at(number.name) == static_cast<double>(std::get<std::int64_t>(layout.parameters.at(number.name)));
  };
  const std::vector<ChoiceNumber>& numbers = layout.layout->numbers;
  return choice.sparsifier->layout == layout.layout->name && std::all_of(numbers.begin(), numbers.end(), is_same);
}

// Packed while the graph runs: a mask, its places, the elements there.
Var packed(Builder& build, const Var& x, const SparsifierChoice& choice, const LayoutChoice& layout, const FormatInputs& inputs) {
  const std::string place = "layout " + layout.to_string();
  const Var matrix = as_matrix(x);
  const Dim &rows = matrix.size(0), &columns = matrix.size(1);
  if (!rows.is_constant() || !columns.is_constant()) {
    const std::string open = (rows.is_constant() ? columns : rows).symbols().front();
    throw Error(fmt::format("the value is {}, whose sizes are open", x.type().to_string()), place,
                fmt::format("use the layout dense or masked, or give {} a number (neap sparsify --set {}=32)", open, open));
  }
  if (choice.sparsifier->count == nullptr)
    throw Error(fmt::format("how many elements '{}' keeps is known only when the graph runs", choice.sparsifier->name), place,
                "use dense or masked, or a sparsifier that keeps a share, such as magnitude");
  const RunningMasks masks = layout.layout->masks;
  if (masks == RunningMasks::known && !makes(choice, layout))
    throw Error(fmt::format("'{}' does not make what is stored so", choice.to_string()), place,
                "use the sparsifier of that layout with the same numbers");
  if (masks == RunningMasks::even_rows && !(choice.sparsifier->even_rows && choice.sparsifier->even_rows(choice.numbers)))
    throw Error(fmt::format("'{}' does not keep as many elements of each row", choice.to_string()), place,
                "use one that does, such as magnitude per_row=1");
  const std::int64_t count = choice.sparsifier->count(rows.constant(), columns.constant(), choice.numbers);
  const Var mask = call_with(build, "keep", choice, matrix, inputs);
  const Attributes attributes = attributes_of(layout, matrix.shape());
  Attributes counted = attributes;
  counted["count"] = count;
  const std::vector<Var> places = build.calls(layout.layout->op("places"), {mask}, counted);
  std::vector<Var> operands{matrix};
  operands.insert(operands.end(), places.begin(), places.end());
  operands[0] = build.call(layout.layout->op("take"), operands, attributes);
  const Var stored = build.call(layout.layout->op("dense"), operands, attributes);
  return x.rank() == 2 ? stored : reshape(stored, x.shape());
}

bool keeps_everything(const SparsifierChoice& choice) { return choice.sparsifier->name == "keep_all"; }

Var stage(Builder& build, const Var& x, const SparsifierChoice& choice, const LayoutChoice& layout, const FormatInputs& inputs) {
  if (!as_dense(layout)) return packed(build, x, choice, layout, inputs);
  return keeps_everything(choice) ? x : call_with(build, "sparsify", choice, x, inputs);
}

// ---- the operators ------------------------------------------------------------------------------------------------------------------

const std::vector<InputSpec> value_and_more = {{"x"}, {"seed", InputSpec::optional}, {"mask", InputSpec::optional}};
const AttributeSpec choice_attribute{"choice", std::string(), "the sparsifier with its numbers", true};
const AttributeSpec stream_attribute{"stream", std::int64_t{0}, "calls with different streams draw independently"};

Var keep_of(Builder& build, const std::vector<Var>& operands, const Call& call) {
  if (!is_float(operands[0].dtype())) call.fail("takes floating-point values", "cast first");
  return mask_of(build, running_choice(call.text("choice")), operands[0], inputs_of(operands, call));
}

const Register keep_operator{{.name = "keep",
                              .about = "which elements of x a sparsifier keeps",
                              .inputs = value_and_more,
                              .attributes = {choice_attribute, stream_attribute},
                              .compose = [](Builder& build, const std::vector<Var>& operands,
                                            const Call& call) { return std::vector<Var>{keep_of(build, operands, call)}; },
                              .differentiable = false}};

const Register sparsify_operator{{.name = "sparsify",
                                  .about = "x where a sparsifier keeps it, 0 elsewhere",
                                  .inputs = value_and_more,
                                  .attributes = {choice_attribute, stream_attribute},
                                  .compose = [](Builder& build, const std::vector<Var>& operands, const Call& call) {
                                    const Var zero = build.constant(operands[0].dtype(), 0);
                                    return std::vector<Var>{where(keep_of(build, operands, call), operands[0], zero)};
                                  }}};

const Register format_cotangent{
    {.name = cotangent_op,
     .about = "x; its gradient is brought into a format",
     .inputs = value_and_more,
     .attributes = {{"format", std::string(), "inline sparsifier | layout | external sparsifier | layout", true}, stream_attribute},
     .compose = [](Builder& build, const std::vector<Var>& operands,
                   const Call&) { return std::vector<Var>{build.call("identity", {operands[0]})}; },
     .gradient =
         [](const GradientContext& g) {
           std::vector<Var> gradients(g.inputs.size());
           gradients[0] = in_format(g.build, g.cotangents[0], OutputFormat::parse(g.call.text("format")), inputs_of(g.inputs, g.call));
           return gradients;
         }}};

const Register straight_through{{.name = straight_op,
                                 .about = "x; its gradient is that of `to`, whatever x was made of (Bengio et al. 2013, arXiv:1308.3432)",
                                 .inputs = {{"x"}, {"to"}},
                                 .compose =
                                     [](Builder& build, const std::vector<Var>& operands, const Call& call) {
                                       if (!(operands[0].type() == operands[1].type()))
                                         call.fail(fmt::format("the value is {}, what its gradient goes to {}",
                                                               operands[0].type().to_string(), operands[1].type().to_string()));
                                       return std::vector<Var>{build.call("identity", {operands[0]})};
                                     },
                                 .gradient =
                                     [](const GradientContext& g) {
                                       return std::vector<Var>{Var(), g.cotangents[0]};
                                     }}};

}  // namespace

LayoutChoice layout_or_dense(std::string_view text) { return text == dense || text.empty() ? LayoutChoice() : LayoutChoice::parse(text); }

std::string text_of(const LayoutChoice& layout) { return layout.layout == nullptr ? std::string(dense) : layout.to_string(); }

OutputFormat OutputFormat::parse(std::string_view text) {
  std::vector<std::string_view> parts = parts_of(text);
  if (parts.size() > 4)
    throw Error(fmt::format("a format has 4 parts, not {}", parts.size()), "output format",
                "write 'inline sparsifier | layout | external sparsifier | layout'");
  parts.resize(4);
  const auto choice = [](std::string_view part) { return running_choice(part.empty() ? "keep_all" : part); };
  OutputFormat format{choice(parts[0]), running_layout(parts[1]), choice(parts[2]), running_layout(parts[3])};
  if (format.inline_sparsifier.sparsifier->reach != Reach::element)
    throw Error(
        fmt::format("'{}' looks at more than one element, so it cannot run where each is made", format.inline_sparsifier.sparsifier->name),
        "output format", "give it as the external sparsifier: 'keep_all | dense | " + format.inline_sparsifier.to_string() + "'");
  return format;
}

std::array<std::string, 4> OutputFormat::parts() const {
  return {inline_sparsifier.to_string(), text_of(temporary), external_sparsifier.to_string(), text_of(layout)};
}

std::string OutputFormat::to_string() const {
  const auto [first, between, then, last] = parts();
  return fmt::format("{} | {} | {} | {}", first, between, then, last);
}

bool OutputFormat::keeps_all() const {
  return keeps_everything(inline_sparsifier) && keeps_everything(external_sparsifier) && as_dense(temporary) && as_dense(layout);
}

bool OutputFormat::draws() const {
  return inline_sparsifier.sparsifier->takes == Takes::seed || external_sparsifier.sparsifier->takes == Takes::seed;
}

Var in_format(Builder& build, const Var& value, const OutputFormat& format, const FormatInputs& inputs) {
  const bool twice = !keeps_everything(format.external_sparsifier) ||
                     (!as_dense(format.temporary) && !as_dense(format.layout) && text_of(format.temporary) != text_of(format.layout));
  if (!twice) {  // what is packed once is packed in the end
    return stage(build, value, format.inline_sparsifier, as_dense(format.layout) ? format.temporary : format.layout, inputs);
  }
  FormatInputs second = inputs;
  second.stream = inputs.stream + 1;
  return stage(build, stage(build, value, format.inline_sparsifier, format.temporary, inputs), format.external_sparsifier, format.layout,
               second);
}

void drop_cotangent_formats(Graph& graph) {
  Edit edit;
  for (std::size_t at = 0; at < graph.nodes().size(); ++at) {
    const Node& node = *graph.nodes()[at];
    if (node.op != cotangent_op && node.op != straight_op) continue;
    edit.erase.insert(at);
    edit.replace[node.outputs[0]] = node.inputs[0];
  }
  apply(graph, edit);
}

}  // namespace neap::sparse

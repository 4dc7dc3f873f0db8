#include "neap/transform/tune.h"

#include <algorithm>
#include <random>
#include <set>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/median.h"
#include "neap/codegen/cache.h"
#include "neap/codegen/kernel.h"
#include "neap/ir/map_walk.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/measuring.h"

namespace neap {
namespace {

constexpr double worth_tuning = 0.005;  // of the graph's modelled time
constexpr double least_gain = 0.03;     // of a kernel's time
constexpr int fewest_rounds = 7, most_rounds = 51;
constexpr double seconds_of_rounds = 0.25;
constexpr double most_bytes = 1e9;  // of a kernel's operands and results

// An edit inside an operator, as the history writes it: "tile axis=0 size=4".
struct Choice {
  std::string transformation;
  Parameters parameters;

  std::string to_string() const {
    std::string text = transformation;
    for (const auto& [name, value] : parameters) text += fmt::format(" {}={}", name, value);
    return text;
  }
};

// Half the distance between the quartiles.
double noise(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[values.size() * 3 / 4] - values[values.size() / 4]) / 2;
}

// ---- one kernel by itself -----------------------------------------------------------------------------------------------------

std::string why_not_alone(const Graph& graph, const Node& node, const CostModel& model) {
  if (node.kept) return "it runs once for many runs";
  double bytes = 0;
  for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs}) {
    for (const ValueId id : *ids) {
      if (id == no_value) continue;
      const Type& type = graph.type(id);
      bytes += model.bytes(type);
      if (!graph.value(id).constant && !(storage_count(type) == element_count(type.shape))) return "an operand lies in padded blocks";
      if (!node.is_map() && !is_float(type.dtype)) return "its operands may hold positions";
    }
  }
  if (bytes > most_bytes) return "its operands are too large to be held twice";
  if (bytes == 0) return "it does nothing";
  if (!node.is_map()) return "";
  bool data_decides = false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) data_decides |= is_position(*node.map, static_cast<std::int64_t>(i));
  const auto has_ragged = [](const std::vector<Axis>& axes) {
    return std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
  };
  data_decides |= has_ragged(node.map->axes);
  for (const Stage& stage : node.map->stages) data_decides |= has_ragged(stage.axes);
  visit_map(*node.map, [&](const Expr& e) { data_decides |= has_ragged(e->axes); });
  return data_decides ? "its operands say where it reads" : "";
}

Array random_elements(const Type& type, const Symbols& symbols, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Array made(type.dtype, evaluate(type.shape, symbols));
  for (std::int64_t i = 0; i < made.count(); ++i) {
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
    made.set(i, is_float(type.dtype) ? 2 * uniform - 1 : static_cast<double>(uniform < 0.5));
  }
  return made;
}

// A graph of the node alone: its operands are inputs, constants where they are.
Graph alone(const Graph& graph, const Node& node) {
  Graph made;
  made.name = "kernel";
  std::map<ValueId, ValueId> known;
  Node copy = node;
  copy.origin.clear();
  for (ValueId& id : copy.inputs) {
    if (id == no_value) continue;
    const auto [at, fresh] = known.try_emplace(id, no_value);
    if (fresh) {
      const Type& type = graph.type(id);
      const std::string name = fmt::format("x{}", known.size());
      at->second = graph.value(id).constant ? made.add_constant(random_elements(type, {}, known.size()), name, type.layout)
                                            : made.add_input(name, type);
    }
    id = at->second;
  }
  for (ValueId& id : copy.outputs) id = made.add_value(graph.type(id));
  made.append(std::move(copy));
  return made;
}

// ---- what there is to try -----------------------------------------------------------------------------------------------------

// All small values, then those with few steps between them: 8, 12, 16, 24 ...
std::vector<std::int64_t> values_of(const ParameterSpec& spec) {
  std::vector<std::int64_t> values;
  const auto add = [&](std::int64_t value) {
    if (value >= spec.least && value <= spec.most) values.push_back(value);
  };
  for (std::int64_t value = std::max<std::int64_t>(spec.least, 0); value < 8; ++value) add(value);
  for (std::int64_t value = 8; value <= spec.most; value *= 2) {
    add(value);
    add(value + value / 2);
  }
  return values;
}

std::vector<Parameters> all_parameters(const std::vector<ParameterSpec>& specs) {
  std::vector<Parameters> all{{}};
  for (const ParameterSpec& spec : specs) {
    std::vector<Parameters> longer;
    for (const Parameters& begun : all) {
      for (const std::int64_t value : values_of(spec)) {
        longer.push_back(begun);
        longer.back()[spec.name] = value;
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::vector<const Transformation*> inside_operators() {
  std::vector<const Transformation*> found = all_transformations();
  std::erase_if(found, [](const Transformation* t) { return t->level != 1 || t->apply == nullptr; });
  return found;
}

// The graph of one kernel with a choice made; nothing where it does not fit.
std::optional<Graph> with(const Graph& kernel, const Choice& choice) {
  const Transformation& transformation = find_transformation(choice.transformation);
  Draft draft(kernel);
  const Site site{{kernel.nodes()[0]->outputs[0]}};
  if (!transformation.apply(draft, site, complete(transformation, choice.parameters)).empty()) return std::nullopt;
  Graph made = draft.graph();
  return made.nodes().size() == 1 ? std::optional(std::move(made)) : std::nullopt;
}

// What becomes of it: the same for choices that the generator makes nothing of. Nothing where no kernel can be made.
std::optional<std::string> identity(const Graph& kernel) {
  const Node& node = *kernel.nodes()[0];
  if (!node.is_map()) return node.implementation;
  try {
    return generate_kernel(kernel, node, kernel.symbols(), best_isa()).name;
  } catch (const Error&) {
    return std::nullopt;
  }
}

// ---- measuring ----------------------------------------------------------------------------------------------------------------

struct Candidate {
  Choice choice;
  Graph kernel;
};

// Seconds by candidate and round. They stand in one graph, so that they are compiled together and take turns.
std::vector<std::vector<double>> measure(const std::vector<Candidate>& candidates, const Symbols& symbols) {
  Graph all = candidates[0].kernel;
  std::vector<NodePtr> nodes;
  for (const Candidate& candidate : candidates) {
    Node node = *candidate.kernel.nodes()[0];
    for (ValueId& id : node.outputs) id = all.add_value(candidate.kernel.type(id));
    nodes.push_back(std::make_shared<const Node>(std::move(node)));
  }
  all.set_nodes(std::move(nodes));
  std::vector<Array> inputs;
  for (const Input& input : all.inputs) inputs.push_back(random_elements(all.type(input.value), symbols, inputs.size()));
  Executable executable = measurable(all, "kernels");
  executable.run(inputs);
  executable.set_profiling(true);
  std::vector<std::vector<double>> seconds(candidates.size());
  const auto start = Clock::now();
  for (int round = 0; round < most_rounds; ++round) {
    if (round >= fewest_rounds && seconds_since(start) > seconds_of_rounds) break;
    executable.run(inputs);
    for (std::size_t i = 0; i < candidates.size(); ++i) seconds[i].push_back(executable.profile()[i].last);
  }
  return seconds;
}

bool better(const std::vector<double>& one, const std::vector<double>& other) {
  const double gain = median(other) - median(one);
  return gain > least_gain * median(other) && gain > noise(one) + noise(other);
}

// ---- what was found is kept ------------------------------------------------------------------------------------------------------

constexpr const char* nothing = "nothing";  // is better

std::string to_string(const std::vector<Choice>& choices) {
  std::string text;
  for (const Choice& choice : choices) text += (text.empty() ? "" : "; ") + choice.to_string();
  return text.empty() ? nothing : text;
}

// Nothing where it is no list of choices.
std::optional<std::vector<Choice>> parse_choices(std::string text) {
  std::vector<Choice> choices;
  if (text == nothing) return choices;
  std::replace(text.begin(), text.end(), ';', '\n');
  try {
    for (const RecipeLine& line : parse_recipe(text)) choices.push_back({line.transformation, line.parameters});
  } catch (const Error&) {
    return std::nullopt;
  }
  return choices.empty() ? std::nullopt : std::optional(std::move(choices));
}

// ---- tuning -------------------------------------------------------------------------------------------------------------------

struct Kernel {
  Graph graph;
  Hash hash;
  std::vector<Site> sites;
  double seconds = 0;  // modelled, of all sites
};

class Tuner {
 public:
  Tuner(Optimizer& optimizer, const TuneOptions& options)
      : optimizer_(optimizer), options_(options), cache_("tuning"), symbols_(optimizer.model().sizes(optimizer.graph())) {}

  Tuning run() {
    std::vector<Kernel> kernels = costliest();
    for (const Kernel& kernel : kernels) {
      ++tuning_.kernels;
      std::optional<std::vector<Choice>> choices = remembered(kernel);
      if (!choices && !time_is_over()) {
        choices = search(kernel);
        if (choices) cache_.note(kernel.hash, to_string(*choices));
        tuning_.measured += 1;
      }
      if (!choices) {
        ++tuning_.left;
      } else if (apply(kernel, *choices)) {
        ++tuning_.changed;
      }
    }
    return tuning_;
  }

 private:
  // What an earlier run found, where it still fits.
  std::optional<std::vector<Choice>> remembered(const Kernel& kernel) const {
    std::optional<std::vector<Choice>> choices = parse_choices(cache_.kernel_of(kernel.hash));
    std::optional<Graph> made = kernel.graph;
    for (std::size_t i = 0; choices && made && i < choices->size(); ++i) made = with(*made, (*choices)[i]);
    return made ? choices : std::nullopt;
  }

  double spent() const { return seconds_since(start_); }
  bool time_is_over() const { return spent() >= options_.seconds; }

  void report(const std::string& note) {
    if (options_.report != nullptr) options_.report(spent() - reported_, note);
    reported_ = spent();
  }

  std::vector<Kernel> costliest() const {
    const Graph& graph = optimizer_.graph();
    const Hasher around = on_this_machine();
    std::map<std::string, Kernel> by_hash;
    double total = 0;
    for (const NodePtr& node : graph.nodes()) {
      const double seconds = optimizer_.model().node(graph, *node).seconds;
      total += seconds;
      if (!why_not_alone(graph, *node, optimizer_.model()).empty()) continue;
      Graph made = alone(graph, *node);
      const Hash content = structural_hash(made);
      Hasher hasher = around;
      hasher.add(content.low).add(content.high);
      for (const std::string& symbol : made.symbols())
        hasher.add(std::string_view(symbol)).add(static_cast<std::uint64_t>(symbols_.at(symbol)));
      const Hash hash = hasher.finish();
      Kernel& kernel = by_hash.try_emplace(hash.hex(), Kernel{std::move(made), hash, {}, 0}).first->second;
      kernel.sites.push_back({{node->outputs[0]}});
      kernel.seconds += seconds;
    }
    std::vector<Kernel> kernels;
    for (auto& [hash, kernel] : by_hash) {
      if (kernel.seconds >= worth_tuning * total) kernels.push_back(std::move(kernel));
    }
    std::stable_sort(kernels.begin(), kernels.end(), [](const Kernel& a, const Kernel& b) { return a.seconds > b.seconds; });
    return kernels;
  }

  Symbols sizes_of(const Graph& kernel) const {
    Symbols sizes;
    for (const std::string& symbol : kernel.symbols()) sizes[symbol] = symbols_.at(symbol);
    return sizes;
  }

  // One transformation after the other, each on top of the best so far. Nothing where the time was over before all were tried.
  std::optional<std::vector<Choice>> search(const Kernel& kernel) {
    Candidate best{{}, kernel.graph};
    std::vector<Choice> choices;
    const std::string place = node_name(optimizer_.graph(), *producer_of(kernel.sites[0]));
    double first = 0, last = 0;
    for (const Transformation* transformation : inside_operators()) {
      std::vector<Candidate> candidates = candidates_of(*transformation, best);
      if (candidates.size() < 2) continue;
      if (time_is_over()) return std::nullopt;
      const auto seconds = measure(candidates, sizes_of(kernel.graph));
      std::size_t winner = 0;
      for (std::size_t i = 1; i < seconds.size(); ++i) {
        if (median(seconds[i]) < median(seconds[winner])) winner = i;
      }
      if (first == 0) first = median(seconds[0]);
      last = median(seconds[0]);
      if (winner != 0 && better(seconds[winner], seconds[0]) && wins_again(candidates[winner], best, kernel.graph)) {
        last = median(seconds[winner]);
        best = candidates[winner];
        choices.push_back(best.choice);
      }
      report(fmt::format("{}: {} {} ways, {:.3g} us to {:.3g} us", place, transformation->name, candidates.size() - 1, first * 1e6,
                         last * 1e6));
    }
    tuning_.before += first;
    tuning_.after += last;
    return choices;
  }

  // Against the best so far alone: among many, the luckiest looks better than it is.
  bool wins_again(const Candidate& winner, const Candidate& best, const Graph& kernel) const {
    const auto seconds = measure({best, winner}, sizes_of(kernel));
    return better(seconds[1], seconds[0]);
  }

  // The best so far, then what the transformation makes of it: each kernel once.
  static std::vector<Candidate> candidates_of(const Transformation& transformation, const Candidate& best) {
    std::vector<Candidate> candidates{best};
    std::set<std::string> known{identity(best.kernel).value_or("")};
    for (const Parameters& parameters : all_parameters(transformation.parameters)) {
      Choice choice{transformation.name, parameters};
      std::optional<Graph> made = with(best.kernel, choice);
      if (!made) continue;
      const std::optional<std::string> same = identity(*made);
      if (same && known.insert(*same).second) candidates.push_back({std::move(choice), std::move(*made)});
    }
    return candidates;
  }

  NodePtr producer_of(const Site& site) const {
    for (const NodePtr& node : optimizer_.graph().nodes()) {
      if (node->outputs[0] == site.at[0]) return node;
    }
    return nullptr;
  }

  bool apply(const Kernel& kernel, const std::vector<Choice>& choices) {
    for (const Site& site : kernel.sites) {
      for (const Choice& choice : choices) optimizer_.apply(find_transformation(choice.transformation), site, choice.parameters);
    }
    return !choices.empty();
  }

  Optimizer& optimizer_;
  const TuneOptions& options_;
  KernelCache cache_;
  Symbols symbols_;
  Tuning tuning_;
  Clock::time_point start_ = Clock::now();
  double reported_ = 0;
};

}  // namespace

Tuning tune(Optimizer& optimizer, const TuneOptions& options) { return Tuner(optimizer, options).run(); }

}  // namespace neap

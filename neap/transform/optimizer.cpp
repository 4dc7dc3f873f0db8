#include "neap/transform/optimizer.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "neap/base/error.h"

namespace neap {

Cost changed_cost(const CostModel& model, const Graph& before, const Graph& after) {
  std::unordered_set<const Node*> old;
  for (const NodePtr& node : before.nodes()) old.insert(node.get());
  Cost change;
  for (const NodePtr& node : after.nodes()) {
    if (old.erase(node.get()) == 0) change += model.node(after, *node);
  }
  for (const NodePtr& node : before.nodes()) {
    if (old.count(node.get()) != 0) change = change - model.node(before, *node);
  }
  return change;
}

Optimizer::Optimizer(Graph graph, CostModel model) : graph_(std::move(graph)), model_(std::move(model)), cost_(model_.graph(graph_)) {}

namespace {

std::string place_of(const Graph& graph, const Site& site) {
  std::string text;
  const Uses uses(graph);
  for (const ValueId id : site.at) {
    const int at = id >= 0 && id < graph.value_count() ? uses.producer(id) : -1;
    text +=
        (text.empty() ? "" : " -> ") + (at < 0 ? fmt::format("%{}", id) : node_name(graph, *graph.nodes()[static_cast<std::size_t>(at)]));
  }
  return text;
}

}  // namespace

void Optimizer::record(const Transformation& transformation, const Site& site, const Parameters& parameters, int edits, std::string place,
                       Graph previous) {
  Step step{transformation.name, transformation.level, std::move(place), site, parameters, edits, cost_, {}, std::move(previous)};
  cost_ += changed_cost(model_, step.previous, graph_);
  step.after = cost_;
  steps_.push_back(std::move(step));
}

void Optimizer::apply(const Transformation& transformation, const Site& site, const Parameters& parameters) {
  if (const std::string reason = transformation.check(graph_, site); !reason.empty()) {
    throw Error(fmt::format("{} does not fit: {}", transformation.name, reason), place_of(graph_, site),
                "`neap optimize --explain` lists the sites");
  }
  for (const auto& [name, value] : parameters) {
    const auto spec = std::find_if(transformation.parameters.begin(), transformation.parameters.end(),
                                   [&, n = name](const ParameterSpec& s) { return s.name == n; });
    if (spec == transformation.parameters.end()) throw Error(fmt::format("{} has no parameter '{}'", transformation.name, name));
    if (value < spec->least || value > spec->most) {
      throw Error(fmt::format("{} = {} is outside {} to {}", name, value, spec->least, spec->most), transformation.name);
    }
  }
  Graph previous = graph_;
  std::string place = place_of(graph_, site);
  transformation.apply(graph_, site, parameters);
  record(transformation, site, parameters, 1, std::move(place), std::move(previous));
}

bool Optimizer::try_site(const Transformation& transformation, const Site& site) {
  std::string reason = transformation.check(graph_, site);
  if (reason.empty()) {
    Graph changed = graph_;
    transformation.apply(changed, site, {});
    const Cost change = changed_cost(model_, graph_, changed);
    if (!transformation.needs_gain || change.seconds < 0) {
      std::string place = place_of(graph_, site);
      std::swap(graph_, changed);
      record(transformation, site, {}, 1, std::move(place), std::move(changed));
      return true;
    }
    reason = fmt::format("it would cost {:.3g} us more ({:+.3g} kB, {:+.3g} kflop)", change.seconds * 1e6, change.bytes / 1e3,
                         change.flops / 1e3);
  }
  refusals_.push_back({transformation.name, transformation.level, place_of(graph_, site), std::move(reason)});
  return false;
}

int Optimizer::apply_all(const Transformation& transformation) {
  if (transformation.apply_everywhere != nullptr) {
    Graph previous = graph_;
    const int edits = transformation.apply_everywhere(graph_);
    if (edits > 0) record(transformation, {}, {}, edits, "everywhere", std::move(previous));
    return edits;
  }
  // Sites that were refused stay refused until a node of theirs changes, so that rounds end quickly.
  int edits = 0;
  std::set<std::vector<ValueId>> tried;
  for (bool changed = true; changed;) {
    changed = false;
    for (const Site& site : transformation.find(graph_)) {
      if (tried.count(site.at) != 0) continue;
      if (try_site(transformation, site)) {
        ++edits;
        changed = true;
        tried.clear();
      } else {
        tried.insert(site.at);
      }
    }
  }
  // Of the refusals, what is said last about a place counts, and only what was not done after all.
  std::set<std::pair<std::string, std::string>> seen;
  std::vector<Refusal> kept;
  for (auto it = refusals_.rbegin(); it != refusals_.rend(); ++it) {
    if (seen.emplace(it->transformation, it->place).second) kept.push_back(*it);
  }
  refusals_.assign(kept.rbegin(), kept.rend());
  return edits;
}

void Optimizer::undo() {
  if (steps_.empty()) throw Error("there is no step to undo");
  graph_ = std::move(steps_.back().previous);
  cost_ = steps_.back().before;
  steps_.pop_back();
}

std::string Optimizer::recipe() const {
  std::string text;
  for (const Step& step : steps_) {
    text += step.transformation;
    if (!step.site.at.empty()) text += " at " + step.site.to_string();
    for (const auto& [name, value] : step.parameters) text += fmt::format(" {}={}", name, value);
    text += "\n";
  }
  return text;
}

namespace {

// "name at %4 -> %7 tile=8" -> its parts; Error with the line's number.
struct Line {
  std::string name;
  Site site;
  Parameters parameters;
};
Line parse_line(std::string_view text, int number) {
  Line line;
  std::size_t at = 0;
  const auto word = [&]() -> std::string_view {
    while (at < text.size() && text[at] == ' ') ++at;
    const std::size_t from = at;
    while (at < text.size() && text[at] != ' ') ++at;
    return text.substr(from, at - from);
  };
  const auto integer = [&](std::string_view digits) {
    std::int64_t value = 0;
    const bool good =
        !digits.empty() && digits.size() < 10 && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!good) throw Error(fmt::format("'{}' is not a number", digits), fmt::format("line {} of the recipe", number));
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  };
  line.name = word();
  for (std::string_view w = word(); !w.empty(); w = word()) {
    if (w == "at" || w == "->") continue;
    if (w[0] == '%') {
      line.site.at.push_back(static_cast<ValueId>(integer(w.substr(1))));
    } else if (const std::size_t equals = w.find('='); equals != std::string_view::npos) {
      line.parameters[std::string(w.substr(0, equals))] = integer(w.substr(equals + 1));
    } else {
      throw Error(fmt::format("'{}' is neither a node nor a parameter", w), fmt::format("line {} of the recipe", number));
    }
  }
  return line;
}

}  // namespace

void Optimizer::replay(const std::string& recipe) {
  std::size_t from = 0;
  for (int number = 1; from < recipe.size(); ++number) {
    std::size_t end = recipe.find('\n', from);
    if (end == std::string::npos) end = recipe.size();
    const std::string_view text = std::string_view(recipe).substr(from, end - from);
    from = end + 1;
    if (text.empty() || text[0] == '#') continue;
    const Line line = parse_line(text, number);
    const Transformation& transformation = find_transformation(line.name);
    if (line.site.at.empty()) {
      apply_all(transformation);
    } else {
      apply(transformation, line.site, line.parameters);
    }
  }
}

void Optimizer::optimize(int level) {
  // The order of the recipe: what is common or known goes first, then operators become maps and library calls, then neighbours fuse.
  static constexpr std::pair<int, const char*> recipe[] = {
      {2, "fold_constants"}, {2, "remove_dead"},   {3, "share_common"},  {3, "channels_last"}, {0, "bind_library"}, {0, "lower"},
      {3, "share_common"},   {2, "fuse_vertical"}, {2, "fuse_siblings"}, {2, "fuse_vertical"}, {3, "share_common"}, {2, "fuse_scope"},
  };
  for (const auto& [from, name] : recipe) {
    if (level < from) continue;
    const auto all = all_transformations();
    const auto found = std::find_if(all.begin(), all.end(), [n = std::string_view(name)](const Transformation* t) { return t->name == n; });
    if (found != all.end()) apply_all(**found);
  }
}

}  // namespace neap

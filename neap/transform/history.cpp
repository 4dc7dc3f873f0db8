// The history of an optimizer as text: for replaying, and for reading.
#include <algorithm>
#include <limits>
#include <map>

#include "neap/base/error.h"
#include "neap/base/progress.h"
#include "neap/transform/optimizer.h"

namespace neap {
namespace {

// "name at %4 -> %7 tile=8" -> its parts; Error with the line's number.
struct Line {
  std::string name;
  Site site;
  Parameters parameters;
};

Line parse_line(std::string_view text, const std::string& place) {
  Line line;
  std::size_t at = 0;
  const auto word = [&]() -> std::string_view {
    while (at < text.size() && text[at] == ' ') ++at;
    const std::size_t from = at;
    while (at < text.size() && text[at] != ' ') ++at;
    return text.substr(from, at - from);
  };
  line.name = word();
  for (std::string_view w = word(); !w.empty(); w = word()) {
    if (w == "at" || w == "->") continue;
    if (w[0] == '%') {
      const std::int64_t id = parse_integer(w.substr(1), place);
      line.site.at.push_back(id < 0 || id > std::numeric_limits<ValueId>::max() ? no_value : static_cast<ValueId>(id));
    } else if (!parse_parameter(w, place, line.parameters)) {
      throw Error(fmt::format("'{}' is neither a node nor a parameter", w), place);
    }
  }
  return line;
}

std::string change_text(const Cost& change) {
  return fmt::format("{}{}, {:+.3g} us", change.bytes > 0 ? "+" : "", human_bytes(change.bytes), change.seconds * 1e6);
}

// What decided at each place; of places with the same reason the first few.
std::string made_text(const std::vector<Made>& made) {
  constexpr int shown = 3;
  std::string text;
  std::map<std::string_view, int> alike;
  for (const Made& one : made) {
    if (++alike[one.reason] <= shown) text += fmt::format("      at {}: {}\n", one.place, one.reason);
  }
  for (const auto& [reason, count] : alike) {
    if (count > shown) text += fmt::format("      at {} more: {}\n", count - shown, reason);
  }
  return text;
}

}  // namespace

std::string Optimizer::history() const {
  std::string text;
  for (const Step& step : steps_) {
    text += step.transformation;
    if (!step.site.at.empty()) text += " at " + step.site.to_string();
    for (const auto& [name, value] : step.parameters) text += fmt::format(" {}={}", name, value);
    text += "\n";
  }
  return text;
}

void Optimizer::replay(const std::string& history) {
  std::size_t from = 0;
  for (int number = 1; from < history.size(); ++number) {
    std::size_t end = history.find('\n', from);
    if (end == std::string::npos) end = history.size();
    const std::string_view text = std::string_view(history).substr(from, end - from);
    from = end + 1;
    if (text.empty() || text[0] == '#') continue;
    const Line line = parse_line(text, fmt::format("line {} of the history", number));
    const Transformation& transformation = find_transformation(line.name);
    if (line.site.at.empty()) {
      apply_all(transformation, line.parameters);
    } else {
      apply(transformation, line.site, line.parameters);
    }
  }
}

std::string Optimizer::explain() const {
  std::string text = "edits, in order:\n";
  for (const Step& step : steps_) {
    const std::string times = step.edits > 1 ? fmt::format(" ({} edits)", step.edits) : "";
    text += fmt::format("  level {}  {}{}{}{}: {}\n", step.level, step.transformation, step.site.at.empty() ? " " : " at ", step.place,
                        times, change_text(step.after - step.before));
    text += made_text(step.made);
  }
  if (steps_.empty()) text += "  none\n";
  // Equal reasons stand together, the commonest first, each with some of its places.
  std::map<std::pair<std::string, std::string>, std::vector<const Refusal*>> groups;
  for (const Refusal& refusal : refusals_) groups[{refusal.transformation, refusal.reason}].push_back(&refusal);
  std::vector<const std::vector<const Refusal*>*> ordered;
  for (const auto& [key, group] : groups) ordered.push_back(&group);
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->size() > b->size(); });
  if (!ordered.empty()) text += "not done, and why:\n";
  constexpr std::size_t shown = 3;
  for (const auto* group : ordered) {
    const Refusal& first = *group->front();
    text += fmt::format("  level {}  {}, {} place{}: {}\n", first.level, first.transformation, group->size(), group->size() > 1 ? "s" : "",
                        first.reason);
    for (std::size_t i = 0; i < std::min(shown, group->size()); ++i) text += "      at " + (*group)[i]->place + "\n";
    if (group->size() > shown) text += fmt::format("      and {} more\n", group->size() - shown);
  }
  return text;
}

}  // namespace neap

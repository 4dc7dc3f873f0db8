#include "neap/demo/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "neap/base/progress.h"

namespace neap {
namespace {

struct Total {
  int edits = 0;
  double bytes = 0;

  void add(const Step& step) {
    edits += step.edits;
    bytes += step.after.bytes - step.before.bytes;
  }
};

struct Done {
  int level = 0;
  Total total;
  std::vector<std::pair<std::string, Total>> parts;  // by the part of the network that the edits began at
};

// "%113 map (block1/expand: conv) -> ..." -> "block1"; the place itself where it names no part.
std::string part_of(const std::string& place) {
  const std::size_t open = place.find('(');
  if (open == std::string::npos) return place;
  return place.substr(open + 1, place.find_first_of("/:+) ", open + 1) - open - 1);
}

// The entry of that name, or a new one behind the others: they stand as the edits came.
template <class T>
T& entry(std::vector<std::pair<std::string, T>>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
  return (found != all.end() ? *found : all.emplace_back(name, T())).second;
}

std::vector<std::pair<std::string, Done>> all_done(const std::vector<Step>& steps) {
  std::vector<std::pair<std::string, Done>> all;  // by transformation
  for (const Step& step : steps) {
    Done& done = entry(all, step.transformation);
    done.level = step.level;
    done.total.add(step);
    if (step.edits == 1) entry(done.parts, part_of(step.place)).add(step);  // more: a pass over the whole graph
  }
  return all;
}

std::string change_text(double bytes) {
  if (bytes == 0) return "the same bytes";
  return human_bytes(std::abs(bytes)) + (bytes < 0 ? " less" : " more");
}

// "block1 123 (-4.1 MB), stem 4 (-1.2 MB)", in lines of a terminal's width.
std::string part_lines(const std::vector<std::pair<std::string, Total>>& parts) {
  constexpr std::size_t width = 116;
  const std::string indent(14, ' ');
  std::string text, line;
  for (const auto& [name, total] : parts) {
    const std::string change = total.bytes == 0 ? "" : fmt::format(" ({}{})", total.bytes > 0 ? "+" : "", human_bytes(total.bytes));
    const std::string part = fmt::format("{} {}{}", name, total.edits, change);
    if (!line.empty() && indent.size() + line.size() + part.size() > width) text += indent + std::exchange(line, "") + ",\n";
    line += (line.empty() ? "" : ", ") + part;
  }
  return line.empty() ? text : text + indent + line + "\n";
}

// The commonest reasons, two of a transformation at most.
std::string refusal_lines(const std::vector<Refusal>& refusals) {
  constexpr int shown = 12, of_one = 2;
  std::map<std::pair<std::string, std::string>, std::vector<const Refusal*>> groups;
  for (const Refusal& refusal : refusals) groups[{refusal.transformation, refusal.reason}].push_back(&refusal);
  std::vector<const std::vector<const Refusal*>*> ordered;
  for (const auto& [key, group] : groups) ordered.push_back(&group);
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->size() > b->size(); });
  std::string text;
  std::map<std::string, int> taken;
  std::size_t lines = 0;
  for (const auto* group : ordered) {
    const Refusal& first = *group->front();
    if (lines == shown || ++taken[first.transformation] > of_one) continue;
    const std::size_t others = group->size() - 1;
    text += fmt::format("     {} at {}{}: {}\n", first.transformation, first.place,
                        others == 0 ? "" : fmt::format(" and {} other{}", others, others > 1 ? "s" : ""), first.reason);
    ++lines;
  }
  if (ordered.size() > lines)
    text += fmt::format("     and {} other reasons: --explain gives all, and each edit by itself\n", ordered.size() - lines);
  return text;
}

}  // namespace

std::string edit_summary(const Optimizer& optimizer) {
  std::string text;
  for (const auto& [transformation, done] : all_done(optimizer.steps())) {
    text += fmt::format("     level {}  {:<16} {:>4} edit{} {}\n", done.level, transformation, done.total.edits,
                        done.total.edits == 1 ? ": " : "s:", change_text(done.total.bytes));
    text += part_lines(done.parts);
  }
  if (!optimizer.refusals().empty()) text += "   not done, and why:\n" + refusal_lines(optimizer.refusals());
  return text;
}

}  // namespace neap

#include "neap/demo/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "neap/base/progress.h"

namespace neap {
namespace {

struct Total {
  std::string name;
  int level = 0, edits = 0;
  double bytes = 0;
};

std::vector<Total> totals_of(const std::vector<Step>& steps) {
  std::vector<Total> totals;
  for (const Step& step : steps) {
    auto mine = std::find_if(totals.begin(), totals.end(), [&](const Total& t) { return t.name == step.transformation; });
    if (mine == totals.end()) mine = totals.insert(totals.end(), Total{step.transformation, step.level});
    mine->edits += step.edits;
    mine->bytes += step.after.bytes - step.before.bytes;
  }
  return totals;
}

std::string change_text(double bytes) {
  if (bytes == 0) return "the same bytes";
  return human_bytes(std::abs(bytes)) + (bytes < 0 ? " less" : " more");
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
  if (ordered.size() > lines) text += fmt::format("     and {} other reasons: --explain gives all\n", ordered.size() - lines);
  return text;
}

}  // namespace

std::string edit_summary(const Optimizer& optimizer) {
  std::string text;
  for (const Total& total : totals_of(optimizer.steps())) {
    text += fmt::format("     level {}  {:<16} {:>4} edit{} {}\n", total.level, total.name, total.edits,
                        total.edits == 1 ? ": " : "s:", change_text(total.bytes));
  }
  if (!optimizer.refusals().empty()) text += "   not done, and why:\n" + refusal_lines(optimizer.refusals());
  return text;
}

}  // namespace neap

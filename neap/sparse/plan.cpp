#include "neap/sparse/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"

namespace neap::sparse {
namespace {

using Json = nlohmann::json;

// The layout that stores exactly what a sparsifier makes.
std::string layout_for(const SparsifierChoice& choice) {
  if (choice.sparsifier->layout.empty()) return "csr";
  if (choice.sparsifier->layout == "dense") return "dense";
  const SparseLayout& layout = find_layout(choice.sparsifier->layout);
  std::string text = layout.name;
  for (const ChoiceNumber& number : layout.numbers) text += fmt::format(" {}={}", number.name, choice.numbers.at(number.name));
  return text;
}

const std::string& text_of(const Json& object, const char* key, const std::string& place) {
  if (!object.contains(key) || !object.at(key).is_string()) throw Error(fmt::format("a text '{}' is wanted", key), place);
  return object.at(key).get_ref<const std::string&>();
}

void check_keys(const Json& object, std::initializer_list<std::string_view> known, const std::string& place) {
  if (!object.is_object()) throw Error("an object is wanted", place);
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw Error(fmt::format("'{}' is not known", key.substr(0, 80)), place, fmt::format("there are {}", fmt::join(known, ", ")));
  }
}

}  // namespace

std::string WeightRule::layout_text() const { return automatic ? automatic->to_string() : text_of(layout); }

SparsityPlan& SparsityPlan::add(std::string names, std::string_view sparsifier, std::string_view layout) {
  const SparsifierChoice choice = SparsifierChoice::parse(sparsifier);
  const std::string text = layout.find_first_not_of(' ') == std::string_view::npos ? layout_for(choice) : std::string(layout);
  const std::optional<AutoLayout> automatic = AutoLayout::parse(text);
  weights.push_back({std::move(names), choice, layout_or_dense(automatic ? layout_for(choice) : text), automatic});
  return *this;
}

SparsityPlan SparsityPlan::settled(const std::vector<SparsifiedWeight>& sparsified) const {
  SparsityPlan plan = *this;
  plan.weights.clear();
  for (std::size_t r = 0; r < weights.size(); ++r) {
    bool there = false;
    for (const SparsifiedWeight& one : sparsified) {
      if (one.rule != r) continue;
      if (weights[r].automatic) plan.weights.push_back({one.name, weights[r].sparsifier, layout_or_dense(one.layout), {}, weights[r].keep});
      there = true;
    }
    if (there && !weights[r].automatic) plan.weights.push_back(weights[r]);
  }
  return plan;
}

SparsityPlan& SparsityPlan::output(std::string names, std::string_view format, Array mask) {
  outputs.push_back({std::move(names), OutputFormat::parse(format), std::move(mask)});
  return *this;
}

SparsityPlan& SparsityPlan::gradient(std::string names, std::string_view format, Array mask) {
  gradients.push_back({std::move(names), OutputFormat::parse(format), std::move(mask)});
  return *this;
}

namespace {

// Those of `before` whose names no rule has: one of the same names would never count.
void add_behind(std::vector<FormatRule>& rules, const std::vector<FormatRule>& before) {
  for (const FormatRule& rule : before) {
    if (std::none_of(rules.begin(), rules.end(), [&](const FormatRule& one) { return one.names == rule.names; })) rules.push_back(rule);
  }
}

// Whether values are drawn in each run.
bool formats_draw(const SparsityPlan& plan) {
  const auto draws = [](const FormatRule& rule) { return rule.format.draws(); };
  return std::any_of(plan.outputs.begin(), plan.outputs.end(), draws) || std::any_of(plan.gradients.begin(), plan.gradients.end(), draws);
}

bool weights_draw(const SparsityPlan& plan) {
  return std::any_of(plan.weights.begin(), plan.weights.end(),
                     [](const WeightRule& rule) { return rule.sparsifier.sparsifier->takes == Takes::seed; });
}

}  // namespace

SparsityPlan& SparsityPlan::go_on(const SparsityPlan& before) {
  if (formats_draw(before)) {
    if (seed != 0 && seed != before.seed && (formats_draw(*this) || weights_draw(*this)))
      throw Error(fmt::format("the seed is {}; what was made sparse before draws by {}", seed, before.seed), "sparsity plan",
                  "leave the seed out, or give the same");
    seed = before.seed;
  }
  for (WeightRule rule : before.weights) {
    rule.keep = Keep::nonzero;
    weights.push_back(std::move(rule));
  }
  add_behind(outputs, before.outputs);
  add_behind(gradients, before.gradients);
  return *this;
}

namespace {

const Json& list_of(const Json& json, const char* key, const std::string& place) {
  static const Json none = Json::array();
  if (!json.contains(key)) return none;
  if (!json.at(key).is_array()) throw Error(fmt::format("a list '{}' is wanted", key), place);
  return json.at(key);
}

constexpr std::array<const char*, 4> format_keys = {"inline", "temporary", "external", "layout"};

std::string format_text(const Json& rule, const std::string& place) {
  std::string text;
  for (const char* key : format_keys) text += (key == format_keys[0] ? "" : " | ") + (rule.contains(key) ? text_of(rule, key, place) : "");
  return text;
}

Json to_json(const std::vector<FormatRule>& rules) {
  Json all = Json::array();
  for (const FormatRule& rule : rules) {
    if (!rule.mask.empty()) throw Error(fmt::format("the mask of '{}' cannot be written", rule.names), "sparsity plan", "add it in C++");
    const std::array<std::string, 4> texts = rule.format.parts();
    Json one{{"names", rule.names}};
    for (std::size_t i = 0; i < texts.size(); ++i) one[format_keys[i]] = texts[i];
    all.push_back(one);
  }
  return all;
}

// What is wrong with one of a list's rules, with its place.
template <class Add>
void add_rules(const Json& json, const char* key, const std::string& place, std::initializer_list<std::string_view> known, const Add& add) {
  const Json& list = list_of(json, key, place);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string here = fmt::format("{}, {}, rule {}", place, key, i + 1);
    check_keys(list[i], known, here);
    try {
      add(list[i], here);
    } catch (const Error& error) {
      throw Error(error.problem(), here, error.remedy());
    }
  }
}

}  // namespace

SparsityPlan SparsityPlan::parse_json(std::string_view text, const std::string& place) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error("this is no JSON", place);
  check_keys(json, {"weights", "outputs", "gradients", "seed"}, place);
  SparsityPlan plan;
  if (json.contains("seed")) {
    if (!json.at("seed").is_number_unsigned()) throw Error("the seed is a number from 0 on", place);
    plan.seed = json.at("seed").get<std::uint64_t>();
  }
  if (!json.contains("weights") && !json.contains("outputs") && !json.contains("gradients"))
    throw Error("a list 'weights' is wanted", place, "or 'outputs', or 'gradients'");
  add_rules(json, "weights", place, {"names", "sparsifier", "layout"}, [&](const Json& rule, const std::string& here) {
    plan.add(text_of(rule, "names", here), text_of(rule, "sparsifier", here), rule.contains("layout") ? text_of(rule, "layout", here) : "");
  });
  const auto known = {std::string_view("names"), std::string_view("inline"), std::string_view("temporary"), std::string_view("external"),
                      std::string_view("layout")};
  add_rules(json, "outputs", place, known,
            [&](const Json& rule, const std::string& here) { plan.output(text_of(rule, "names", here), format_text(rule, here)); });
  add_rules(json, "gradients", place, known,
            [&](const Json& rule, const std::string& here) { plan.gradient(text_of(rule, "names", here), format_text(rule, here)); });
  return plan;
}

std::string SparsityPlan::to_json() const {
  if (!scores.empty() || !masks.empty()) throw Error("scores and masks of weights cannot be written", "sparsity plan", "add them in C++");
  Json rules = Json::array();
  for (const WeightRule& rule : weights)
    rules.push_back({{"names", rule.names}, {"sparsifier", rule.sparsifier.to_string()}, {"layout", rule.layout_text()}});
  Json json{{"weights", rules}, {"seed", seed}};
  if (!outputs.empty()) json["outputs"] = sparse::to_json(outputs);
  if (!gradients.empty()) json["gradients"] = sparse::to_json(gradients);
  return json.dump(2);
}

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace neap::sparse

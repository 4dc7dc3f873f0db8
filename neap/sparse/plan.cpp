#include "neap/sparse/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"

namespace neap::sparse {
namespace {

using Json = nlohmann::json;

// The layout that stores exactly what a sparsifier makes.
std::string layout_for(const SparsifierChoice& choice) {
  for (const SparseLayout* layout : all_layouts()) {
    if (layout->name != choice.sparsifier->name) continue;
    std::string text = layout->name;
    for (const ChoiceNumber& number : layout->numbers) text += fmt::format(" {}={}", number.name, choice.numbers.at(number.name));
    return text;
  }
  return "csr";
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

SparsityPlan& SparsityPlan::add(std::string names, std::string_view sparsifier, std::string_view layout) {
  const SparsifierChoice choice = SparsifierChoice::parse(sparsifier);
  weights.push_back({std::move(names), choice, LayoutChoice::parse(layout.empty() ? layout_for(choice) : layout)});
  return *this;
}

SparsityPlan SparsityPlan::parse_json(std::string_view text, const std::string& place) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Error("this is no JSON", place);
  check_keys(json, {"weights", "seed"}, place);
  SparsityPlan plan;
  if (json.contains("seed")) {
    if (!json.at("seed").is_number_unsigned()) throw Error("the seed is a number from 0 on", place);
    plan.seed = json.at("seed").get<std::uint64_t>();
  }
  if (!json.contains("weights") || !json.at("weights").is_array()) throw Error("a list 'weights' is wanted", place);
  for (std::size_t i = 0; i < json.at("weights").size(); ++i) {
    const Json& rule = json.at("weights")[i];
    const std::string here = fmt::format("{}, rule {}", place, i + 1);
    check_keys(rule, {"names", "sparsifier", "layout"}, here);
    try {
      plan.add(text_of(rule, "names", here), text_of(rule, "sparsifier", here),
               rule.contains("layout") ? text_of(rule, "layout", here) : "");
    } catch (const Error& error) {
      throw Error(error.problem(), here, error.remedy());
    }
  }
  return plan;
}

std::string SparsityPlan::to_json() const {
  Json rules = Json::array();
  for (const WeightRule& rule : weights)
    rules.push_back({{"names", rule.names}, {"sparsifier", rule.sparsifier.to_string()}, {"layout", rule.layout.to_string()}});
  return Json{{"weights", rules}, {"seed", seed}}.dump(2);
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

#include "neap/files/json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "neap/base/error.h"
#include "neap/files/bytes.h"

namespace neap {

using nlohmann::json;

json parse_json(std::string_view text, const std::string& place) {
  constexpr int most_levels = 100;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > most_levels)
      throw Error(fmt::format("the JSON has more than {} levels", most_levels), place, "the file is damaged or was made to deceive");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw Error(fmt::format("the JSON has the key {} twice in one object", shown(value.get<std::string>())), place);
    }
    return true;
  };
  try {
    return json::parse(text, watch);
  } catch (const json::exception& error) {
    throw Error(fmt::format("the JSON cannot be read: {}", error.what()), place, "the file is damaged or of another kind");
  }
}

std::string json_text(const json& value, const std::string& place) {
  try {
    return value.dump();
  } catch (const json::exception& error) {
    throw Error(fmt::format("this cannot be written as JSON: {}", error.what()), place, "use UTF-8 strings");
  }
}

std::string json_page(const json& value) { return value.dump(2, ' ', false, json::error_handler_t::replace); }

}  // namespace neap

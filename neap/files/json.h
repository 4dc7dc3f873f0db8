// JSON from strangers: nlohmann's parser with limits, and errors that name the file; and its text, whose code is costly to compile, made
// here for all.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace neap {

// Error on what is not JSON, on a key that an object has twice, and on more than 100 levels.
nlohmann::json parse_json(std::string_view text, const std::string& place);

// The shortest text, keys in order. Error on a string that is not UTF-8.
std::string json_text(const nlohmann::json& value, const std::string& place);

// For people and their scripts: indented, without a newline at the end. What is not UTF-8 (names of files) is replaced by U+FFFD.
std::string json_page(const nlohmann::json& value);

}  // namespace neap

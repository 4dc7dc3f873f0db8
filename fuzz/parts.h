// Several files in one: each begins behind a line "=== NAME".
#pragma once
#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace neap {

inline std::map<std::string, std::string> parts_of(std::string_view bytes) {
  std::map<std::string, std::string> parts;
  std::string* part = nullptr;
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end);
    if (line.starts_with("=== ")) {
      part = &parts[std::string(line.substr(4, line.find('\n') - 4))];
    } else if (part != nullptr) {
      part->append(line);
    }
  }
  return parts;
}

}  // namespace neap

#include "neap/cli/run_file.h"

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/files/json.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* run_name = "run.json";
constexpr std::int64_t most_run_bytes = 1 << 20;

std::string text_of(const Json& value) { return value.is_string() ? "'" + value.get<std::string>() + "'" : value.dump(); }

// The last part of "/data/label"; of an entry of a list, "/hidden/0", what the list is called.
std::string option_name(const std::string& key) {
  const std::size_t last = key.rfind('/');
  const bool entry = last > 0 && key.find_first_not_of("0123456789", last + 1) == std::string::npos;
  return entry ? option_name(key.substr(0, last)) : key.substr(last + 1);
}

}  // namespace

void write_run(const Json& options, const fs::path& folder) { write_file(folder / run_name, options.dump(2) + "\n"); }

std::optional<Json> parsed_run(const fs::path& folder) {
  const fs::path file = folder / run_name;
  if (!fs::exists(file)) return std::nullopt;
  return parse_json(read_file(file, most_run_bytes), file.string());
}

void refuse_run(const fs::path& folder, const char* why) {
  throw Error(fmt::format("this is not what `neap train` wrote: {}", why), (folder / run_name).string(),
              "remove the file, or give another folder");
}

std::string first_difference(const Json& there, const Json& here) {
  const Json a = there.flatten(), b = here.flatten();
  for (const auto& [key, value] : a.items()) {
    if (key == "/epochs" || (b.contains(key) && b[key] == value)) continue;
    return fmt::format("{} is {} there, {} here", option_name(key), text_of(value), b.contains(key) ? text_of(b[key]) : "none");
  }
  return a.size() == b.size() ? "" : "lists are longer here";
}

void check_same_run(const Json& before, const Json& given, const fs::path& folder, const std::string& command) {
  const std::string difference = first_difference(before, given);
  if (difference.empty()) return;
  throw Error("the folder has another run: " + difference, folder.string(),
              fmt::format("{} --resume {} goes on with it, --restart replaces it, --out names another folder", command, folder.string()));
}

}  // namespace neap

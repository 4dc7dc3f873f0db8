// DIR/run.json: the options of a run, written when it starts, so that it goes on, and is evaluated, without their being given again.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace neap {

void write_run(const nlohmann::json& options, const std::filesystem::path& folder);

// Error if the file is there and `Options` cannot be read from it.
template <class Options>
std::optional<Options> read_run(const std::filesystem::path& folder);

// The first option that differs, "rate is 0.1 there, 0.2 here"; empty if all are the same. Epochs may differ: a run may be made longer.
std::string first_difference(const nlohmann::json& there, const nlohmann::json& here);

// What `read_run` is made of.
std::optional<nlohmann::json> parsed_run(const std::filesystem::path& folder);
[[noreturn]] void refuse_run(const std::filesystem::path& folder, const char* why);

template <class Options>
std::optional<Options> read_run(const std::filesystem::path& folder) {
  const std::optional<nlohmann::json> parsed = parsed_run(folder);
  if (!parsed) return std::nullopt;
  try {
    return parsed->get<Options>();
  } catch (const nlohmann::json::exception& error) {
    refuse_run(folder, error.what());
  }
}

// The options of a run that starts in `folder` by `given`, or that goes on there. `before`: those of the run in the folder. Error where the
// folder has another run, whose checkpoint would be gone on with.
void check_same_run(const nlohmann::json& before, const nlohmann::json& given, const std::filesystem::path& folder,
                    const std::string& command);

}  // namespace neap

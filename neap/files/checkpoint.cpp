#include "neap/files/checkpoint.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "neap/base/file.h"
#include "neap/base/hash.h"
#include "neap/files/json.h"
#include "neap/files/safetensors.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int version = 1;
constexpr std::int64_t most_state_bytes = std::int64_t{256} << 20;
constexpr std::int64_t most_generations = std::int64_t{1} << 60;
constexpr const char* state_name = "state.json";
constexpr const char* remedy = "go back to another checkpoint, or remove this folder and start again";

// Held while a process saves, so that none removes the file that another is about to name. The system frees it when the process ends.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw Error(fmt::format("cannot open the folder: {}", std::strerror(errno)), folder.string());
    while (::flock(descriptor_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const std::string reason = std::strerror(errno);
      ::close(descriptor_);
      throw Error("cannot lock the folder: " + reason, folder.string());
    }
  }
  ~FolderLock() { ::close(descriptor_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

std::string arrays_name(std::int64_t generation) { return fmt::format("arrays-{}.safetensors", generation); }

// state.json as it was written: checked against its own sum, byte for byte.
json read_state(const fs::path& folder) {
  const fs::path path = folder / state_name;
  const std::string text = read_file(path, most_state_bytes);
  json document = parse_json(text, path.string());
  const auto is = [&](const char* key, json::value_t kind) { return document.contains(key) && document[key].type() == kind; };
  if (!document.is_object() || !is("neap_checkpoint", json::value_t::number_unsigned)) {
    throw Error("this is not the state of a checkpoint", path.string(), remedy);
  }
  if (document["neap_checkpoint"] != version) {
    throw Error(fmt::format("a checkpoint of version {}, this Neap reads version {}", document["neap_checkpoint"].dump(), version),
                path.string(), "use the Neap that wrote it");
  }
  const Error changed("the state was changed or damaged since it was written", path.string(), remedy);
  if (!is("checksum", json::value_t::string) || !is("generation", json::value_t::number_unsigned) ||
      !is("arrays_checksum", json::value_t::string) || !document.contains("state") || json_text(document, path.string()) != text) {
    throw changed;
  }
  const auto sum = document["checksum"].get<std::string>();
  document.erase("checksum");
  if (hash_bytes(json_text(document, path.string())).hex() != sum || document["generation"] > most_generations) throw changed;
  return document;
}

std::int64_t generation_of(const json& document) { return document["generation"].get<std::int64_t>(); }

// What killed processes and former checkpoints left: every file of our names that state.json does not name.
void remove_others(const fs::path& folder, std::int64_t generation) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool arrays = name.starts_with("arrays-") && name.find(".safetensors") != name.npos;
    const bool unfinished = name.starts_with(std::string(state_name) + ".new.");
    if ((arrays && name != arrays_name(generation)) || unfinished) fs::remove(entry.path(), ignored);
  }
}

// The number of the checkpoint that is there; 0 where there is none that can be read.
std::int64_t present_generation(const fs::path& folder) {
  if (!has_checkpoint(folder)) return 0;
  try {
    return generation_of(read_state(folder));
  } catch (const Error&) {
    return 0;
  }
}

}  // namespace

void save_checkpoint(const fs::path& folder, const NamedArrays& arrays, const json& state) {
  make_folder(folder, "");
  const FolderLock lock(folder);
  std::int64_t generation = present_generation(folder) + 1;
  while (fs::exists(folder / arrays_name(generation))) ++generation;
  const std::string bytes = safetensors_bytes(arrays);
  json document = {
      {"neap_checkpoint", version}, {"generation", generation}, {"arrays_checksum", hash_bytes(bytes).hex()}, {"state", state}};
  document["checksum"] = hash_bytes(json_text(document, folder.string())).hex();
  const std::string text = json_text(document, folder.string());
  if (parse_json(text, folder.string())["state"] != state) {
    throw Error("the state has numbers that JSON cannot hold", folder.string(), "leave out NaN and infinity, or write them as text");
  }
  write_file(folder / arrays_name(generation), bytes);
  write_file(folder / state_name, text);
  remove_others(folder, generation);
}

Checkpoint load_checkpoint(const fs::path& folder) {
  if (!has_checkpoint(folder)) throw Error("there is no checkpoint", folder.string(), "give the folder that holds state.json");
  // A process that saves meanwhile may remove the file between the two reads; then its new state is there.
  for (json document = read_state(folder);;) {
    const fs::path path = folder / arrays_name(generation_of(document));
    std::string bytes;
    try {
      bytes = read_file(path);
    } catch (const Error&) {
      json newer = read_state(folder);
      if (newer == document) throw;
      document = std::move(newer);
      continue;
    }
    if (hash_bytes(bytes).hex() != document["arrays_checksum"]) {
      throw Error("the arrays were changed or damaged since they were written", path.string(), remedy);
    }
    return {.arrays = parse_safetensors(bytes, path.string()).arrays, .state = std::move(document["state"])};
  }
}

bool has_checkpoint(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / state_name, ignored);
}

}  // namespace neap

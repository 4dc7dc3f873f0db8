#include "neap/gnn/read.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/files/gzip.h"

namespace neap::gnn {
namespace {

std::vector<FileFormat>& formats() {
  static std::vector<FileFormat> all;
  return all;
}

const FileFormat& format_of(const std::string& wanted, const std::string& place) {
  std::vector<std::string> known;
  for (const FileFormat& format : file_formats()) {
    if (format.name == wanted || std::ranges::find(format.extensions, wanted) != format.extensions.end()) return format;
    known.push_back(fmt::format("{} ({})", format.name, fmt::join(format.extensions, " ")));
  }
  throw Error(fmt::format("{} is no format of graphs", wanted.empty() ? "a name without an extension" : shown(wanted)), place,
              fmt::format("there are: {}", fmt::join(known, ", ")));
}

}  // namespace

void check_asked(const ReadOptions& options, std::int64_t vertices, const std::string& place) {
  if (options.vertices < 0 || options.vertices == vertices) return;
  throw Error(fmt::format("{} vertices are asked for, and the file has {}", options.vertices, vertices), place, "leave the number out");
}

RegisterFormat::RegisterFormat(FileFormat format) {
  formats().push_back(std::move(format));
  std::ranges::sort(formats(), {}, &FileFormat::name);
}

const std::vector<FileFormat>& file_formats() { return formats(); }

GraphFile read_graph_file(const std::filesystem::path& path, const ReadOptions& options, const std::string& format) {
  const std::string place = path.string();
  const bool packed = path.extension() == ".gz";
  const FileFormat& chosen = format_of(format.empty() ? (packed ? path.stem() : path).extension().string() : format, place);
  return chosen.parse(read_expanded(path), place, options);
}

Graph graph_of(GraphFile file, BuildOptions options, const std::string& place) {
  if (file.undirected) {
    options.symmetrize = true;
    if (options.duplicates == Duplicates::keep) options.duplicates = Duplicates::drop;
  }
  return build(std::move(file.edges), options, place);
}

Graph read_graph(const std::filesystem::path& path, BuildOptions build, const ReadOptions& options, const std::string& format) {
  if (build.memory_limit == 0) build.memory_limit = options.memory_limit;
  return graph_of(read_graph_file(path, options, format), build, path.string());
}

}  // namespace neap::gnn

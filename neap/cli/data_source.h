// What `neap data NAME` can make: one file a source, which registers itself.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace neap {

struct SourceArguments {
  std::filesystem::path from, out;
  std::filesystem::path features, labels;  // tables of a graph's vertices
  std::uint64_t seed = 0;
  double scale = 1;  // of generated graphs: a part of their vertices and edges
  bool show = false, json = false;
};

struct DataSource {
  std::string name;
  std::string about;                                      // one line
  std::vector<std::string> takes;                         // options beside --out, --show and --json: the others are refused
  std::function<std::string()> where;                     // on this machine; Error where it is not
  std::function<int(const SourceArguments& given)> make;  // an ExitCode; empty: there is nothing to make, the data are there as files
};

// `static const RegisterDataSource x{{.name = ...}};`
struct RegisterDataSource {
  explicit RegisterDataSource(DataSource source);
};
std::vector<DataSource> data_sources();  // by name

}  // namespace neap

// bench_core, bench_gnn, bench_sparse: Neap against its targets.
#include <algorithm>
#include <cstdio>
#include <string>

#include "bench/harness.h"
#include "neap/base/error.h"
#include "neap/base/file.h"

namespace neap::bench {
namespace {

constexpr const char* usage =
    "[--json FILE] [--list] [TOPIC...]: measures Neap against its targets, topics in alphabetical order; all where none is named\n"
    "--json FILE  the rows, too, as JSON\n"
    "--list       the topics, a line each\n";

int run(const std::vector<std::string>& arguments) {
  std::string json;
  std::vector<std::string> wanted;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--help" || arguments[i] == "-h") {
      std::printf("%s", usage);
      return 0;
    }
    if (arguments[i] == "--list") {
      for (const Topic& topic : topics()) std::printf("%-16s %s\n", topic.name.c_str(), topic.about.c_str());
      return 0;
    }
    if (arguments[i] == "--json") {
      if (++i == arguments.size()) throw Error("--json names no file", "", "--json FILE");
      json = arguments[i];
    } else {
      wanted.push_back(arguments[i]);
    }
  }
  const auto is_wanted = [&](const Topic& topic) { return wanted.empty() || std::count(wanted.begin(), wanted.end(), topic.name) > 0; };
  for (const std::string& name : wanted) {
    if (std::none_of(topics().begin(), topics().end(), [&](const Topic& topic) { return topic.name == name; }))
      throw Error("there is no topic '" + name + "'", "", "--list names them");
  }
  std::printf("%s\n", machine_text().c_str());
  std::printf("ratio: how many times better ours is; spread: interquartile range over median of the rounds\n%s\n", heading_line().c_str());
  Rows rows;
  for (const Topic& topic : topics()) {
    if (!is_wanted(topic)) continue;
    std::printf("-- %s: %s\n", topic.name.c_str(), topic.about.c_str());
    std::fflush(stdout);
    topic.run(rows);
  }
  if (!json.empty()) write_file(json, json_of(rows.all()));
  return 0;
}

}  // namespace
}  // namespace neap::bench

int main(int count, char** arguments) {
  try {
    return neap::bench::run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 1;
  }
}

// neap data debian-packages
#include <fmt/format.h>

#include <algorithm>

#include "neap/cli/data_source.h"
#include "neap/cli/made_graph.h"
#include "neap/gnn/debian.h"

namespace neap {
namespace {

int make(const SourceArguments& given) {
  check_has_place(given, "debian-packages");
  return finish_graph(given, gnn::read_debian_packages(given.from, {.seed = given.seed}));
}

std::string where() {
  const std::string text = gnn::available_packages();
  return fmt::format(
      "{} packages in the lists of apt", std::ranges::count(text, '\n') == 0 ? 0 : [&] {
        std::int64_t count = 0;
        for (std::size_t at = text.find("\n\n"); at != text.npos; at = text.find("\n\n", at + 2)) ++count;
        return count;
      }());
}

const RegisterDataSource source{
    {.name = "debian-packages",
     .about = "the packages of this machine's Debian lists and what they depend on; the task is to find their sections",
     .takes = {"--from", "--seed"},
     .where = where,
     .make = make}};

}  // namespace
}  // namespace neap

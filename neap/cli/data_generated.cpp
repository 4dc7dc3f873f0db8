// neap data arxiv-like and reddit-like: generated graphs of the sizes of well-known ones.
#include "neap/cli/data_source.h"
#include "neap/cli/made_graph.h"
#include "neap/gnn/generate.h"

namespace neap {
namespace {

DataSource generated(const std::string& name, const std::string& about, gnn::GraphData (*generate)(std::uint64_t seed, double scale)) {
  const auto make = [=](const SourceArguments& given) {
    check_has_place(given, name);
    return finish_graph(given, generate(given.seed, given.scale));
  };
  const auto where = [] { return std::string("generated"); };
  return {.name = name, .about = about, .takes = {"--seed", "--scale"}, .where = where, .make = make};
}

const RegisterDataSource arxiv{generated("arxiv-like", "a power law with communities, of the size of ogbn-arxiv", gnn::arxiv_like)};
const RegisterDataSource reddit{
    generated("reddit-like", "the same, smaller and denser: 50,000 vertices, 10 million entries", gnn::reddit_like)};

}  // namespace
}  // namespace neap

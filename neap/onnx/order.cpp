// The order in which a model's nodes are read: dependencies first, the model's own order where that is one.
#include <onnx.pb.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/files/bytes.h"
#include "neap/onnx/model_reader.h"

namespace neap {
namespace {

using Proto = onnx::NodeProto;

// Names that a node reads: its inputs, and those that its subgraphs take from outside (names made inside do no harm).
void collect_reads(const Proto& node, std::vector<std::string>& reads) {
  for (const std::string& input : node.input()) {
    if (!input.empty()) reads.push_back(input);
  }
  for (const auto& attribute : node.attribute()) {
    if (attribute.has_g()) {
      for (const Proto& inner : attribute.g().node()) collect_reads(inner, reads);
      for (const auto& output : attribute.g().output()) reads.push_back(output.name());
    }
  }
}

using Index = std::unordered_map<std::string, int>;

Index producers_of(const std::vector<const Proto*>& nodes) {
  Index producers;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& output : nodes[i]->output()) {
      if (!output.empty() && !producers.emplace(output, static_cast<int>(i)).second)
        throw Error(fmt::format("two nodes make the value {}", shown(output)), "", "each value is made once");
    }
  }
  return producers;
}

// Positions of the nodes that each node needs.
std::vector<std::vector<int>> dependencies_of(const std::vector<const Proto*>& nodes, const Index& producers) {
  std::vector<std::vector<int>> needs(nodes.size());
  std::vector<std::string> reads;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    reads.clear();
    collect_reads(*nodes[i], reads);
    for (const std::string& name : reads) {
      const auto made = producers.find(name);
      if (made != producers.end()) needs[i].push_back(made->second);
    }
    std::sort(needs[i].begin(), needs[i].end());
    needs[i].erase(std::unique(needs[i].begin(), needs[i].end()), needs[i].end());
  }
  return needs;
}

std::vector<char> live_nodes(const std::vector<std::vector<int>>& needs, const Index& producers, const std::vector<std::string>& outputs) {
  std::vector<char> live(needs.size(), 0);
  std::vector<int> pending;
  const auto reach = [&](int node) {
    if (live[static_cast<std::size_t>(node)] == 0) pending.push_back(node);
    live[static_cast<std::size_t>(node)] = 1;
  };
  for (const std::string& output : outputs) {
    const auto made = producers.find(output);
    if (made != producers.end()) reach(made->second);
  }
  while (!pending.empty()) {
    const int node = pending.back();
    pending.pop_back();
    for (const int other : needs[static_cast<std::size_t>(node)]) reach(other);
  }
  return live;
}

}  // namespace

std::vector<const Proto*> order_nodes(const std::vector<const Proto*>& nodes, const std::vector<std::string>& outputs) {
  const Index producers = producers_of(nodes);
  const auto needs = dependencies_of(nodes, producers);
  const std::vector<char> live = live_nodes(needs, producers, outputs);

  std::vector<std::vector<int>> users(nodes.size());
  std::vector<std::size_t> missing(nodes.size(), 0);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (live[i] == 0) continue;
    ++wanted;
    missing[i] = needs[i].size();
    for (const int other : needs[i]) users[static_cast<std::size_t>(other)].push_back(static_cast<int>(i));
    if (missing[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<const Proto*> ordered;
  while (!ready.empty()) {
    const auto node = static_cast<std::size_t>(ready.top());
    ready.pop();
    ordered.push_back(nodes[node]);
    for (const int user : users[node]) {
      if (--missing[static_cast<std::size_t>(user)] == 0) ready.push(user);
    }
  }
  if (ordered.size() == wanted) return ordered;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (live[i] != 0 && missing[i] != 0)
      throw Error("the nodes form a cycle: one needs its own result",
                  fmt::format("node {} ({})", shown(nodes[i]->name()), shown(nodes[i]->op_type())));
  }
  internal_error(__FILE__, __LINE__, "a cycle without a node");
}

}  // namespace neap

// Lets library calls that feed each other keep their activations in blocks of channels (nChw8c, nChw16c), where a library says that it
// works best so. What comes from elsewhere or goes there is converted by calls of their own, so that all is priced: chains pay for two
// conversions, whatever their length.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "neap/runtime/library.h"
#include "neap/transform/transformation.h"

namespace neap::block_channels_transformation {
namespace {

Layout blocked(int rank, std::int64_t width) {
  Layout layout;
  for (int axis = 0; axis < rank; ++axis) layout.levels.push_back({axis, 0});
  layout.levels.push_back({1, width});
  return layout;
}

class BlockChannels {
 public:
  BlockChannels(Graph& graph, bool by_cost, Pass& pass) : graph_(graph), uses_(graph), by_cost_(by_cost), pass_(pass) {}

  int run() {
    const std::size_t count = graph_.nodes().size();
    width_.resize(count);
    for (std::size_t at = 0; at < count; ++at) width_[at] = width_of(*graph_.nodes()[at]);
    int edits = 0;
    for (const std::vector<std::size_t>& chain : chains()) edits += try_chain(chain) ? static_cast<int>(chain.size()) : 0;
    if (edits > 0) {
      apply(graph_, edit_);
      graph_.compact();
    }
    return edits;
  }

 private:
  // The width of the blocks that the call would best have; 0: it does not matter, or its channels do not fill blocks.
  std::int64_t width_of(const Node& node) const {
    if (node.is_map() || node.implementation.empty()) return 0;
    const Implementation& library = find_implementation(node.op, node.implementation);
    if (library.channel_block == nullptr) return 0;
    const std::vector<Type> inputs = types_of(graph_, node.inputs), outputs = types_of(graph_, node.outputs);
    const std::int64_t width = library.channel_block(make_call(graph_, node), inputs, outputs, pass_.model.sizes(graph_));
    const auto fills = [&](const Type& type) {
      return type.shape[1].is_constant() && type.shape[1].constant() % width == 0 && !(type.layout == blocked(type.rank(), width));
    };
    return width > 0 && fills(inputs[0]) && fills(outputs[0]) ? width : 0;
  }

  // Which operands lie as the activations do: the first, and those of its epilogue that are shaped like the result.
  std::vector<std::size_t> activations_of(const Node& node) const {
    std::vector<std::size_t> found{0};
    for (auto i = static_cast<std::size_t>(node.epilogue_first); node.epilogue != nullptr && i < node.inputs.size(); ++i) {
      if (graph_.type(node.inputs[i]).shape == graph_.type(node.outputs[0]).shape) found.push_back(i);
    }
    return found;
  }

  // Calls of one width that feed each other, in order.
  std::vector<std::vector<std::size_t>> chains() const {
    std::vector<std::size_t> parent(width_.size());
    std::iota(parent.begin(), parent.end(), 0);
    const auto root = [&](std::size_t at) {
      while (parent[at] != at) at = parent[at] = parent[parent[at]];
      return at;
    };
    for (std::size_t at = 0; at < width_.size(); ++at) {
      if (width_[at] == 0) continue;
      const Node& node = *graph_.nodes()[at];
      for (const std::size_t i : activations_of(node)) {
        const int maker = uses_.producer(node.inputs[i]);
        if (maker >= 0 && width_[static_cast<std::size_t>(maker)] == width_[at]) parent[root(at)] = root(static_cast<std::size_t>(maker));
      }
    }
    std::map<std::size_t, std::vector<std::size_t>> found;
    for (std::size_t at = 0; at < width_.size(); ++at) {
      if (width_[at] > 0) found[root(at)].push_back(at);
    }
    std::vector<std::vector<std::size_t>> all;
    for (auto& [first, chain] : found) all.push_back(std::move(chain));
    return all;
  }

  bool try_chain(const std::vector<std::size_t>& chain) {
    const std::set<std::size_t> members(chain.begin(), chain.end());
    const std::int64_t width = width_[chain[0]];
    Graph changed = graph_;
    Edit edit;
    double before = 0, after = 0;
    const auto place = [&](std::size_t at, Node node) {
      after += pass_.model.node(changed, node).seconds;
      edit.before[at].push_back(std::move(node));
    };
    std::map<ValueId, ValueId> laid;  // values -> the same in blocks
    for (const std::size_t at : chain) {
      Node node = *graph_.nodes()[at];
      before += pass_.model.node(graph_, node).seconds;
      for (const std::size_t i : activations_of(node)) {
        ValueId& id = node.inputs[i];
        const auto [known, fresh] = laid.try_emplace(id, no_value);
        if (fresh) {
          known->second = in_blocks(changed, id, width);
          place(at, conversion(changed, id, known->second));
        }
        id = known->second;
      }
      const ValueId plain = node.outputs[0];
      node.outputs[0] = laid[plain] = in_blocks(changed, plain, width);
      if (std::string reason = refusal(find_implementation(node.op, node.implementation), changed, node); !reason.empty())
        return refuse(chain, reason);
      lay_constants(changed, node);
      after += pass_.model.node(changed, node).seconds;
      if (leaves(plain, members)) place(at + 1, conversion(changed, laid[plain], plain));
      changed.replace_node(at, std::move(node));
    }
    std::string prices =
        fmt::format("{} calls: {:.3g} us in blocks of {} channels, {:.3g} us as they are", chain.size(), after * 1e6, width, before * 1e6);
    if (by_cost_ && after >= before) return refuse(chain, std::move(prices));
    pass_.made(graph_, *graph_.nodes()[chain[0]], prices);
    graph_ = std::move(changed);
    for (auto& [at, nodes] : edit.before) {
      std::vector<Node>& all = edit_.before[at];
      all.insert(all.end(), std::make_move_iterator(nodes.begin()), std::make_move_iterator(nodes.end()));
    }
    return true;
  }

  bool refuse(const std::vector<std::size_t>& chain, std::string reason) {
    pass_.refuse(graph_, *graph_.nodes()[chain[0]], std::move(reason));
    return false;
  }

  // Whether somebody outside of the chain reads the value, or a member reads it as something else than an activation.
  bool leaves(ValueId id, const std::set<std::size_t>& members) const {
    if (uses_.is_output(id)) return true;
    return std::any_of(uses_.users(id).begin(), uses_.users(id).end(), [&](int user) {
      if (members.count(static_cast<std::size_t>(user)) == 0) return true;
      const Node& node = *graph_.nodes()[static_cast<std::size_t>(user)];
      const auto reads = std::count(node.inputs.begin(), node.inputs.end(), id);
      const std::vector<std::size_t> activations = activations_of(node);
      return reads != std::count_if(activations.begin(), activations.end(), [&](std::size_t i) { return node.inputs[i] == id; });
    });
  }

  static ValueId in_blocks(Graph& graph, ValueId id, std::int64_t width) {
    Type type = graph.type(id);
    type.layout = blocked(type.rank(), width);
    return graph.add_value(std::move(type));
  }

  static Node conversion(const Graph& graph, ValueId from, ValueId to) {
    Node node;
    node.op = "cast";
    node.attributes = {{"dtype", graph.type(from).dtype}};
    node.inputs = {from};
    node.outputs = {to};
    node.origin = {"layout"};
    const Implementation* library = choose_implementation(graph, node);
    NEAP_ASSERT(library != nullptr, " nobody moves {} to {}", graph.type(from).to_string(), graph.type(to).to_string());
    node.implementation = library->name;
    return node;
  }

  // Filters that were laid for activations as they were.
  void lay_constants(Graph& graph, Node& node) const {
    const Implementation& library = find_implementation(node.op, node.implementation);
    if (library.constant_layout == nullptr) return;
    const Call call = make_call(graph, node);
    const std::vector<Type> inputs = types_of(graph, node.inputs), outputs = types_of(graph, node.outputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (node.inputs[i] == no_value || !graph.value(node.inputs[i]).constant) continue;
      const auto layout = library.constant_layout(call, inputs, outputs, pass_.model.sizes(graph), static_cast<int>(i));
      if (!layout || *layout == inputs[i].layout) continue;
      const Value value = graph.value(node.inputs[i]);
      node.inputs[i] = graph.add_constant(*value.constant, value.name, *layout);
    }
  }

  Graph& graph_;
  const Uses uses_;
  bool by_cost_;
  Pass& pass_;
  std::vector<std::int64_t> width_;  // by node; 0: it keeps its layouts
  Edit edit_;
};

const RegisterTransformation block_channels{
    {.name = "block_channels",
     .level = 3,
     .about = "lets library calls that feed each other keep their activations in blocks of channels, where that is quicker",
     .parameters = {{"by_cost", 1, 0, 1, "0: wherever a library works best so; 1: only where it is expected to be quicker"}},
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters& parameters, Pass& pass) {
       return BlockChannels(graph, parameters.at("by_cost") != 0, pass).run();
     }}};

}  // namespace
}  // namespace neap::block_channels_transformation

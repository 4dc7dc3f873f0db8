#include <algorithm>

#include "neap/gnn/debian_parts.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

using Providers = std::unordered_map<std::string_view, std::vector<VertexId>>;

class EdgeReader {
 public:
  EdgeReader(const std::vector<Stanza>& packages, const std::string& place) : packages_(packages), place_(place) {
    for (std::size_t i = 0; i < packages.size(); ++i) numbers_[packages[i].value("Package")] = static_cast<VertexId>(i);
    for (std::size_t i = 0; i < packages.size(); ++i) {
      const ControlField* provides = packages[i].find("Provides");
      if (provides == nullptr) continue;
      for (const Relation& relation : parse_relations(*provides, place)) {
        std::vector<VertexId>& all = providers_[relation.package];
        if (all.empty() || all.back() != static_cast<VertexId>(i)) all.push_back(static_cast<VertexId>(i));  // several versions of one name
      }
    }
  }

  DebianEdges read() {
    const auto& relations = debian_relations();
    for (std::size_t package = 0; package < packages_.size(); ++package) {
      for (std::size_t type = 0; type < relations.size(); ++type) {
        const ControlField* field = packages_[package].find(relations[type]);
        if (field == nullptr) continue;
        for (const Relation& relation : parse_relations(*field, place_))
          add(static_cast<VertexId>(package), static_cast<std::int32_t>(type), relation);
      }
    }
    EdgeList list{.vertices = static_cast<std::int64_t>(packages_.size()),
                  .sources = Array::of(sources_),
                  .targets = Array::of(targets_),
                  .edge_types = Array::of(types_),
                  .edge_type_names = relations};
    list.edge_features = {{"alternative", Array::of(alternatives_)}, {"version", Array::of(versions_)}, {"virtual", Array::of(virtuals_)}};
    DebianEdges made;
    made.graph = build(std::move(list), {.duplicates = Duplicates::drop, .self_loops = SelfLoops::drop}, place_);
    made.unknown = unknown_;
    return made;
  }

 private:
  void add(VertexId package, std::int32_t type, const Relation& relation) {
    const bool provides = debian_relations()[static_cast<std::size_t>(type)] == "Provides";
    if (const auto found = numbers_.find(relation.package); found != numbers_.end()) {
      add(package, found->second, type, relation, false);
    } else if (const auto by = providers_.find(relation.package); by == providers_.end()) {
      ++unknown_;
    } else if (!provides) {  // what makes a virtual name is no edge
      for (const VertexId provider : by->second) add(package, provider, type, relation, true);
    }
  }
  void add(VertexId from, VertexId to, std::int32_t type, const Relation& relation, bool is_virtual) {
    sources_.push_back(from);
    targets_.push_back(to);
    types_.push_back(type);
    alternatives_.push_back(static_cast<std::uint8_t>(std::min(relation.alternative, 255)));
    versions_.push_back(static_cast<std::uint8_t>(relation.relation));
    virtuals_.push_back(is_virtual ? 1 : 0);
  }

  const std::vector<Stanza>& packages_;
  std::string place_;
  std::unordered_map<std::string_view, VertexId> numbers_;
  Providers providers_;
  std::vector<VertexId> sources_, targets_;
  std::vector<std::int32_t> types_;
  std::vector<std::uint8_t> alternatives_, versions_, virtuals_;
  std::int64_t unknown_ = 0;
};

}  // namespace

const std::vector<std::string>& debian_relations() {
  static const std::vector<std::string> fields = {"Depends", "Pre-Depends", "Recommends", "Suggests", "Enhances",
                                                  "Breaks",  "Conflicts",   "Replaces",   "Provides", "Built-Using"};
  return fields;
}

DebianEdges debian_edges(const std::vector<Stanza>& packages, const std::string& place) { return EdgeReader(packages, place).read(); }

}  // namespace neap::gnn

#include "neap/gnn/control.h"

#include <algorithm>
#include <array>

#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

std::string_view trimmed(std::string_view text) { return neap::trimmed(text, " \t\r\n"); }

// The front of `text` before `separator`; `text` loses both.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view front = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return front;
}

VersionRelation relation_of(std::string_view sign) {
  constexpr std::array<std::pair<std::string_view, VersionRelation>, 7> signs = {
      {{"<<", VersionRelation::earlier},
       {"<=", VersionRelation::earlier_or_equal},
       {"=", VersionRelation::equal},
       {">=", VersionRelation::later_or_equal},
       {">>", VersionRelation::later},
       {"<", VersionRelation::earlier_or_equal},  // as dpkg still reads them
       {">", VersionRelation::later_or_equal}}};
  const auto found = std::ranges::find(signs, sign, &std::pair<std::string_view, VersionRelation>::first);
  return found == signs.end() ? VersionRelation::none : found->second;
}

Relation parse_relation(std::string_view text, const std::string& place) {
  const auto wrong = [&] { return Error(fmt::format("{} is no relation to a package", shown(text)), place, "it is: NAME (>= VERSION)"); };
  Relation made;
  const std::size_t name_end = std::min(text.find_first_of(" \t\r\n([<"), text.size());
  made.package = text.substr(0, name_end);
  made.package = made.package.substr(0, made.package.find(':'));  // an architecture, or "any"
  if (made.package.empty()) throw wrong();
  std::string_view rest = trimmed(text.substr(name_end));
  if (!rest.starts_with('(')) return made;  // what else may follow is of other architectures and of builds
  const std::size_t end = rest.find(')');
  if (end == rest.npos) throw wrong();
  std::string_view version = trimmed(rest.substr(1, end - 1));
  const std::size_t sign_end = std::min(version.find_first_not_of("<=>"), version.size());
  made.relation = relation_of(version.substr(0, sign_end));
  made.version = trimmed(version.substr(sign_end));
  if (made.relation == VersionRelation::none || made.version.empty()) throw wrong();
  return made;
}

}  // namespace

const ControlField* Stanza::find(std::string_view name) const {
  const auto found = std::ranges::find_if(fields, [&](const ControlField& field) { return same_without_case(field.name, name); });
  return found == fields.end() ? nullptr : &*found;
}

std::string_view Stanza::value(std::string_view name) const {
  const ControlField* field = find(name);
  return field == nullptr ? std::string_view() : field->value;
}

std::vector<Stanza> parse_control(std::string_view text, const std::string& place) {
  std::vector<Stanza> stanzas;
  bool between = true;
  Lines lines(text, place);
  while (const auto line = lines.next()) {
    if (trimmed(*line).empty()) {
      between = true;
      continue;
    }
    if (line->front() == '#') continue;
    if (line->front() == ' ' || line->front() == '\t') {
      if (between) throw Error("a line that continues nothing", lines.place(), "a field begins at the start of its line");
      ControlField& field = stanzas.back().fields.back();
      const char* begin = field.value.empty() ? line->data() : field.value.data();
      field.value = trimmed({begin, static_cast<std::size_t>(line->data() + line->size() - begin)});
      continue;
    }
    const std::size_t colon = line->find(':');
    if (colon == line->npos || colon == 0) throw Error(fmt::format("{} is no field", shown(*line)), lines.place(), "it is: NAME: VALUE");
    if (between) stanzas.push_back({.line = lines.number()});
    between = false;
    const std::string_view name = trimmed(line->substr(0, colon));
    if (stanzas.back().find(name) != nullptr)
      throw Error(fmt::format("a second field {}", shown(name)), lines.place(), "a blank line ends a stanza");
    stanzas.back().fields.push_back({.name = name, .value = trimmed(line->substr(colon + 1)), .line = lines.number()});
  }
  return stanzas;
}

std::vector<Relation> parse_relations(const ControlField& field, const std::string& place) {
  const std::string at = fmt::format("{}:{}", place, field.line);
  std::vector<Relation> all;
  for (std::string_view rest = field.value; !rest.empty();) {
    std::string_view group = trimmed(take(rest, ','));
    for (int alternative = 0; !group.empty(); ++alternative) {
      all.push_back(parse_relation(trimmed(take(group, '|')), at));
      all.back().alternative = alternative;
    }
  }
  return all;
}

}  // namespace neap::gnn

// Debian's control files (deb-control(5), deb822): stanzas of fields, separated by blank lines; a line that begins with a blank goes on.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace neap::gnn {

struct ControlField {
  std::string_view name, value;  // the value without blanks around it; further lines as they stand in the text
  std::int64_t line = 0;         // where it begins
};

// Views into the text.
struct Stanza {
  std::vector<ControlField> fields;
  std::int64_t line = 0;
  const ControlField* find(std::string_view name) const;  // names are compared without case; null: there is none
  std::string_view value(std::string_view name) const;    // empty: there is none
};

// Error naming file and line on a line that is no field and continues none, and on a field that is there twice in a stanza.
std::vector<Stanza> parse_control(std::string_view text, const std::string& place);

enum class VersionRelation : std::uint8_t { none, earlier, earlier_or_equal, equal, later_or_equal, later };  // << <= = >= >>

// One name in a field such as Depends: "a | b:any (>= 1.2) [amd64], c".
struct Relation {
  std::string_view package, version;
  VersionRelation relation = VersionRelation::none;
  int alternative = 0;  // its position among those of which one is needed
};
std::vector<Relation> parse_relations(const ControlField& field, const std::string& place);

}  // namespace neap::gnn

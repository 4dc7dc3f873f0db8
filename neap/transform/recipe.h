// A recipe: which transformations to try, in which order, with which parameters, from which level on. A value that prints and parses back.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "neap/transform/transformation.h"

namespace neap {

constexpr int highest_level = 4;

struct RecipeLine {
  std::string transformation;
  Parameters parameters;
  int from = 0, to = highest_level;  // the optimiser's levels at which the line is run
};
using Recipe = std::vector<RecipeLine>;

const Recipe& default_recipe();

// One line a line: "fuse_scope buffer_kib=384 from 2", "bind_library by_cost=0 from 0 to 2". Empty lines and those that begin with '#' are
// passed over. Error, with the line, for a transformation, a parameter or a level that there is not.
std::string to_string(const Recipe& recipe);
Recipe parse_recipe(std::string_view text);

// Parameters with the defaults of those that were not given; Error for one that there is not, or a value out of its range.
Parameters complete(const Transformation& transformation, const Parameters& given);

// A word of a line such as "tile=8" as a parameter; false where it is none. Error, naming `place`, for a value that is no number.
bool parse_parameter(std::string_view word, const std::string& place, Parameters& parameters);
std::int64_t parse_integer(std::string_view digits, const std::string& place);

}  // namespace neap

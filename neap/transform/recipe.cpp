#include "neap/transform/recipe.h"

#include <algorithm>
#include <charconv>

#include "neap/base/error.h"

namespace neap {

// What is common or known goes first, then operators become maps and library calls, then neighbours fuse.
const Recipe& default_recipe() {
  static const Recipe recipe{{"multiply_sparse", {{"convert", 1}}, 3},
                             {"multiply_sparse", {}, 3},
                             {"fold_constants", {}, 2},
                             {"remove_dead", {}, 2},
                             {"simplify", {}, 3},
                             {"cancel_moves", {}, 3},
                             {"fold_transpose", {}, 3},
                             {"fold_expand", {}, 3},
                             {"fold_pad", {}, 3},
                             {"fold_batch_norm", {}, 3},
                             {"fold_gate", {}, 3},
                             {"recognise_spmm", {}, 3},
                             {"order_products", {{"keep", 0}}, 3, 3},
                             {"order_products", {{"keep", 1}}, 4},
                             {"scale_rows", {}, 3},
                             {"order_weights", {}, 3},
                             {"factor_edge_sums", {}, 3},
                             {"transpose_edges", {}, 3},
                             {"share_common", {}, 3},
                             {"factor_edge_sums", {}, 3},
                             {"share_common", {}, 3},
                             {"fold_constants", {}, 2},
                             {"keep_fixed", {}, 4},
                             {"bind_library", {{"by_cost", 0}}, 0, 2},
                             {"bind_library", {{"by_cost", 1}}, 3},
                             {"fold_view", {}, 3},
                             {"lower", {}, 0},
                             {"share_common", {}, 3},
                             {"channels_last", {}, 3},
                             {"lay_operands", {}, 3},
                             {"fuse_edges", {}, 2},
                             {"panel_gathers", {}, 3},
                             {"tile_gathers", {}, 4},
                             {"fuse_vertical", {}, 2},
                             {"fuse_siblings", {}, 2},
                             {"fuse_vertical", {}, 2},
                             {"fuse_epilogue", {}, 2},
                             {"share_common", {}, 3},
                             {"fuse_scope", {}, 2},
                             {"absorb_call", {}, 2},
                             {"turn_rows", {}, 3},
                             {"join_tables", {}, 3},
                             {"fuse_scope", {}, 2},
                             {"update_in_place", {}, 4},
                             {"fuse_horizontal", {}, 2},
                             {"block_channels", {}, 3},
                             {"compute_late", {}, 4},
                             {"recompute", {}, 4},
                             {"deepen_scope", {}, 2}};
  return recipe;
}

std::string to_string(const Recipe& recipe) {
  std::string text;
  for (const RecipeLine& line : recipe) {
    text += line.transformation;
    for (const auto& [name, value] : line.parameters) text += fmt::format(" {}={}", name, value);
    text += fmt::format(" from {}", line.from);
    if (line.to < highest_level) text += fmt::format(" to {}", line.to);
    text += "\n";
  }
  return text;
}

std::int64_t parse_integer(std::string_view digits, const std::string& place) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    throw Error(fmt::format("'{}' is not a number", digits.substr(0, 80)), place);
  }
  return value;
}

bool parse_parameter(std::string_view word, const std::string& place, Parameters& parameters) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  parameters[std::string(word.substr(0, equals))] = parse_integer(word.substr(equals + 1), place);
  return true;
}

Parameters complete(const Transformation& transformation, const Parameters& given) {
  Parameters all;
  for (const ParameterSpec& spec : transformation.parameters) all[spec.name] = spec.default_value;
  for (const auto& [name, value] : given) {
    const auto spec = std::find_if(transformation.parameters.begin(), transformation.parameters.end(),
                                   [&, n = name](const ParameterSpec& s) { return s.name == n; });
    if (spec == transformation.parameters.end()) throw Error(fmt::format("{} has no parameter '{}'", transformation.name, name));
    if (value < spec->least || value > spec->most) {
      throw Error(fmt::format("{} = {} is outside {} to {}", name, value, spec->least, spec->most), transformation.name);
    }
    all[name] = value;
  }
  return all;
}

namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(" \t\r"); at != std::string_view::npos; at = line.find_first_not_of(" \t\r", at)) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

RecipeLine parse_line(const std::vector<std::string_view>& words, const std::string& place) {
  RecipeLine line{std::string(words[0]), {}};
  const Transformation& transformation = find_transformation(line.transformation);
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (parse_parameter(words[i], place, line.parameters)) continue;
    const bool from = words[i] == "from";
    if (!from && words[i] != "to") throw Error(fmt::format("'{}' is neither a parameter nor a level", words[i].substr(0, 80)), place);
    const std::int64_t level = i + 1 < words.size() ? parse_integer(words[++i], place) : -1;
    if (level < 0 || level > highest_level) {
      throw Error(fmt::format("a level is wanted behind '{}'", from ? "from" : "to"), place, fmt::format("0 to {}", highest_level));
    }
    (from ? line.from : line.to) = static_cast<int>(level);
  }
  complete(transformation, line.parameters);
  return line;
}

}  // namespace

Recipe parse_recipe(std::string_view text) {
  Recipe recipe;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::vector<std::string_view> words = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!words.empty() && words[0][0] != '#') recipe.push_back(parse_line(words, fmt::format("line {} of the recipe", number)));
  }
  return recipe;
}

}  // namespace neap

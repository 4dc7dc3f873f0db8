#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "neap/gnn/debian_parts.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

// Features that a package has or has not, by name; a group of columns.
class Values {
 public:
  void add(VertexId package, std::string name) {
    const auto [at, is_new] = numbers_.try_emplace(std::move(name), static_cast<std::int64_t>(numbers_.size()));
    has_.emplace_back(package, at->second);
  }

  // Columns for the names that `least` training packages have, in the order of names; appended to `entries` as (package, column) from
  // `begin` on.
  std::vector<std::string> columns(const std::vector<bool>& training, int least, std::int64_t begin,
                                   std::vector<std::pair<VertexId, VertexId>>& entries) {
    std::ranges::sort(has_);
    has_.erase(std::unique(has_.begin(), has_.end()), has_.end());
    std::vector<int> counts(numbers_.size(), 0);
    for (const auto& [package, number] : has_)
      counts[static_cast<std::size_t>(number)] += training[static_cast<std::size_t>(package)] ? 1 : 0;
    std::vector<std::string> names;
    std::vector<VertexId> column_of(numbers_.size(), -1);
    for (const auto& [name, number] : numbers_) {
      if (counts[static_cast<std::size_t>(number)] < least) continue;
      column_of[static_cast<std::size_t>(number)] = static_cast<VertexId>(begin + static_cast<std::int64_t>(names.size()));
      names.push_back(name);
    }
    for (const auto& [package, number] : has_) {
      if (const VertexId column = column_of[static_cast<std::size_t>(number)]; column >= 0) entries.emplace_back(package, column);
    }
    return names;
  }

 private:
  std::map<std::string, std::int64_t> numbers_;
  std::vector<std::pair<VertexId, std::int64_t>> has_;
};

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// Runs of letters (and digits and '+' after the first) of 3 or more, in small letters.
std::vector<std::string> words_of(std::string_view text, bool letters_only) {
  std::vector<std::string> words;
  std::string word;
  const auto end = [&] {
    if (word.size() > 2) words.push_back(word);
    word.clear();
  };
  for (const char original : text) {
    const char c = to_lower(original);
    if (is_letter(c) || (!letters_only && !word.empty() && ((c >= '0' && c <= '9') || c == '+'))) {
      word += c;
    } else {
      end();
    }
  }
  end();
  return words;
}

void add_labels(const Stanza& package, VertexId number, Values& labels) {
  for (const char* field : {"Architecture", "Multi-Arch", "Priority", "Essential", "Build-Essential", "Important", "Protected"}) {
    if (const auto value = package.value(field); !value.empty()) labels.add(number, fmt::format("{}={}", field, value));
  }
}

// Ends of ten bins, of as many training packages each.
std::vector<double> bin_ends(std::vector<double> values) {
  constexpr std::size_t bins = 10;
  std::ranges::sort(values);
  std::set<double> ends;
  for (std::size_t bin = 1; bin < bins && !values.empty(); ++bin) ends.insert(values[bin * values.size() / bins]);
  return {ends.begin(), ends.end()};
}

void add_sizes(const char* field, const std::vector<Stanza>& packages, const std::vector<bool>& training, Values& numbers) {
  std::vector<std::optional<double>> sizes;
  std::vector<double> known;
  for (std::size_t i = 0; i < packages.size(); ++i) {
    sizes.push_back(parse_number<double>(packages[i].value(field)));
    if (sizes.back() && training[i]) known.push_back(*sizes.back());
  }
  const std::vector<double> ends = bin_ends(known);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto bin = sizes[i] ? std::upper_bound(ends.begin(), ends.end(), *sizes[i]) - ends.begin() : -1;
    numbers.add(static_cast<VertexId>(i), bin < 0 ? fmt::format("{} missing", field) : fmt::format("{} bin {}", field, bin));
  }
}

// Fields that are the task, are used otherwise, or are different for every package.
bool counts_as_present(std::string_view field) {
  constexpr std::array used = {"Package",     "Version",         "Section",   "Architecture", "Multi-Arch",     "Priority",
                               "Essential",   "Build-Essential", "Important", "Protected",    "Installed-Size", "Size",
                               "Description", "Description-md5", "Filename",  "MD5sum",       "SHA1",           "SHA256",
                               "SHA512",      "Maintainer",      "Tag",       "Status"};
  const auto same = [&](std::string_view other) { return same_without_case(field, other); };
  return std::ranges::none_of(used, same) && std::ranges::none_of(debian_relations(), same);
}

}  // namespace

void add_debian_features(GraphData& data, const std::vector<Stanza>& packages, const DebianOptions& options) {
  std::vector<bool> training(packages.size());
  for (const VertexId package : data.training.values<VertexId>()) training[static_cast<std::size_t>(package)] = true;
  Values labels, numbers, tags, words, names, maintainers;
  for (const char* field : {"Installed-Size", "Size"}) add_sizes(field, packages, training, numbers);
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const Stanza& package = packages[i];
    const auto number = static_cast<VertexId>(i);
    add_labels(package, number, labels);
    for (const ControlField& field : package.fields) {
      if (counts_as_present(field.name)) numbers.add(number, fmt::format("has {}", field.name));
    }
    for (Words all(package.value("Tag"), ", \t\r\n"); const auto tag = all.next();) tags.add(number, std::string(*tag));
    const std::string_view description = package.value("Description");
    for (std::string& word : words_of(description.substr(0, description.find('\n')), false)) words.add(number, std::move(word));
    for (std::string& part : words_of(package.value("Package"), true)) names.add(number, std::move(part));
    if (const auto maintainer = package.value("Maintainer"); !maintainer.empty()) maintainers.add(number, std::string(maintainer));
  }
  struct Part {
    const char* name;
    Values* values;
    int least;
  };
  const std::array<Part, 6> parts = {{{"labels", &labels, 1},
                                      {"numbers", &numbers, options.least_others},
                                      {"tags", &tags, options.least_others},
                                      {"words", &words, options.least_words},
                                      {"names", &names, options.least_words},
                                      {"maintainers", &maintainers, options.least_words}}};
  std::vector<std::pair<VertexId, VertexId>> entries;
  for (const auto& [name, values, least] : parts) {
    const auto begin = static_cast<std::int64_t>(data.feature_names.size());
    for (std::string& column : values->columns(training, least, begin, entries)) data.feature_names.push_back(std::move(column));
    data.groups.push_back({name, begin, static_cast<std::int64_t>(data.feature_names.size())});
  }
  std::ranges::sort(entries);
  std::vector<std::int64_t> offsets{0};
  std::vector<VertexId> columns;
  for (const auto& [package, column] : entries) {
    offsets.resize(static_cast<std::size_t>(package) + 1, static_cast<std::int64_t>(columns.size()));
    columns.push_back(column);
  }
  offsets.resize(packages.size() + 1, static_cast<std::int64_t>(columns.size()));
  const auto count = static_cast<std::int64_t>(columns.size());
  data.sparse = {.csr = {.rows = data.vertices(),
                         .columns = static_cast<std::int64_t>(data.feature_names.size()),
                         .offsets = Array::of(offsets),
                         .indices = Array::of(columns)},
                 .values = Array::full(DType::f32, {count}, 1)};
}

}  // namespace neap::gnn

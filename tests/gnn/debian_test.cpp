#include "neap/gnn/debian.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "neap/base/file.h"
#include "neap/files/gzip.h"
#include "neap/gnn/control.h"
#include "tests/gnn/graphs.h"
#include "tests/gnn/packages.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::debian_test {
namespace {

using Named = std::set<std::tuple<std::string, std::string, std::string>>;  // from, type, to

Named named_edges(const GraphData& data) {
  Named all;
  std::int64_t edge = 0;
  for (const auto& [source, target] : listed(data.graph)) {
    const auto type = static_cast<std::size_t>(data.graph.edge_types().get_int(edge++));
    all.emplace(data.vertex_names[static_cast<std::size_t>(source)], data.graph.edge_type_names()[type],
                data.vertex_names[static_cast<std::size_t>(target)]);
  }
  return all;
}

std::int64_t edge_of(const GraphData& data, const std::string& from, const std::string& type, const std::string& to) {
  std::int64_t edge = 0;
  for (const auto& [source, target] : listed(data.graph)) {
    const auto kind = static_cast<std::size_t>(data.graph.edge_types().get_int(edge));
    if (data.vertex_names[static_cast<std::size_t>(source)] == from && data.graph.edge_type_names()[kind] == type &&
        data.vertex_names[static_cast<std::size_t>(target)] == to)
      return edge;
    ++edge;
  }
  ADD_FAILURE() << from << " " << type << " " << to;
  return 0;
}

bool has(const GraphData& data, std::int64_t vertex, const std::string& feature) {
  const auto column = std::ranges::find(data.feature_names, feature) - data.feature_names.begin();
  return dense(data.sparse).get(vertex * data.feature_count() + column) == 1;
}

// All packages train, and every word counts.
GraphData all_training(std::string_view text = some_packages) {
  return debian_packages(text, "Packages", {.training = 1, .validation = 0, .least_words = 1, .least_others = 1});
}

TEST(Debian, EdgesOfAllTypes) {
  const GraphData data = all_training();
  EXPECT_EQ(data.vertex_names, (std::vector<std::string>{"editor", "libc", "libtext1", "mailer", "postman"}));
  EXPECT_EQ(named_edges(data), (Named{{"editor", "Depends", "libc"},
                                      {"editor", "Pre-Depends", "libc"},
                                      {"editor", "Depends", "libtext1"},
                                      {"editor", "Depends", "mailer"},   // libtext2 and mail-agent
                                      {"editor", "Depends", "postman"},  // mail-agent
                                      {"libc", "Breaks", "libtext1"},    // its own name is no edge
                                      {"libtext1", "Depends", "libc"},
                                      {"mailer", "Depends", "libtext1"},
                                      {"postman", "Conflicts", "mailer"}}));
  EXPECT_EQ(data.about.at("names_that_nobody_has"), "3") << "missing-name, docs and plugin";
}

TEST(Debian, EdgesSayAlternativesVersionsAndVirtualNames) {
  const GraphData data = all_training();
  const auto feature = [&](const char* name, std::int64_t edge) { return data.graph.edge_feature(name).get(edge); };
  const std::int64_t libc = edge_of(data, "editor", "Depends", "libc"), text = edge_of(data, "editor", "Depends", "libtext1"),
                     mailer = edge_of(data, "editor", "Depends", "mailer"), breaks = edge_of(data, "libc", "Breaks", "libtext1");
  EXPECT_EQ(feature("version", libc), static_cast<double>(VersionRelation::later_or_equal));
  EXPECT_EQ(feature("version", breaks), static_cast<double>(VersionRelation::earlier));
  EXPECT_EQ(feature("version", text), static_cast<double>(VersionRelation::none));
  EXPECT_EQ(feature("alternative", text), 0);
  EXPECT_EQ(feature("alternative", mailer), 1);
  EXPECT_EQ(feature("virtual", libc), 0);
  EXPECT_EQ(feature("virtual", mailer), 1);
}

TEST(Debian, LabelsAreSections) {
  const GraphData data = all_training();
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"editors", "libs", "mail"}));
  EXPECT_EQ(numbers(data.labels), (std::vector<double>{0, 1, 1, 2, -1}));
  EXPECT_EQ(numbers(data.training), (std::vector<double>{0, 1, 2, 3})) << "without a section there is nothing to learn";
}

TEST(Debian, Features) {
  const GraphData data = all_training();
  check(data);
  std::vector<std::string> groups;
  for (const FeatureGroup& group : data.groups) groups.push_back(group.name);
  EXPECT_EQ(groups, (std::vector<std::string>{"labels", "numbers", "tags", "words", "names", "maintainers"}));
  EXPECT_TRUE(has(data, 0, "Architecture=amd64"));
  EXPECT_TRUE(has(data, 2, "Architecture=all"));
  EXPECT_TRUE(has(data, 1, "Essential=yes"));
  EXPECT_TRUE(has(data, 2, "Installed-Size missing"));
  EXPECT_TRUE(has(data, 0, "Installed-Size bin 1"));
  EXPECT_TRUE(has(data, 1, "Installed-Size bin 2"));
  EXPECT_TRUE(has(data, 1, "has Homepage"));
  EXPECT_FALSE(has(data, 0, "has Homepage"));
  EXPECT_TRUE(has(data, 0, "interface::text"));
  EXPECT_TRUE(has(data, 0, "editor"));
  EXPECT_TRUE(has(data, 2, "libtext"));
  EXPECT_TRUE(has(data, 0, "A Person <a@example.org>"));
  for (const std::string& name : data.feature_names) EXPECT_EQ(name.find("Section"), std::string::npos) << name;
  EXPECT_EQ(std::ranges::count(data.feature_names, "edits"), 0) << "only the synopsis is read";
}

TEST(Debian, FeaturesAreReadOffTheTrainingPackagesAlone) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += fmt::format("Package: p{}\nSection: s{}\nTag: tag{}, every\n\n", i, i % 2, i);
  const GraphData data = debian_packages(text, "Packages", {.seed = 3, .least_others = 1});
  EXPECT_EQ(data.training.count(), 20);
  EXPECT_EQ(data.validation.count(), 8);
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(std::ranges::count(data.feature_names, fmt::format("tag{}", data.training.get_int(i))), 1);
  }
  for (std::int64_t i = 0; i < data.test.count(); ++i) {
    EXPECT_EQ(std::ranges::count(data.feature_names, fmt::format("tag{}", data.test.get_int(i))), 0);
    EXPECT_TRUE(has(data, data.test.get_int(i), "every"));
  }
  EXPECT_EQ(debian_packages(text, "Packages", {.seed = 3}).version(), debian_packages(text, "elsewhere", {.seed = 3}).version());
  EXPECT_NE(debian_packages(text, "Packages", {.seed = 3}).version(), debian_packages(text, "Packages", {.seed = 4}).version());
}

TEST(Debian, OfSeveralStanzasOfOneNameTheFirstCounts) {
  const GraphData data = all_training("Package: a\nSection: x\n\nPackage: a\nSection: y\n");
  EXPECT_EQ(data.vertices(), 1);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"x"}));
  EXPECT_EQ(data.about.at("repeated_packages"), "1");
}

TEST(Debian, BadInput) {
  const auto refused = [](const std::string& text, const std::string& problem, const std::string& place) {
    expect_error([&] { debian_packages(text, "Packages"); }, problem, place);
  };
  refused("", "there is no package", "Packages");
  refused("Version: 1\n", "a stanza without the name of a package", "Packages:1");
  refused("Package: a\n\n\nPackage:\n", "a stanza without the name of a package", "Packages:4");
  refused("Package: a\nno field\n", "'no field' is no field", "Packages:2");
  refused("Package: a\n: b\n", "': b' is no field", "Packages:2");
  refused("Package: a\nSize: 1\nsize: 2\n", "a second field 'size'", "Packages:3");
  refused(" Package: a\n", "a line that continues nothing", "Packages:1");
  refused("Package: a\n\n text\n", "a line that continues nothing", "Packages:3");
  refused("Package: a\nDepends: b (>= 1\n", "'b (>= 1' is no relation to a package", "Packages:2");
  refused("Package: a\nDepends: b (1)\n", "'b (1)' is no relation", "Packages:2");
  refused("Package: a\nDepends: b (>=)\n", "'b (>=)' is no relation", "Packages:2");
  refused("Package: a\nDepends: b | (>= 1)\n", "'(>= 1)' is no relation", "Packages:2");
}

TEST(Control, ContinuedFieldsAndNamesWithoutCase) {
  const auto stanzas = parse_control("A: one\r\n two\r\nB:\n three\n\n\nC:x", "file");
  ASSERT_EQ(stanzas.size(), 2U);
  EXPECT_EQ(stanzas[0].value("a"), "one\r\n two");
  EXPECT_EQ(stanzas[0].value("B"), "three");
  EXPECT_EQ(stanzas[1].value("C"), "x");
  EXPECT_EQ(stanzas[1].line, 7);
  EXPECT_EQ(stanzas[1].find("B"), nullptr);
}

TEST(Debian, AFileNamesItsSourceAndTheDay) {
  const TemporaryFolder folder;
  const std::filesystem::path packages = folder.path() / "Packages.gz";
  write_file(packages, gzip(some_packages));
  const GraphData data = read_debian_packages(packages);
  EXPECT_EQ(data.version(), debian_packages(some_packages, "text").version());
  EXPECT_EQ(data.about.at("source"), packages.string());
  EXPECT_EQ(data.about.at("date").size(), 10U);
  EXPECT_EQ(data.about.at("text_hash"), hash_bytes(some_packages).hex());
}

}  // namespace
}  // namespace neap::gnn::debian_test

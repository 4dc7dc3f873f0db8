#include "neap/viewer/report.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/viewer/graph_json.h"
#include "tests/support/expect_error.h"

namespace neap::report_test {
namespace {

using nlohmann::json;

int count(std::string_view text, std::string_view part) {
  int found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// What a browser would give the page's script: the text up to the first end of the script element.
json embedded(const std::string& html) {
  const std::string_view open = R"(<script type="application/json" id="report">)";
  const auto begin = html.find(open);
  EXPECT_NE(begin, html.npos);
  const auto end = html.find("</script", begin + open.size());
  return json::parse(html.substr(begin + open.size(), end - begin - open.size()));
}

json example() { return json::parse(read_file(NEAP_TESTS "/viewer/example.json")); }

const std::string& empty_page() {
  static const std::string page = render_report(json::object());
  return page;
}

TEST(Report, EmbedsTheDocumentUnchanged) { EXPECT_EQ(embedded(render_report(example())), example()); }

TEST(Report, AnEmptyDocumentMakesAPage) {
  EXPECT_EQ(embedded(empty_page()), json::object());
  EXPECT_NE(empty_page().find("<title>Neap report</title>"), std::string::npos);
}

TEST(Report, EverySectionMayBeMissing) {
  const json whole = example();
  for (const auto& [name, part] : whole.items()) {
    json without = whole;
    without.erase(name);
    EXPECT_EQ(embedded(render_report(without)), without) << name;
  }
}

TEST(Report, RefusalsThatAreSummedUpKeepTheirLevel) {
  const std::vector<Refusal> refusals(9, {"fuse", 2, "%1", "another shape"});
  const json all = refusals_json(refusals);
  ASSERT_EQ(all.size(), 6U);
  EXPECT_EQ(all.back(), (json{{"level", 2}, {"name", "fuse"}, {"place", "and 4 more places"}, {"reason", "another shape"}}));
}

TEST(Report, HostileStringsStayText) {
  const std::string hostile[] = {"</script><script>alert(1)</script>",
                                 "<!--<script>",
                                 "\"';&<img src=x onerror=alert(1)>",
                                 "line\nbreak\r\t\x01",
                                 "{{script}}{{data}}",
                                 "]]></style></title>",
                                 "\xE2\x80\xA8 separator",
                                 "*/ R\"x(",
                                 ")neap_page\""};
  for (const std::string& text : hostile) {
    const json report = {
        {"title", text},
        {"command", text},
        {"versions", {{text, text}}},
        {"graphs",
         {{"before",
           {{"nodes", {{{"id", text}, {"name", text}, {"text", text}, {"code", text}, {"from", {text}}}}}, {"edges", json::array()}}}}},
        {"edits", {{{"name", text}, {"place", text}, {"level", 1}}}}};
    const std::string page = render_report(report);
    EXPECT_EQ(embedded(page), report) << text;
    // No element more than an empty report has: neither in the data nor in the title.
    for (const char* tag : {"<script", "</script", "<style", "</style", "</title", "<!--", "<img"})
      EXPECT_EQ(count(page, tag), count(empty_page(), tag)) << text << " adds " << tag;
  }
}

TEST(Report, TheTitleIsEscaped) {
  const std::string page = render_report({{"title", "a < b & \"c\""}});
  EXPECT_NE(page.find("<title>a &lt; b &amp; &quot;c&quot;</title>"), std::string::npos);
}

TEST(Report, TextThatIsNotUtf8IsReplaced) {
  const std::string page = render_report({{"title", "bad \xFF\xC0 end"}, {"command", "\x80"}});
  EXPECT_EQ(embedded(page)["title"], "bad \xEF\xBF\xBD\xEF\xBF\xBD end");
  EXPECT_NE(page.find("<title>bad \xEF\xBF\xBD\xEF\xBF\xBD end</title>"), std::string::npos);
}

TEST(Report, NumbersThatJsonLacksBecomeNull) {
  const json page = embedded(render_report({{"summary", {{"test_accuracy", std::numeric_limits<double>::quiet_NaN()}}}}));
  EXPECT_TRUE(page["summary"]["test_accuracy"].is_null());
}

// Nothing is fetched: no address but the SVG namespace's name, and a policy that forbids the browser to try.
TEST(Report, IsSelfContained) {
  std::string page = render_report(example());
  const std::string_view svg = "http://www.w3.org/2000/svg";
  for (auto at = page.find(svg); at != page.npos; at = page.find(svg)) page.erase(at, svg.size());
  for (const char* address : {"http:", "https:", "//cdn", "@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket", "<link", "<iframe"}) {
    EXPECT_EQ(page.find(address), page.npos) << address;
  }
  EXPECT_NE(page.find("default-src 'none'"), page.npos);
}

// The page's script has no way from a string to markup or code.
TEST(Report, ScriptMakesNoMarkupFromText) {
  for (const char* sink : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"}) {
    EXPECT_EQ(empty_page().find(sink), std::string::npos) << sink;
  }
}

TEST(Report, EveryPlaceOfTheFrameIsFilled) { EXPECT_EQ(empty_page().find("{{"), std::string::npos); }

TEST(Report, RefusesWhatIsNotAnObject) {
  expect_error([] { render_report(json::array({1, 2})); }, "a report is a JSON object, not array");
}

}  // namespace
}  // namespace neap::report_test

#include "neap/viewer/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "neap/base/error.h"
#include "neap/viewer/page.h"

namespace neap {
namespace {

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// In a script element only "<" can end it or open a comment, and in JSON "<" stands only inside strings.
std::string embed_json(const nlohmann::json& report) {
  const std::string text = report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string embedded;
  embedded.reserve(text.size());
  for (const char c : text) {
    if (c == '<')
      embedded += "\\u003c";
    else
      embedded += c;
  }
  return embedded;
}

std::string title_of(const nlohmann::json& report) {
  const auto title = report.find("title");
  if (title == report.end() || !title->is_string()) return "Neap report";
  // Through dump: what is not UTF-8 is replaced as it is in the document.
  const std::string text = title->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(text).get<std::string>();
}

}  // namespace

std::string render_report(const nlohmann::json& report) {
  if (!report.is_object()) {
    throw Error(fmt::format("a report is a JSON object, not {}", report.type_name()), "render_report",
                "see neap/viewer/report.h for what it holds");
  }
  // One pass over the frame: what is put in is never searched for further places.
  std::string html;
  std::string_view rest = page::frame;
  for (auto open = rest.find("{{"); open != rest.npos; open = rest.find("{{")) {
    const auto close = rest.find("}}", open);
    NEAP_ASSERT(close != rest.npos, " page.html has an open place");
    const std::string_view place = rest.substr(open + 2, close - open - 2);
    html += rest.substr(0, open);
    if (place == "title")
      html += escape_html(title_of(report));
    else if (place == "style")
      html += page::style;
    else if (place == "data")
      html += embed_json(report);
    else if (place == "script")
      html += page::script;
    else
      internal_error(__FILE__, __LINE__, fmt::format("page.html has an unknown place {}", place));
    rest.remove_prefix(close + 2);
  }
  return html += rest;
}

}  // namespace neap

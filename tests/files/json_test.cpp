#include "neap/files/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace neap::json_test {
namespace {

TEST(Json, PagesAreIndented) {
  EXPECT_EQ(json_page({{"a", 1}, {"b", {2.5, "c"}}}), "{\n  \"a\": 1,\n  \"b\": [\n    2.5,\n    \"c\"\n  ]\n}");
  EXPECT_EQ(json_page(nlohmann::json::object()), "{}");
}

// A file's name may be any bytes.
TEST(Json, PagesShowThatBytesAreNotUtf8) { EXPECT_EQ(json_page("caf\xc3\xa9 \xff"), "\"caf\xc3\xa9 \xef\xbf\xbd\""); }

}  // namespace
}  // namespace neap::json_test

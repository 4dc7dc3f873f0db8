#include "neap/files/csv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "neap/base/file.h"
#include "tests/support/expect_error.h"

namespace neap::csv_test {
namespace {

void refused(const std::string& text, const std::string& problem, const std::string& place) {
  expect_error([&] { parse_csv(text, "a.csv"); }, problem, place);
}

TEST(Csv, ComesBack) {
  const TemporaryFolder folder;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Table table{
      .columns = {"x", "a \"b\", c", " spaces ", ""},
      .values = Array::of(std::vector<double>{0.1, -0.0, 1e300, 5e-324, infinity, -infinity, 1.0 / 3, 12345678901234567.0}, {2, 4})};
  write_csv(folder.path() / "a.csv", table);
  const Table back = read_csv(folder.path() / "a.csv");
  EXPECT_EQ(back.columns, table.columns);
  EXPECT_EQ(back.values.sizes(), table.values.sizes());
  for (std::int64_t i = 0; i < 8; ++i) EXPECT_EQ(back.values.get(i), table.values.get(i));
  EXPECT_TRUE(std::signbit(back.values.get(1)));
}

TEST(Csv, Spellings) {
  const Table table = parse_csv("\xEF\xBB\xBF x ,\"y\"\r\n 1,\"2\"\r\n+3, nan \r\n\r\n", "test");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(table.values.sizes(), (Sizes{2, 2}));
  EXPECT_EQ(table.values.get(1), 2);
  EXPECT_EQ(table.values.get(2), 3);
  EXPECT_TRUE(std::isnan(table.values.get(3)));
}

TEST(Csv, WithoutNames) {
  const Table table = parse_csv("1,2,3\n4,5,6", "test");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(table.values.sizes(), (Sizes{2, 3}));
  EXPECT_EQ(parse_csv("a,b", "test").values.sizes(), (Sizes{0, 2}));
}

TEST(Csv, InAnotherDTypeAndNoMoreMemory) {
  EXPECT_EQ(parse_csv("1,2\n3,0.1", "test", DType::f32).values.values<float>()[3], 0.1F);
  EXPECT_EQ(parse_csv("1,2\n3,4", "test").first_line, 1);
  EXPECT_EQ(parse_csv("a,b\n3,4", "test").first_line, 2);
  EXPECT_EQ(parse_csv("1,2\n3,4", "test", DType::f32, 16).values.count(), 4);
  expect_error([] { parse_csv("1,2\n3,4", "test", DType::f32, 15); }, "a table of 2 lines needs 16 B (16 bytes), and there are 15 B",
               "test");
}

TEST(Csv, Refusals) {
  refused("", "the file has no line", "a.csv");
  refused("\n\r\n", "the file has no line", "a.csv");
  refused("a,b\n1,2\n3\n", "the line has 1 fields, the first line has 2", "a.csv:3");
  refused("a,b\n1,2,3\n", "the line has 3 fields, the first line has 2", "a.csv:2");
  refused("1,2\n1,2\n1,2,\n", "the line has 3 fields, the first line has 2", "a.csv:3");
  refused("a,b\n\n1,2\n", "'' in column 'a' is not a number", "a.csv:2");
  refused("a,b\n1,two\n", "'two' in column 'b' is not a number", "a.csv:2");
  refused("a,b\n1,1e999\n", "'1e999' in column 'b' is not a number", "a.csv:2");
  refused("a,b\n1,+-2\n", "'+-2' in column 'b' is not a number", "a.csv:2");
  refused("a,b, a\n1,2,3\n", "two columns are called 'a'", "a.csv:1");
  refused("a,\"b\n1,2\n", "a quoted field does not end on its line", "a.csv:1");
  refused("a,\"b\" c\n1,2\n", "text follows a quoted field", "a.csv:1");
  expect_error([] { csv_text({.columns = {"a"}, .values = Array::zeros(DType::f64, {2, 2})}); }, "1 names for a table of [2,2]");
  expect_error([] { csv_text({.columns = {"a\nb"}, .values = Array::zeros(DType::f64, {2, 1})}); }, "has a line's end in its name");
}

}  // namespace
}  // namespace neap::csv_test

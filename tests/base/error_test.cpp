#include "neap/base/error.h"

#include <gtest/gtest.h>

namespace neap::error_test {
namespace {

TEST(Error, SaysWhatWhereAndWhatToDo) {
  EXPECT_STREQ(Error("it broke").what(), "it broke");
  EXPECT_STREQ(Error("it broke", "node %3").what(), "it broke\n  at: node %3");
  EXPECT_STREQ(Error("it broke", "", "mend it").what(), "it broke\n  try: mend it");
  const Error error("it broke", "node %3", "mend it");
  EXPECT_STREQ(error.what(), "it broke\n  at: node %3\n  try: mend it");
  EXPECT_EQ(error.problem(), "it broke");
  EXPECT_EQ(error.place(), "node %3");
  EXPECT_EQ(error.remedy(), "mend it");
}

TEST(Error, BrokenPromisesNameThePlace) {
  NEAP_ASSERT(true, " never said");
  try {
    NEAP_ASSERT(1 == 2, " of {}", "five");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "Neap broke a promise of its own: 1 == 2 of five");
    EXPECT_NE(error.place().find("error_test.cpp:"), std::string::npos);
  }
}

}  // namespace
}  // namespace neap::error_test

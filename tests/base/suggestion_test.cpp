#include "neap/base/suggestion.h"

#include <gtest/gtest.h>

namespace neap::suggestion_test {
namespace {

TEST(Suggestion, TheWordThatNeedsTheFewestChanges) {
  const std::vector<std::string> known{"train", "run", "--epochs", "--rate"};
  EXPECT_EQ(nearest_word("trian", known), "train");
  EXPECT_EQ(nearest_word("--epocs", known), "--epochs");
  EXPECT_EQ(nearest_word("rum", known), "run");
  EXPECT_EQ(nearest_word("paint", known), "");
  EXPECT_EQ(nearest_word("x", known), "");
  EXPECT_EQ(nearest_word("", known), "");
  EXPECT_EQ(nearest_word(std::string(100000, 'a'), {std::string(100001, 'a')}), "");  // not compared
  EXPECT_EQ(nearest_word("train", {}), "");
}

TEST(Suggestion, OtherwiseWhatThereIs) {
  EXPECT_EQ(suggestion("trian", {"train"}), "did you mean 'train'?");
  EXPECT_EQ(suggestion("paint", {"train", "run"}), "one of train, run");
  EXPECT_EQ(suggestion("paint", {}), "there are none");
  EXPECT_EQ(suggestion("paint", std::vector<std::string>(32, "no")).substr(7 + 29 * 4), "no and 2 more");
}

}  // namespace
}  // namespace neap::suggestion_test

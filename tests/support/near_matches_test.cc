// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/near_matches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct DistanceCase {
  const char* a;
  const char* b;
  size_t distance;
};

TEST(EditDistanceTest, CountsInsertionsDeletionsReplacementsAndSwaps) {
  const DistanceCase kCases[] = {
      {"", "", 0},
      {"", "abc", 3},
      {"abc", "", 3},
      {"tables", "tables", 0},
      {"Tables", "tABLES", 0},
      {"tabels", "tables", 1},
      {"kitten", "sitting", 3},
      {"table", "tables", 1},
      {"a", "b", 1},
      // Restricted: a pair that is swapped isn't edited again.
      {"ca", "abc", 3},
  };
  for (const DistanceCase& c : kCases) {
    EXPECT_EQ(EditDistance(c.a, c.b), c.distance) << c.a << " to " << c.b;
    EXPECT_EQ(EditDistance(c.b, c.a), c.distance) << c.b << " to " << c.a;
  }
}

TEST(NearMatchesTest, ComeNearestFirstAndOnce) {
  const std::vector<std::string> names = {"conv10", "conv2", "conv1", "relu1",
                                          "conv1"};
  EXPECT_THAT(NearMatches("conv1", names),
              ElementsAre("conv1", "conv10", "conv2"));
  EXPECT_THAT(NearMatches("conv1", names, 1), ElementsAre("conv1"));
}

TEST(NearMatchesTest, TakeWhatBeginsWithTheWord) {
  EXPECT_THAT(NearMatches("jouppi", {{"jouppi-7nm-hbm2"}, {"eyeriss-65nm"}}),
              ElementsAre("jouppi-7nm-hbm2"));
}

TEST(NearMatchesTest, AreNoneForWhatIsFarOrEmptyOrVeryLong) {
  EXPECT_THAT(NearMatches("softmax", {{"conv"}, {"gemm"}, {""}}), IsEmpty());
  EXPECT_THAT(NearMatches("", {{"conv"}}), IsEmpty());
  EXPECT_THAT(NearMatches("a", {{"b"}}), IsEmpty());
  const std::string kLong(129, 'a');
  EXPECT_THAT(NearMatches(kLong, {kLong}), IsEmpty());
  EXPECT_THAT(NearMatches("a", {kLong}), IsEmpty());
}

TEST(DidYouMeanTest, ListsWithCommasAndOr) {
  EXPECT_EQ(DidYouMean("xyz", {{"conv"}}), "");
  EXPECT_EQ(DidYouMean("tabels", {{"tables"}}), "; did you mean 'tables'?");
  EXPECT_EQ(DidYouMean("conv", {{"conv1"}, {"conv2"}}),
            "; did you mean 'conv1' or 'conv2'?");
  EXPECT_EQ(DidYouMean("conv", {{"conv1"}, {"conv2"}, {"conv3"}, {"conv4"}}),
            "; did you mean 'conv1', 'conv2' or 'conv3'?");
}

}  // namespace
}  // namespace opcost

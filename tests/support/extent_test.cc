// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/extent.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace opcost {
namespace {

constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

TEST(ExtentTest, ConcreteArithmeticIsIntegerArithmetic) {
  EXPECT_EQ(Extent(7) + 5, Extent(12));
  EXPECT_EQ(Extent(7) - 5, Extent(2));
  EXPECT_EQ(Extent(7) * 5, Extent(35));
  EXPECT_EQ(Extent(7) / 5, Extent(1));
  EXPECT_EQ(Extent::CeilDiv(7, 5), Extent(2));
  EXPECT_EQ(Extent::Min(7, 5), Extent(5));
  EXPECT_EQ(Extent::Max(7, 5), Extent(7));
  EXPECT_TRUE(Extent(7).Is(7));
  EXPECT_FALSE(Extent(7).Is(8));
  EXPECT_EQ(Extent(), Extent(0));
  Extent sum = 3;
  sum += 4;
  sum *= 2;
  EXPECT_EQ(sum.AsInt(), (3 + 4) * 2);
}

TEST(ExtentTest, WhatIsKnownToBeNegativeOrTooLargeOverflows) {
  const std::vector<Extent> overflowed = {
      Extent(-1),
      Extent(SymValue(-1)),
      Extent(2) - 3,
      Extent::Symbol("N") - Extent::Symbol("N") - 1,
      Extent(kHighest) + 1,
      Extent(kHighest) * 2,
      Extent(1) / 0,
      Extent::CeilDiv(1, 0),
      (Extent::Symbol("N") - 3).Bind({{"N", 2}}),
      Extent::Overflow() * 0,
      Extent::Overflow() - Extent::Overflow(),
  };
  for (size_t i = 0; i < overflowed.size(); ++i) {
    EXPECT_TRUE(overflowed[i].overflowed()) << i;
    EXPECT_FALSE(overflowed[i].Is(0)) << i;
    EXPECT_EQ(overflowed[i].ToString(), "overflow") << i;
  }
}

TEST(ExtentTest, SymbolsAreCarriedThroughAndBound) {
  const Extent n = Extent::Symbol("N");
  EXPECT_EQ((n * 12).ToString(), "12*N");
  EXPECT_EQ((n * 12 / 4).ToString(), "3*N");
  EXPECT_EQ((n * 12).Bind({{"N", 5}}), Extent(12 * 5));
  EXPECT_FALSE(n.Is(0));
  EXPECT_FALSE(n.is_concrete());
  EXPECT_EQ(n.AsInt(), std::nullopt);
  EXPECT_EQ(n.sym(), SymValue::Symbol("N"));
  std::set<std::string> names;
  (n * Extent::Symbol("M")).CollectSymbols(&names);
  EXPECT_EQ(names, (std::set<std::string>{"M", "N"}));
}

}  // namespace
}  // namespace opcost

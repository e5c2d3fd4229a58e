// SPDX-License-Identifier: Apache-2.0
// The rows of If, Loop, Scan and SequenceMap, asked alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "opcost/ops/registry.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

TEST(ControlFlow, WithoutABodyIsAnError) {
  EXPECT_THAT(
      OneNode("If", 17).Input({}, DataType::kBool).Infer(),
      FailsWith("If 'o0': attribute 'then_branch' is missing, or no graph"));
  EXPECT_THAT(OneNode("Loop", 17).Absent().Attr("body", 3).Infer(),
              FailsWith("Loop 'o0': attribute 'body' is missing, or no graph"));
  EXPECT_THAT(OneNode("Scan", 8).Input({2}).Infer(),
              FailsWith("Scan 'o0': attribute 'body' is missing, or no graph"));
  EXPECT_THAT(
      OneNode("SequenceMap", 17).Input({2}).Infer(),
      FailsWith("SequenceMap 'o0': attribute 'body' is missing, or no graph"));
}

TEST(ControlFlow, ExistsSinceItsFirstOpset) {
  EXPECT_NE(FindOp("", "If", 1), nullptr);
  EXPECT_NE(FindOp("", "Loop", 1), nullptr);
  EXPECT_EQ(FindOp("", "Scan", 7), nullptr);
  EXPECT_NE(FindOp("", "Scan", 8), nullptr);
  EXPECT_EQ(FindOp("", "SequenceMap", 16), nullptr);
  EXPECT_NE(FindOp("", "SequenceMap", 17), nullptr);
}

}  // namespace
}  // namespace opcost

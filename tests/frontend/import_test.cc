// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

TEST(Import, ReadsASmallModel) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      ModelFromText("(float[N,3] x) => (float[N,3] y) { h = Relu(x) "
                    "y = Add(h, x) }"));
  EXPECT_EQ(model.path, "test.onnx");
  EXPECT_EQ(model.graph.nodes.size(), 2u);
  EXPECT_EQ(ToString(model.graph.values[0].declared), "float32 Nx3");
}

}  // namespace
}  // namespace opcost

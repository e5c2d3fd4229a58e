// SPDX-License-Identifier: Apache-2.0
#include "tools/make_operator_docs/operator_docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace opcost {
namespace {

using ::testing::HasSubstr;

TEST(OperatorDocs, TheFileIsWhatTheRegistrySays) {
  std::ifstream file(OPCOST_SOURCE_DIR "/docs/operators.md");
  std::ostringstream text;
  text << file.rdbuf();
  // Not EXPECT_EQ, which would print both.
  EXPECT_TRUE(text.str() == OperatorDocs())
      << "docs/operators.md is behind the registry; renew it:\n"
         "  cmake --build --preset dev --target make_operator_docs\n"
         "  build/dev/tools/make_operator_docs > docs/operators.md";
}

TEST(OperatorDocs, ARowSaysWhatIsCountedAndByWhichRules) {
  EXPECT_THAT(OperatorDocs(), HasSubstr("\n### Relu\n\n"));
  EXPECT_THAT(OperatorDocs(),
              HasSubstr("| MACs | mul | add | reads | writes |\n"
                        "|---|---|---|---|---|\n"
                        "| 0 | 0 | `out` | `X: out` | `Y: out` |\n"));
}

}  // namespace
}  // namespace opcost

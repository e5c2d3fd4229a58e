// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/digest.h"

#include <gtest/gtest.h>

namespace opcost {
namespace {

TEST(DigestTest, IsXxh3Of128BitsInHexadecimal) {
  // XXH3_128bits of no bytes, as xxHash's own tests have it.
  EXPECT_EQ(DigestOf(""), "xxh3-128:99aa06d3014798d86001c324468d497f");
  EXPECT_NE(DigestOf("a"), DigestOf("b"));
}

}  // namespace
}  // namespace opcost

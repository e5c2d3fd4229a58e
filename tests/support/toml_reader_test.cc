// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/toml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::StartsWith;

TEST(TomlReaderTest, EntriesKeepTheOrderAndThePlacesOfTheFile) {
  ASSERT_OK_AND_ASSIGN(const TomlValue root,
                       TomlValue::Parse("f", "z = 1\na = 'x'\n\nm = [true]\n"));
  ASSERT_EQ(root.entries().size(), 3U);
  EXPECT_EQ(root.entries()[0].key, "z");
  EXPECT_EQ(root.entries()[1].key, "a");
  EXPECT_EQ(root.entries()[2].key, "m");
  EXPECT_EQ(root.entries()[2].line, 4);
  EXPECT_EQ(root.entries()[2].value.column(), 5);
  EXPECT_EQ(*root.Find("z")->AsInteger(), 1);
  EXPECT_EQ(*root.Find("z")->AsNumber(), 1.0);
  EXPECT_EQ(*root.Find("a")->AsString(), "x");
  EXPECT_TRUE(*root.Find("m")->items()[0].AsBoolean());
  EXPECT_EQ(root.Find("q"), nullptr);
}

TEST(TomlReaderTest, AnotherKindIsAnErrorWithItsPlace) {
  ASSERT_OK_AND_ASSIGN(
      const TomlValue root,
      TomlValue::Parse("f", "a = 'x'\nb = 1.5\nc = 2026-01-01\nd = {}\n"));
  EXPECT_THAT(root.Find("a")->AsInteger(),
              FailsWith("f:1:5: expected an integer, found a string"));
  EXPECT_THAT(root.Find("b")->AsInteger(),
              FailsWith("f:2:5: expected an integer, found a float"));
  EXPECT_THAT(root.Find("c")->AsNumber(),
              FailsWith("f:3:5: expected a number, found a date or a time"));
  EXPECT_THAT(root.Find("d")->AsBoolean(),
              FailsWith("f:4:5: expected true or false, found a table"));
  EXPECT_THAT(root.Find("d")->CheckIsArray(),
              FailsWith("f:4:5: expected an array, found a table"));
  EXPECT_THAT(root.Find("a")->CheckIsTable(),
              FailsWith("f:1:5: expected a table, found a string"));
}

TEST(TomlReaderTest, KeysAreChecked) {
  ASSERT_OK_AND_ASSIGN(const TomlValue root,
                       TomlValue::Parse("f", "capcity = 1\n"));
  EXPECT_THAT(root.CheckKeys({"name", "capacity"}),
              FailsWith("f:1:1: unknown key 'capcity'; did you mean "
                        "'capacity'?"));
  EXPECT_THAT(root.CheckKeys({"name"}),
              FailsWith("f:1:1: unknown key 'capcity'; expected name"));
  EXPECT_THAT(root.CheckKeys({"capcity"}), IsOk());
  EXPECT_THAT(root.Require("name", "a name"),
              FailsWith("f:1:1: missing key 'name'; expected a name"));
}

TEST(TomlReaderTest, SyntaxErrorsHaveTheirPlace) {
  EXPECT_THAT(TomlValue::Parse("f", "a = 1\nb = = 2\n"),
              FailsWith(StartsWith("f:2:")));
}

TEST(TomlReaderTest, DotsBracketsAndQuotesInsideStringsAndCommentsDoNotCount) {
  const std::string dots(50, '.');
  const std::string brackets(50, '[');
  const std::string text =
      "# " + dots + brackets + "'\n" + "a = \"" + dots + brackets +
      "\\\"#\"\n" + "b = '" + dots + brackets + "'\n" + "c = \"\"\"" + dots +
      "\n" + brackets + "\"\"\"\n" + "d = '''" + dots + "\n" + brackets +
      "'''\n" + "e = [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5]\n";
  ASSERT_OK_AND_ASSIGN(const TomlValue root, TomlValue::Parse("f", text));
  EXPECT_EQ(root.entries().size(), 5U);
  EXPECT_EQ(root.Find("e")->items().size(), 9U);
}

TEST(TomlReaderTest, DepthIsBounded) {
  EXPECT_THAT(TomlValue::Parse("f", "a.b.c.d.e.f.g.h = 1\n"), IsOk());
  EXPECT_THAT(TomlValue::Parse("f", "x = 1\na.b.c.d.e.f.g.h.i = 1\n"),
              FailsWith("f:2:16: expected at most 8 parts in a key"));
  EXPECT_THAT(TomlValue::Parse("f", "a = " + std::string(16, '[') +
                                        std::string(16, ']') + "\n"),
              IsOk());
  EXPECT_THAT(
      TomlValue::Parse("f", "a = " + std::string(17, '[')),
      FailsWith("f:1:21: expected at most 16 values inside each other"));
}

}  // namespace
}  // namespace opcost

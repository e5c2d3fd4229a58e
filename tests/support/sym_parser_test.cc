// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/sym_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/support/random_expression.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

SymValue S(absl::string_view name) { return SymValue::Symbol(name); }

SymValue Floor(const SymValue& a, const SymValue& b) {
  return SymValue::FloorDiv(a, b);
}

TEST(SymParserTest, ReadsWhatPeopleAndExportersWrite) {
  const SymValue n = S("N");
  struct Case {
    const char* text;
    SymValue value;
  };
  const std::vector<Case> cases = {
      {"12", 12},
      {"N", n},
      {"past_sequence_length + 1", S("past_sequence_length") + 1},
      {"P+S", S("P") + S("S")},
      {"S-P", S("S") - S("P")},
      {"2*N", n * 2},
      {" 2 * N ", n * 2},
      {"-N+3", 3 - n},
      {"--N", n},
      {"2-3-4", -5},
      {"2+3*4", 14},
      {"(2+3)*4", 20},
      {"-2^2", -4},
      {"N^2", n * n},
      {"N**3", n * n * n},
      {"N^0", 1},
      {"floor((H-3)/2)+1", Floor(S("H") - 3, 2) + 1},
      {"((s0 - 1)//2) + 1", Floor(S("s0") - 1, 2) + 1},
      {"(a + b) // 2", Floor(S("a") + S("b"), 2)},
      {"-7//2", -4},
      {"-7 % 4", 1},
      {"N%4", SymValue::Mod(n, 4)},
      {"mod(N, 4)", SymValue::Mod(n, 4)},
      {"max(a,b)", SymValue::Max(S("a"), S("b"))},
      {"Max(1, s0)", SymValue::Max(1, S("s0"))},
      {"min(a, b, 3)", SymValue::Min(SymValue::Min(S("a"), S("b")), 3)},
      {"ceil(N/3)", SymValue::CeilDiv(n, 3)},
      {"ceiling(N/3)", SymValue::CeilDiv(n, 3)},
      {"select(N, 3, M)", SymValue::Select(n, 3, S("M"))},
      {"2*'batch size'", S("batch size") * 2},
      {"'it''s'", S("it's")},
      {"input.1 + sel#0", S("input.1") + S("sel#0")},
      {"max", S("max")},
  };
  for (const Case& c : cases) {
    const auto value = ParseExpression(c.text);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(*value, c.value) << c.text << " is " << value->ToString();
  }
}

// Exporters' floor(height/8 - 1/8) + 1 is a sum of fractions.
TEST(SymParserTest, FractionsAreExactUntilTheyAreRounded) {
  const SymValue h = S("H");
  struct Case {
    const char* text;
    SymValue value;
  };
  for (const Case& c :
       std::vector<Case>{{"floor(H/8 - 1/8) + 1", Floor(h - 1, 8) + 1},
                         {"floor(H/2 + 1/2)", Floor(h + 1, 2)},
                         {"7/2*2", 7},
                         {"H/2*2", h},
                         {"7/2", 3},
                         {"floor(7/2)*2", 6},
                         {"6*H/3", h * 2},
                         {"ceil(7/2) + floor(-7/2)", 0},
                         {"1/(1/H)", h},
                         {"max(7/2, 1)", 3}}) {
    const auto value = ParseExpression(c.text);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(*value, c.value) << c.text << " is " << value->ToString();
  }
}

TEST(SymParserTest, WhatIsNoExpressionIsRefusedWithItsPlace) {
  struct Case {
    std::string text;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {"", "expected a number or a name at character 1, found the end"},
           {"-", "expected a number or a name at character 2, found the end"},
           {"batch size", "expected an operator at character 7, found 's'"},
           {"2N", "expected an operator at character 2, found 'N'"},
           {"1.5", "expected an operator at character 2, found '.'"},
           {"(a", "expected ')' at character 3, found the end"},
           {"a)", "expected an operator at character 2, found ')'"},
           {"a+*b", "expected a number or a name at character 3, found '*'"},
           {"?", "expected a number or a name at character 1, found '?'"},
           {"'a", "expected a closing quote at character 3, found the end"},
           {"f(a)",
            "there is no function 'f'; use floor, ceil, min, max, mod or "
            "select"},
           {"max(a)", "max takes 2 arguments, but has 1"},
           {"floor(a, b)", "expected ')' at character 8, found ','"},
           {"min(a; b)", "expected ',' or ')' at character 6, found ';'"},
           {"a^b", "expected a number at character 3, found 'b'"},
           {"a^65", "the exponent 65 is above 64"},
           {"9223372036854775808",
            "the number at character 1 doesn't fit 63 bits"},
           {"1/0",
            "the expression divides by zero, doesn't fit 63 bits or is too "
            "long"},
           {std::string(1000, '('), "the expression is nested deeper than 80"},
           {std::string(1000, '-') + "1",
            "the expression is nested deeper than 80"},
           {std::string(kMaxExpressionBytes + 1, ' '),
            "the expression has 65537 bytes, more than 65536"}}) {
    EXPECT_THAT(ParseExpression(c.text), FailsWith(c.message))
        << c.text.substr(0, 20);
  }
}

TEST(SymParserTest, ANameThatIsNoExpressionIsASymbol) {
  for (const char* name :
       {"N", "batch size", "input.1", "unk__12", "-", "?", "2N", "1.5", "",
        "-1", "2-3", "a b+c", "f(x)", "9223372036854775808", "1/0"}) {
    EXPECT_EQ(DimensionCalled(name), Extent::Symbol(name)) << name;
  }
  EXPECT_EQ(DimensionCalled("224"), Extent(224));
  EXPECT_EQ(DimensionCalled("P+1"), Extent::Symbol("P") + 1);
  EXPECT_EQ(DimensionCalled("S-P"),
            Extent(SymValue::Symbol("S") - SymValue::Symbol("P")));
  const std::string longest = std::string(kMaxDimensionBytes - 2, 'x') + "+1";
  EXPECT_EQ(DimensionCalled(longest),
            Extent::Symbol(longest.substr(0, longest.size() - 2)) + 1);
  EXPECT_EQ(DimensionCalled("x" + longest), Extent::Symbol("x" + longest));
}

TEST(SymParserTest, PlainNamesNeedNoQuotes) {
  for (const char* name : {"N", "_", "input.1", "sel#0", "a:0", "größe"}) {
    EXPECT_TRUE(IsPlainName(name)) << name;
  }
  for (const char* name : {"", "1a", "a b", "a-b", "a/b", ".a", "a'", "#"}) {
    EXPECT_FALSE(IsPlainName(name)) << name;
  }
}

void ExpectReadsBack(const SymValue& value) {
  const std::string text = value.ToString();
  const auto read = ParseExpression(text);
  ASSERT_TRUE(read.ok()) << text << ": " << read.status();
  EXPECT_EQ(*read, value) << text << " reads as " << read->ToString();
}

TEST(SymParserTest, WhatValuesPrintReadsBackAsTheSameValue) {
  RandomExpression random(31);
  random.ChooseSizes();
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const SymValue value = random.Make(1 + i % 6).symbolic;
    if (value.overflowed()) continue;
    ++compared;
    ExpectReadsBack(value);
  }
  EXPECT_GT(compared, 10000);
}

TEST(SymParserTest, OddNumbersAndNamesReadBackToo) {
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  for (const SymValue& value :
       {SymValue(kLowest), S("N") * kLowest, S("N") * kLowest + kLowest,
        SymValue::Select(S("N"), kLowest, 1), S("N") - kLowest / 2,
        S("a-b") + 1, S("it's") * 3, S("past + 1"), S("max"), S("3"), S("'N'"),
        S("floor(N/2)"), S("") + 1, S("a\tb") * S("a b")}) {
    ExpectReadsBack(value);
  }
  // A lone name that is no expression prints as it stands, and is a dimension.
  for (const char* name : {"batch size", "-", "2N", ""}) {
    EXPECT_EQ(S(name).ToString(), name);
    EXPECT_EQ(DimensionCalled(S(name).ToString()), Extent::Symbol(name));
  }
}

// Long and deep texts are read, or refused, at once.
TEST(SymParserTest, HostileTextEndsSoon) {
  std::string sum = "(a+b+c+d+e+f+g+h)^64";
  EXPECT_FALSE(ParseExpression(sum).ok());
  for (const char* piece : {"a+", "a*", "max(a,", "(a+b)*", "a//b//", "a/b+"}) {
    std::string text;
    while (text.size() < kMaxExpressionBytes - 16) text += piece;
    const auto value = ParseExpression(text + "a");
    EXPECT_TRUE(value.ok() || !value.status().message().empty());
  }
}

}  // namespace
}  // namespace opcost

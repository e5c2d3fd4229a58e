// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/formula.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/ops/registry.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// out is 12, bias 64, none 0, N a symbol.
std::optional<Count> Known(absl::string_view name) {
  if (name == "out") return Count(12);
  if (name == "bias") return Count(64);
  if (name == "none") return Count(0);
  if (name == "N") return Count::Symbol("N");
  return std::nullopt;
}

std::string Value(absl::string_view expression) {
  const absl::StatusOr<Count> value = EvaluateFormula(expression, Known);
  return value.ok() ? value->ToString() : std::string(value.status().message());
}

TEST(Formula, FollowsThePrecedenceOfArithmetic) {
  EXPECT_EQ(Value("1+2*3"), "7");
  EXPECT_EQ(Value("(1+2)*3"), "9");
  EXPECT_EQ(Value("20-5-3"), "12");
  EXPECT_EQ(Value("24/4/3"), "2");
  EXPECT_EQ(Value("7/2*2"), "6");
  EXPECT_EQ(Value(" 2 * ( 3 + 4 ) "), "14");
}

TEST(Formula, LooksNamesUp) {
  EXPECT_EQ(Value("out"), "12");
  EXPECT_EQ(Value("2*out+1"), "25");
  EXPECT_EQ(Value("3*N"), "3*N");
}

TEST(Formula, ABracketedNameIsOneUnlessItsNumberIsZero) {
  EXPECT_EQ(Value("[bias]*out"), "12");
  EXPECT_EQ(Value("[none]*out"), "0");
  EXPECT_EQ(Value("[N]*out"), "12");
}

TEST(Formula, OverflowsInsteadOfWrappingRound) {
  EXPECT_EQ(Value("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(Value("9223372036854775808"), "overflow");
  EXPECT_EQ(Value("9223372036854775807+1"), "overflow");
  EXPECT_EQ(Value("1-2"), "overflow");
  EXPECT_EQ(Value("1/0"), "overflow");
}

TEST(Formula, SaysWhereItCannotBeRead) {
  EXPECT_EQ(Value(""),
            "formula '': position 1: expected a number, a name or '(', found "
            "the end");
  EXPECT_EQ(Value("1+*2"),
            "formula '1+*2': position 3: expected a number, a name or '(', "
            "found '*'");
  EXPECT_EQ(Value("(1+2"),
            "formula '(1+2': position 5: expected ')', found the end");
  EXPECT_EQ(Value("2 out"),
            "formula '2 out': position 3: expected an operator or the end, "
            "found 'o'");
  EXPECT_EQ(Value("[out"),
            "formula '[out': position 5: expected ']', found the end");
  EXPECT_EQ(Value("[1]"),
            "formula '[1]': position 2: expected a name, found '1'");
  EXPECT_EQ(Value("out*depth"),
            "formula 'out*depth': position 5: unknown name 'depth'");
  EXPECT_EQ(Value("2^out"),
            "formula '2^out': position 2: expected an operator or the end, "
            "found '^'");
}

TEST(Formula, RefusesParenthesesThatNestTooDeeply) {
  const std::string deep = std::string(100, '(') + "1" + std::string(100, ')');
  EXPECT_EQ(Value(deep), "1");
  EXPECT_THAT(EvaluateFormula("(" + deep + ")", Known),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr(
                           "position 101: parentheses nest too deeply")));
}

TEST(Formula, SubstitutesTheNamesThatAreKnown) {
  const auto texts = [](absl::string_view name) -> std::optional<std::string> {
    if (name == "kernel") return "(11*11)";
    if (name == "N") return "1";
    if (name == "bias") return "96";
    if (name == "none") return "0";
    return std::nullopt;
  };
  ASSERT_OK_AND_ASSIGN(const std::string known,
                       SubstituteFormula("N*96*kernel", texts));
  EXPECT_EQ(known, "1*96*(11*11)");
  ASSERT_OK_AND_ASSIGN(const std::string bracketed,
                       SubstituteFormula("[bias]*out + [none]*[some]", texts));
  EXPECT_EQ(bracketed, "1*out + 0*[some]");
  EXPECT_THAT(SubstituteFormula("N*", texts),
              FailsWith("formula 'N*': position 3: expected a number, a name "
                        "or '(', found the end"));
}

TEST(Formula, EveryRowHasOneThatCanBeRead) {
  const auto any_name = [](absl::string_view) { return Count(1); };
  for (const OpDef& op : AllOps()) {
    const Formula& formula = op.formula;
    EXPECT_FALSE(op.description.empty()) << op.name;
    EXPECT_FALSE(formula.rules.empty()) << op.name;
    EXPECT_THAT(EvaluateFormula(formula.macs, any_name), IsOk()) << op.name;
    EXPECT_THAT(EvaluateFormula(formula.mul, any_name), IsOk()) << op.name;
    EXPECT_THAT(EvaluateFormula(formula.add, any_name), IsOk()) << op.name;
    for (const absl::string_view terms : {formula.reads, formula.writes}) {
      for (const auto& [operand, expression] : FormulaTerms(terms)) {
        EXPECT_FALSE(operand.empty()) << op.name << ": " << terms;
        EXPECT_THAT(EvaluateFormula(expression, any_name), IsOk()) << op.name;
      }
    }
  }
}

TEST(Formula, SplitsTermsByOperand) {
  EXPECT_THAT(
      FormulaTerms("W: MACs; X:MACs ;B: [B]*out"),
      ElementsAre(Pair("W", "MACs"), Pair("X", "MACs"), Pair("B", "[B]*out")));
  EXPECT_THAT(FormulaTerms("out"), ElementsAre(Pair("", "out")));
  EXPECT_THAT(FormulaTerms(""), IsEmpty());
}

}  // namespace
}  // namespace opcost

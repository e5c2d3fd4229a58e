// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/sym_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/random_expression.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

SymValue S(absl::string_view name) { return SymValue::Symbol(name); }

SymValue Floor(const SymValue& a, const SymValue& b) {
  return SymValue::FloorDiv(a, b);
}

TEST(SymValueTest, ConcreteArithmeticIsIntegerArithmetic) {
  EXPECT_EQ(SymValue(7) + 5, SymValue(12));
  EXPECT_EQ(SymValue(7) - 12, SymValue(-5));
  EXPECT_EQ(SymValue(7) * -3, SymValue(-21));
  EXPECT_TRUE((SymValue(7) + 5).is_concrete());
  EXPECT_EQ((SymValue(7) * 2).AsInt(), 14);
}

TEST(SymValueTest, DivisionRoundsAsItsNameSays) {
  struct Case {
    int64_t a, b, floor, ceil, trunc, mod;
  };
  for (const Case& c : {Case{7, 2, 3, 4, 3, 1}, Case{-7, 2, -4, -3, -3, 1},
                        Case{7, -2, -4, -3, -3, -1}, Case{-7, -2, 3, 4, 3, -1},
                        Case{6, 3, 2, 2, 2, 0}, Case{-6, 3, -2, -2, -2, 0},
                        Case{0, -5, 0, 0, 0, 0}}) {
    EXPECT_EQ(SymValue::FloorDiv(c.a, c.b), SymValue(c.floor)) << c.a << c.b;
    EXPECT_EQ(SymValue::CeilDiv(c.a, c.b), SymValue(c.ceil)) << c.a << c.b;
    EXPECT_EQ(SymValue::TruncDiv(c.a, c.b), SymValue(c.trunc)) << c.a << c.b;
    EXPECT_EQ(SymValue::Mod(c.a, c.b), SymValue(c.mod)) << c.a << c.b;
  }
}

TEST(SymValueTest, SumsArePrintedInOneOrderWhateverTheOrderOfTheirMaking) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  struct Case {
    SymValue value;
    const char* text;
  };
  const std::vector<Case> cases = {
      {n * 12, "12*N"},
      {S("S") + S("P"), "P+S"},
      {S("P") + S("S"), "P+S"},
      {n * 2 - 1, "2*N-1"},
      {1 - n, "1-N"},
      {S("S") - S("P"), "S-P"},
      {0 - n, "-N"},
      {0 - n - 1, "-N-1"},
      {n * n, "N^2"},
      {m * n * 3 + n * n + m, "3*M*N+N^2+M"},
      {(n + 1) * (n - 1), "N^2-1"},
      {Floor(S("H") - 3, 2) + 1, "floor((H-3)/2)+1"},
      {Floor(n * 3, 2), "floor(3*N/2)"},
      {Floor(n, m * 2), "floor(N/(2*M))"},
      {Floor(n + 1, m), "floor((N+1)/M)"},
      {SymValue::CeilDiv(n, 2), "floor((N+1)/2)"},
      {SymValue::Mod(n, 4), "mod(N, 4)"},
      {SymValue::Min(n, m), "min(M, N)"},
      {SymValue::Max(7, n), "max(N, 7)"},
      {SymValue::Select(n, m, 1), "select(N, M, 1)"},
      {n * Floor(m, 2), "N*floor(M/2)"},
      {S("batch size"), "batch size"},
      {S("batch size") * 2, "2*'batch size'"},
      {SymValue::Max(S("it's"), 7), "max('it''s', 7)"},
      {S("past + 1"), "'past + 1'"},
      {S("past + 1") * 2, "2*'past + 1'"},
      {SymValue(42), "42"},
      {SymValue(-42), "-42"},
      {SymValue::Overflow(), "overflow"},
  };
  for (const Case& c : cases) EXPECT_EQ(c.value.ToString(), c.text);
}

// A 1.1-billion-parameter decoder's multiply-accumulates among them.
TEST(SymValueTest, SumsPrintWithWhatIsCommonTakenOut) {
  const SymValue b = S("B");
  const SymValue p = S("P");
  const SymValue s = S("S");
  const SymValue h = S("H");
  const SymValue w = S("W");
  const SymValue n = S("N");
  struct Case {
    SymValue value;
    const char* text;
  };
  const std::vector<Case> cases = {
      {b * s * 1034420224 + b * s * (p + s) * 90112,
       "1034420224*B*S + 90112*B*S*(P+S)"},
      {b * s * 1034420224 + b * s * s * 90112, "90112*B*S^2+1034420224*B*S"},
      {b * s * (p + s + 1) * 3, "3*B*S*(P+S+1)"},
      {b * (p - s) * 4, "4*B*(P-S)"},
      {b * (s - p) * 4, "4*B*(S-P)"},
      {0 - b * (s + p) * 4, "-4*B*(P+S)"},
      {(h - 2) * (w - 2) * n * 9, "9*N*(H-2)*(W-2)"},
      {(h - 2) * (w - 2), "(H-2)*(W-2)"},
      {n * 9 * (Floor(h - 3, 2) + 1) * (Floor(w - 3, 2) + 1),
       "9*N*(floor((H-3)/2)+1)*(floor((W-3)/2)+1)"},
      {n * (h - 2) * 9, "9*N*(H-2)"},
      {n * (h + 1000) * 9, "9*H*N+9000*N"},
      {n * 2 + 2, "2*N+2"},
      {n * (h - 2) * 9 + b * 7, "9*H*N+7*B-18*N"},
      {b * (p + s) * 3 + n * 5, "3*B*(P+S) + 5*N"},
      {n * 5 - b * (p + s) * 3, "5*N - 3*B*(P+S)"},
      {Floor(b * (p + s) * 3 + n * 5, 7), "floor((3*B*(P+S) + 5*N)/7)"},
      {Floor(b * (p + s) * 3, 7), "floor(3*B*(P+S)/7)"},
      {n * kLowest + b * kLowest,
       "-9223372036854775807*B-B-9223372036854775807*N-N"},
  };
  for (const Case& c : cases) EXPECT_EQ(c.value.ToString(), c.text);
}

struct Alike {
  SymValue a, b;
};

void ExpectAlike(const std::vector<Alike>& cases) {
  for (const Alike& c : cases) {
    EXPECT_EQ(c.a, c.b) << c.a.ToString() << " and " << c.b.ToString();
    EXPECT_EQ(c.a.is_concrete(), c.b.is_concrete());
  }
}

TEST(SymValueTest, SumsAndProductsNormalise) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  ExpectAlike({{S("P") + S("S") - S("P"), S("S")},
               {n - n, 0},
               {n * 0, 0},
               {(n + m) * (n - m), n * n - m * m}});
}

TEST(SymValueTest, DivisionByANumberNormalises) {
  const SymValue n = S("N");
  const SymValue h = S("H");
  ExpectAlike({{Floor(n * 12, 4), n * 3},
               {Floor(n, 1), n},
               {Floor(n, -1), 0 - n},
               {Floor(n, -2), Floor(0 - n, 2)},
               {Floor(n * 2 + 1, 2), n},
               {Floor(n * 2 - 1, 2), n - 1},
               {Floor(h - 3, 2) + 1, Floor(h - 1, 2)},
               {Floor(n * 2, 4), Floor(n, 2)},
               {Floor(n * 2 + 3, 4), Floor(n + 1, 2)},
               {Floor(Floor(n, 2), 3), Floor(n, 6)},
               {Floor(Floor(n + 1, 2) + 1, 2), Floor(n + 3, 4)},
               {SymValue::CeilDiv(n * 4, 4), n},
               {SymValue::CeilDiv(n, -1), 0 - n},
               {SymValue::TruncDiv(n * 4, 2), n * 2}});
}

TEST(SymValueTest, DivisionByAnExpressionCancels) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  ExpectAlike({{Floor(n, n), 1},
               {Floor(0, n), 0},
               {Floor(n * m, n), m},
               {Floor(n * m * 6, n * 2), m * 3},
               {Floor(n * m + n, n), m + 1},
               {Floor(n * m + m, n + 1), m},
               {Floor(n * n - 1, n + 1), n - 1},
               {Floor(n * m, n * 2), Floor(m, 2)},
               {Floor(n * m + n * 3, n * 2), Floor(m + 1, 2) + 1},
               {SymValue::CeilDiv(n * m, n), m}});
}

TEST(SymValueTest, RemaindersNormalise) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  ExpectAlike({{SymValue::Mod(n * 4, 2), 0},
               {SymValue::Mod(n * m, m), 0},
               {SymValue::Mod(n * 5 + 7, 4), SymValue::Mod(n + 3, 4)},
               {SymValue::Mod(n * 2 + 1, 4), SymValue::Mod(n, 2) * 2 + 1},
               {SymValue::Mod(SymValue::Mod(n, 4), 4), SymValue::Mod(n, 4)},
               {SymValue::Mod(n, -1), 0},
               {SymValue::Mod(n, 1), 0},
               {SymValue::Mod(n, -4), 0 - SymValue::Mod(0 - n, 4)}});
}

// Symbols are sizes and so aren't negative.
TEST(SymValueTest, ExtremesAndSelectionsNormalise) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  ExpectAlike({{SymValue::Min(n, n), n},
               {SymValue::Min(n, m), SymValue::Min(m, n)},
               {SymValue::Min(n, n + 1), n},
               {SymValue::Max(n - 1, n), n},
               {SymValue::Max(n, 0), n},
               {SymValue::Max(-1, Floor(n, 2)), Floor(n, 2)},
               {SymValue::Min(kHighest, n), n},
               {SymValue::Max(n, kLowest), n},
               {SymValue::Max(n - 5, kHighest), kHighest},
               {SymValue::Min(SymValue::Min(n, 5), 5), SymValue::Min(n, 5)},
               {SymValue::Max(SymValue::Min(n, 5), n), n},
               {SymValue::Min(n, SymValue::Max(m, n)), n},
               {SymValue::Max(m, SymValue::Max(n, m)), SymValue::Max(n, m)},
               {SymValue::Select(1, n, m), n},
               {SymValue::Select(0, n, m), m},
               {SymValue::Select(S("H"), n, n), n}});
}

TEST(SymValueTest, WhatDiffersForSomeChoiceStaysDifferent) {
  const SymValue n = S("N");
  const SymValue m = S("M");
  const std::vector<SymValue> values = {n,
                                        m,
                                        n + 1,
                                        n * 2,
                                        n * m,
                                        n * n,
                                        Floor(n, 2),
                                        Floor(n + 1, 2),
                                        Floor(m, n),
                                        Floor(1, n),
                                        Floor(n + 1, m),
                                        SymValue::Mod(n, 2),
                                        0,
                                        1,
                                        SymValue::Overflow(),
                                        SymValue::Min(n, m),
                                        SymValue::Max(n, m),
                                        SymValue::Max(n, 1),
                                        SymValue::Select(n, m, 1)};
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < values.size(); ++j) {
      EXPECT_EQ(values[i] == values[j], i == j)
          << values[i].ToString() << " and " << values[j].ToString();
    }
  }
}

TEST(SymValueTest, AnExpressionThatBecomesANumberIsConcrete) {
  const SymValue n = S("N");
  EXPECT_FALSE((n + 1).is_concrete());
  EXPECT_EQ((n + 1).AsInt(), std::nullopt);
  EXPECT_EQ((n + 1 - n).AsInt(), 1);
  EXPECT_EQ(Floor(n * 6, n * 4).AsInt(), 1);
}

TEST(SymValueTest, WhatDoesNotFitOverflowsAndStaysSo) {
  const SymValue n = S("N");
  const std::vector<SymValue> values = {
      SymValue(kHighest) + 1,
      SymValue(kLowest) - 1,
      SymValue(kHighest) * 2,
      Floor(kLowest, -1),
      SymValue::CeilDiv(kLowest, -1),
      SymValue::TruncDiv(kLowest, -1),
      Floor(1, 0),
      Floor(n, 0),
      SymValue::CeilDiv(1, 0),
      SymValue::CeilDiv(n, 0),
      SymValue::TruncDiv(1, 0),
      SymValue::TruncDiv(n, 0),
      SymValue::Mod(1, 0),
      SymValue::Mod(n, 0),
      Floor(n, n - n),
      n * kHighest * 2,
      n * kHighest + n,
      0 - n * kLowest,
      Floor(n, kLowest),
      SymValue::Overflow() - SymValue::Overflow(),
      SymValue::Overflow() * 0,
      SymValue::Min(0, SymValue::Overflow()),
      SymValue::Max(SymValue::Overflow(), kHighest),
      Floor(0, SymValue::Overflow()),
      SymValue::CeilDiv(SymValue::Overflow(), 1),
      SymValue::TruncDiv(n, SymValue::Overflow()),
      SymValue::Mod(SymValue::Overflow(), 1),
      SymValue::Select(SymValue::Overflow(), 1, 1),
      SymValue::Select(n, SymValue::Overflow(), 1),
      (n * kHighest).Bind({{"N", 2}}),
      Floor(1, n).Bind({{"N", 0}}),
  };
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(values[i].overflowed()) << i << ": " << values[i].ToString();
    EXPECT_FALSE(values[i].is_concrete()) << i;
    EXPECT_EQ(values[i], SymValue::Overflow()) << i;
  }
  EXPECT_EQ(SymValue::Mod(kLowest, -1), SymValue(0));
  EXPECT_EQ(Floor(kLowest, kHighest), SymValue(-2));
  EXPECT_EQ(SymValue::Select(1, n, SymValue::Overflow()), n);
}

TEST(SymValueTest, ExtremeCoefficientsDivideWithoutUndefinedBehaviour) {
  const SymValue n = S("N");
  for (int64_t a : {kLowest, kLowest + 1, kHighest}) {
    for (int64_t b : {int64_t{-3}, int64_t{-1}, int64_t{3}, kHighest}) {
      const SymValue numerator = n * a + a;
      for (const SymValue& value :
           {Floor(numerator, b), SymValue::CeilDiv(numerator, b),
            SymValue::Mod(numerator, b), Floor(numerator, n * b),
            SymValue::Mod(b, numerator)}) {
        EXPECT_TRUE(value.overflowed() || !value.ToString().empty());
      }
    }
  }
}

TEST(SymValueTest, BindReplacesTheNamesItKnows) {
  const SymValue value =
      S("N") * S("C") + Floor(S("H") - 3, 2) * S("N") + S("C");
  EXPECT_EQ(value.Bind({{"N", 2}, {"C", 5}, {"H", 9}}),
            SymValue(2 * 5 + 3 * 2 + 5));
  EXPECT_EQ(value.Bind({{"H", 9}}), S("N") * S("C") + S("N") * 3 + S("C"));
  EXPECT_EQ(value.Bind({{"X", 9}}), value);
  EXPECT_EQ(value.Bind({}), value);
  EXPECT_EQ(SymValue(3).Bind({{"N", 2}}), SymValue(3));
  EXPECT_TRUE(SymValue::Overflow().Bind({{"N", 2}}).overflowed());
}

TEST(SymValueTest, CollectSymbolsFindsThemInsideFunctions) {
  std::set<std::string> names = {"already here"};
  SymValue value = SymValue::Select(S("A"), Floor(S("B"), S("C")),
                                    SymValue::Mod(S("D") * S("E"), 2));
  value = SymValue::Min(value, SymValue::Max(S("F"), 3));
  value.CollectSymbols(&names);
  EXPECT_THAT(names, ElementsAre("A", "B", "C", "D", "E", "F", "already here"));
  std::set<std::string> none;
  SymValue(3).CollectSymbols(&none);
  SymValue::Overflow().CollectSymbols(&none);
  EXPECT_TRUE(none.empty());
}

TEST(SymValueTest, ACopyOutlivesItsOriginal) {
  SymValue copy;
  {
    SymValue original = S("N") + 1;
    copy = original;
    copy = *&copy;
    SymValue moved = std::move(original);
    EXPECT_EQ(moved, copy);
  }
  EXPECT_EQ(copy.ToString(), "N+1");
}

TEST(SymValueTest, OneExpressionMayBeSharedAmongThreads) {
  const SymValue shared = S("N") * S("M") + 1;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared] {
      for (int i = 0; i < 1000; ++i) {
        SymValue copy = shared;
        copy += i;
        EXPECT_FALSE(copy.is_concrete());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.ToString(), "M*N+1");
}

TEST(SymValueTest, ExpressionsThatGrowWithoutEndOverflow) {
  SymValue wide = 0;
  for (int i = 0; i < 1000; ++i) wide += S("x" + std::to_string(i));
  EXPECT_TRUE(wide.overflowed());

  SymValue power = S("N");
  for (int i = 0; i < 100; ++i) power *= power;
  EXPECT_TRUE(power.overflowed());

  SymValue deep = S("N");
  for (int i = 0; i < 100000; ++i) deep = SymValue::Mod(deep + S("M"), S("K"));
  EXPECT_TRUE(deep.overflowed());

  // Every step holds the step before twice.
  SymValue doubled = S("N");
  for (int i = 0; i < 64; ++i)
    doubled = SymValue::Max(Floor(doubled, S("A")), Floor(S("B"), doubled));
  EXPECT_TRUE(doubled.overflowed());

  SymValue product = 1;
  for (int i = 0; i < 64; ++i) product *= S("y" + std::to_string(i)) + 1;
  EXPECT_TRUE(product.overflowed());

  EXPECT_TRUE(S(std::string(1 << 20, 'x')).overflowed());
}

TEST(SymValueTest, ExpressionsOfUsualSizesDoNotOverflow) {
  SymValue deep = S("N");
  for (int i = 0; i < 60; ++i) deep = SymValue::Mod(deep + 1, S("K"));
  EXPECT_FALSE(deep.overflowed());
  SymValue wide = 0;
  for (int i = 0; i < 250; ++i) wide += S("x" + std::to_string(i));
  EXPECT_FALSE(wide.overflowed());
  EXPECT_FALSE(
      S("a dimension with quite a long name, as tools make").overflowed());
}

TEST(SymValueTest, BindingARandomExpressionGivesWhatIntegersGive) {
  RandomExpression random(20240607);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    random.ChooseSizes();
    const RandomExpression::Both both = random.Make(1 + i % 6);
    // Where integers divide by zero, cancelling may have saved the expression.
    if (both.number.overflowed() || both.symbolic.overflowed()) continue;
    ++compared;
    EXPECT_EQ(both.symbolic.Bind(random.sizes()), both.number)
        << both.symbolic.ToString();
  }
  EXPECT_GT(compared, 10000);
}

TEST(SymValueTest, BindingSymbolsOneByOneGivesWhatBindingAllGives) {
  RandomExpression random(7);
  int compared = 0;
  for (int i = 0; i < 5000; ++i) {
    random.ChooseSizes();
    const SymValue value = random.Make(1 + i % 5).symbolic;
    const SymValue all = value.Bind(random.sizes());
    SymValue some = value;
    for (const auto& [name, size] : random.sizes())
      some = some.Bind({{name, size}});
    if (all.overflowed() || some.overflowed()) continue;
    ++compared;
    EXPECT_EQ(some, all) << value.ToString();
  }
  EXPECT_GT(compared, 2500);
}

TEST(SymValueTest, RingLawsHoldForRandomExpressions) {
  RandomExpression random(99);
  random.ChooseSizes();
  for (int i = 0; i < 3000; ++i) {
    const SymValue a = random.Make(3).symbolic;
    const SymValue b = random.Make(3).symbolic;
    const SymValue c = random.Make(2).symbolic;
    EXPECT_EQ(a + b, b + a);
    EXPECT_EQ(a * b, b * a);
    EXPECT_EQ((a + b) + c, a + (b + c));
    EXPECT_EQ((a * b) * c, a * (b * c));
    EXPECT_EQ(a * (b + c), a * b + a * c);
    EXPECT_EQ((a + b).ToString(), (b + a).ToString());
    if (!a.overflowed()) {
      EXPECT_EQ(a - a, SymValue(0));
    }
  }
}

}  // namespace
}  // namespace opcost

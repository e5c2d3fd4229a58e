// SPDX-License-Identifier: Apache-2.0
// How a table's prices are looked up.
#include "opcost/energy/cost_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/energy/small_table.h"
#include "tests/support/decimal_table.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(LookupTest, TheElementTypeGoesBeforeKindAndWidth) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithArithmetic(
          "float16 = { mul = 2, add = 1 }\n"
          "bfloat16 = { mul = 3 }\n"
          "uint8 = { mul = 5, add = 6 }\nint8 = { mul = 7, add = 8 }"));
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("bfloat16"))->pj, 3);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("16"))->pj, 2);
  // bfloat16 has no add of its own: any float of 16 bits will do.
  EXPECT_EQ(table.Arithmetic(ArithOp::kAdd, Format("bfloat16"))->pj, 1);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("uint8"))->pj, 5);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("int8"))->pj, 7);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("bool"))->pj, 7);
  EXPECT_FALSE(
      table.Arithmetic(ArithOp::kMul, Format("bool"))->is_interpolated);
}

TEST(LookupTest, AKindAndWidthServesTheTypesOfThatWidth) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float8 = { mul = 2, add = 1 }"));
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("float8e4m3fn"))->pj, 2);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("8"))->pj, 2);
}

TEST(InterpolationTest, AddsAreLinearBetweenWidths) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 1, add = 0.4 }\n"
                                      "float32 = { mul = 4, add = 1.2 }"));
  ASSERT_OK_AND_ASSIGN(const Price price,
                       table.Arithmetic(ArithOp::kAdd, Format("24")));
  EXPECT_DOUBLE_EQ(price.pj, 0.4 + (1.2 - 0.4) * (24 - 16) / (32 - 16));
  EXPECT_TRUE(price.is_interpolated);
  EXPECT_EQ(price.entry, "float16.add, float32.add");
}

TEST(InterpolationTest, AddsPassThroughTheOriginBelowAndGrowWithWidthAbove) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 1, add = 0.4 }\n"
                                      "float32 = { mul = 4, add = 1.2 }"));
  ASSERT_OK_AND_ASSIGN(const Price below,
                       table.Arithmetic(ArithOp::kAdd, Format("8")));
  EXPECT_DOUBLE_EQ(below.pj, 0.4 * 8 / 16);
  EXPECT_EQ(below.entry, "float16.add");
  ASSERT_OK_AND_ASSIGN(const Price above,
                       table.Arithmetic(ArithOp::kAdd, Format("64")));
  EXPECT_DOUBLE_EQ(above.pj, 1.2 * 64 / 32);
  EXPECT_EQ(above.entry, "float32.add");
}

TEST(InterpolationTest, MulsFollowAPowerLawThroughTheBracketingWidths) {
  // From 1 at 16 bits to 8 at 32: the width to the third power.
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 1, add = 1 }\n"
                                      "float32 = { mul = 8, add = 1 }"));
  ASSERT_OK_AND_ASSIGN(const Price price,
                       table.Arithmetic(ArithOp::kMul, Format("24")));
  EXPECT_DOUBLE_EQ(price.pj, 1.5 * 1.5 * 1.5);
  EXPECT_TRUE(price.is_interpolated);
  EXPECT_EQ(price.entry, "float16.mul, float32.mul");
}

TEST(InterpolationTest, MulsAtAnEndTakeTheTwoNearestWidths) {
  // 8 to 16 bits: squared; 16 to 32 bits: cubed.
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float8 = { mul = 1, add = 1 }\n"
                                      "float16 = { mul = 4, add = 1 }\n"
                                      "float32 = { mul = 32, add = 1 }"));
  EXPECT_NEAR(table.Arithmetic(ArithOp::kMul, Format("64"))->pj, 32 * 8, 1e-9);
  EXPECT_NEAR(table.Arithmetic(ArithOp::kMul, Format("float4"))->pj, 1.0 / 4,
              1e-12);
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("float4"))->entry,
            "float8.mul, float16.mul");
}

TEST(InterpolationTest, OneMulGrowsWithTheWidthSquared) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 3, add = 1 }"));
  EXPECT_DOUBLE_EQ(table.Arithmetic(ArithOp::kMul, Format("32"))->pj, 3 * 4);
  EXPECT_DOUBLE_EQ(table.Arithmetic(ArithOp::kMul, Format("8"))->pj, 3.0 / 4);
}

TEST(InterpolationTest, AMulOfZeroIsInterpolatedLinearly) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 0, add = 1 }\n"
                                      "float32 = { mul = 4, add = 1 }"));
  EXPECT_DOUBLE_EQ(table.Arithmetic(ArithOp::kMul, Format("24"))->pj, 2);
  EXPECT_DOUBLE_EQ(table.Arithmetic(ArithOp::kMul, Format("8"))->pj, 0);
}

TEST(InterpolationTest, KindsDoNotMix) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 3, add = 1 }"));
  EXPECT_THAT(table.Arithmetic(ArithOp::kMul, Format("int16")),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "cost table 't' has no price for mul int16; add 'int16 "
                       "= { mul = <pJ> }' to [arithmetic]"));
}

TEST(InterpolationTest, ATableMayForbidIt) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mul = 3, add = 1 }",
                                      "interpolate = false\n"));
  EXPECT_FALSE(table.interpolates());
  EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format("16"))->pj, 3);
  EXPECT_THAT(
      table.Arithmetic(ArithOp::kAdd, Format("32")),
      FailsWith("cost table 't' has no price for add float32, and its "
                "'interpolate = false' forbids computing one; add 'float32 = { "
                "add = <pJ> }' to [arithmetic]"));
}

TEST(InterpolationTest, ARangeIsInterpolatedWithItsPrice) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithArithmetic(
          "float16 = { mul = 1, add = { value = 4, min = 2, max = 8 } }"));
  ASSERT_OK_AND_ASSIGN(const Price price,
                       table.Arithmetic(ArithOp::kAdd, Format("32")));
  EXPECT_DOUBLE_EQ(price.min_pj, 2 * 2);
  EXPECT_DOUBLE_EQ(price.pj, 4 * 2);
  EXPECT_DOUBLE_EQ(price.max_pj, 8 * 2);
}

TEST(MemoryPriceTest, WidthsAreInterpolatedUnlessProportional) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithTier("read = { 16 = 2, 32 = 3 }\n"
                                "write = { 16 = 2, 32 = 4 }\n"));
  ASSERT_OK_AND_ASSIGN(const Price between, table.Read(0, Format("24")));
  EXPECT_DOUBLE_EQ(between.pj, 2.5);
  EXPECT_TRUE(between.is_interpolated);
  EXPECT_EQ(between.entry, "M.read 16, M.read 32");
  EXPECT_DOUBLE_EQ(table.Read(0, Format("8"))->pj, 2.0 * 8 / 16);
  EXPECT_DOUBLE_EQ(table.Read(0, Format("64"))->pj, 3.0 * 64 / 32);
  EXPECT_DOUBLE_EQ(table.Write(0, Format("64"))->pj, 8);
  EXPECT_FALSE(table.Write(0, Format("64"))->is_interpolated);
}

TEST(MemoryPriceTest, AForbiddenWidthNamesTierAndEntry) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithTier("access = { 16 = 2, 32 = 4 }\n", "interpolate = false\n"));
  EXPECT_THAT(table.Write(0, Format("8")),
              FailsWith("cost table 't' has no price for a write of 8 bits at "
                        "M, and its 'interpolate = false' forbids computing "
                        "one; add '8 = <pJ>' to write of tier 'M'"));
}

TEST(MemoryPriceTest, PerBitPricesAreProportionalAndCarryTheirRange) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithTier("read = { pj_per_bit = 4.0, min = 3.9, max = 7.0 }\n"
               "write = { pj_per_bit = 4.4 }\n"));
  ASSERT_OK_AND_ASSIGN(const Price read, table.Read(0, Format("16")));
  EXPECT_DOUBLE_EQ(read.pj, 4.0 * 16);
  EXPECT_DOUBLE_EQ(read.min_pj, 3.9 * 16);
  EXPECT_DOUBLE_EQ(read.max_pj, 7.0 * 16);
  EXPECT_FALSE(read.is_interpolated);
  EXPECT_DOUBLE_EQ(table.Write(0, Format("16"))->pj, 4.4 * 16);
}

TEST(MemoryPriceTest, ElementsShareAPackedAccess) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithTier("access = { pj = 14, bits = 64, packed = true, max = 28 }\n"));
  EXPECT_DOUBLE_EQ(table.Read(0, Format("16"))->pj, 14.0 * 16 / 64);
  EXPECT_DOUBLE_EQ(table.Write(0, Format("16"))->max_pj, 28.0 * 16 / 64);
  EXPECT_DOUBLE_EQ(table.Read(0, Format("complex128"))->pj, 14.0 * 2);
}

TEST(MemoryPriceTest, AnUnpackedElementPaysWholeAccesses) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithTier("access = { pj = 14, bits = 32, packed = false }\n"));
  EXPECT_EQ(table.Read(0, Format("int8"))->pj, 14);
  EXPECT_EQ(table.Read(0, Format("32"))->pj, 14);
  EXPECT_EQ(table.Read(0, Format("64"))->pj, 14 * 2);
}

TEST(MacTest, APairOfTypesGoesInEitherOrder) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithArithmetic("int8 = { mac = 0.3 }\n\"int8*int4\" = { mac = { value = "
                     "0.05, min = 0.04, max = 0.07 } }"));
  const NumberFormat i8 = Format("int8");
  const NumberFormat i4 = Format("int4");
  EXPECT_EQ(table.Mac(i8, i4, i8)->pj, 0.05);
  EXPECT_EQ(table.Mac(i4, i8, i8)->pj, 0.05);
  EXPECT_EQ(table.Mac(i4, i8, i8)->entry, "int8*int4.mac");
  EXPECT_EQ(table.Mac(i8, i8, i8)->pj, 0.3);
  // The kind and width serve the types without a price of their own.
  EXPECT_EQ(table.Mac(Format("uint8"), i4, Format("uint8"))->pj, 0.05);
}

TEST(MacTest, WithoutAPriceItIsAMulAndAnAdd) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float32 = { mul = 4, add = 1 }\n"
                                      "int8 = { mac = 0.3 }"));
  const NumberFormat single = Format("32");
  EXPECT_EQ(table.Mac(single, single, single), std::nullopt);
}

TEST(MacTest, ItIsInterpolatedWhereNoMulStandsAlone) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithArithmetic("int8 = { mac = 0.3 }\nfloat16 = { mac = 2 }\n"
                     "float32 = { mul = 4, add = 1 }"));
  const NumberFormat i16 = Format("int16");
  ASSERT_TRUE(table.Mac(i16, i16, i16).has_value());
  EXPECT_DOUBLE_EQ(table.Mac(i16, i16, i16)->pj, 0.3 * 4);
  EXPECT_TRUE(table.Mac(i16, i16, i16)->is_interpolated);
  const NumberFormat f64 = Format("64");
  EXPECT_EQ(table.Mac(f64, f64, f64), std::nullopt);
}

TEST(MacTest, AMulOfTheVeryTypeGoesBeforeAMacOfItsWidth) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float16 = { mac = 2 }\n"
                                      "bfloat16 = { mul = 1, add = 1 }"));
  const NumberFormat brain = Format("bfloat16");
  EXPECT_EQ(table.Mac(brain, brain, brain), std::nullopt);
}

struct ExpansionCase {
  ArithOp op;
  int64_t mul;
  int64_t add;
};

// Cost model, section 3.4.
constexpr ExpansionCase kExpansions[] = {
    {ArithOp::kDiv, 5, 2},       {ArithOp::kSqrt, 8, 2},
    {ArithOp::kExp, 10, 11},     {ArithOp::kLog, 14, 13},
    {ArithOp::kPow, 25, 24},     {ArithOp::kSin, 9, 8},
    {ArithOp::kCos, 9, 8},       {ArithOp::kTan, 23, 18},
    {ArithOp::kErf, 23, 19},     {ArithOp::kTanh, 16, 15},
    {ArithOp::kSigmoid, 15, 14},
};

TEST(FunctionTest, DefaultsAreThoseOfTheCostModel) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float32 = { mul = 4, add = 1 }"));
  for (const ExpansionCase& expected : kExpansions) {
    SCOPED_TRACE(Name(expected.op));
    ASSERT_OK_AND_ASSIGN(const FunctionCost cost,
                         table.Function(expected.op, Format("32")));
    EXPECT_EQ(cost.mul, expected.mul);
    EXPECT_EQ(cost.add, expected.add);
    EXPECT_FALSE(cost.price.has_value());
    EXPECT_NE(table.FindSource(cost.source), nullptr);
  }
}

absl::StatusOr<CostTable> WithFunctions(const std::string& lines,
                                        const std::string& top = "") {
  return ParseTableText(TableText(
      absl::StrCat(kArithmetic, kMemory, "[functions]\n", lines), top));
}

TEST(FunctionTest, ATableOverridesAnExpansion) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithFunctions("exp = { mul = 3, add = 0 }\n"));
  ASSERT_OK_AND_ASSIGN(const FunctionCost exp,
                       table.Function(ArithOp::kExp, Format("32")));
  EXPECT_EQ(exp.mul, 3);
  EXPECT_EQ(exp.add, 0);
  EXPECT_EQ(exp.source, "s");
  EXPECT_EQ(exp.table, "t");
  EXPECT_EQ(table.Function(ArithOp::kLog, Format("32"))->mul, 14);
}

TEST(FunctionTest, APriceOfItsOwnMayBeOneForAllTypes) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithFunctions("tanh = { pj = 0.8 }\n"));
  ASSERT_OK_AND_ASSIGN(const FunctionCost tanh,
                       table.Function(ArithOp::kTanh, Format("int8")));
  ASSERT_TRUE(tanh.price.has_value());
  EXPECT_EQ(tanh.price->pj, 0.8);
  EXPECT_EQ(tanh.mul, 0);
}

TEST(FunctionTest, PricesByTypeAreInterpolatedLinearly) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      WithFunctions("tanh = { pj = { float16 = 0.8, float32 = 2.0 } }\n"));
  EXPECT_EQ(table.Function(ArithOp::kTanh, Format("16"))->price->pj, 0.8);
  ASSERT_OK_AND_ASSIGN(const FunctionCost between,
                       table.Function(ArithOp::kTanh, Format("24")));
  EXPECT_DOUBLE_EQ(between.price->pj, (0.8 + 2.0) / 2);
  EXPECT_TRUE(between.price->is_interpolated);
  EXPECT_DOUBLE_EQ(table.Function(ArithOp::kTanh, Format("64"))->price->pj, 4);
  EXPECT_THAT(table.Function(ArithOp::kTanh, Format("int8")),
              FailsWith(HasSubstr("no price for tanh int8; add 'int8 = <pJ>' "
                                  "to tanh.pj of [functions]")));
}

TEST(StaticTest, RatesGoByTypeAndTier) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      ParseTableText(TableText(absl::StrCat(
          kArithmetic, kMemory,
          "[static]\nwatts = 0.4\nmacs_per_second = { int8 = 2.0e12 }\n"
          "bytes_per_second = { M = 25.6e9 }\n"))));
  ASSERT_NE(table.static_power(), nullptr);
  EXPECT_EQ(table.static_power()->watts, 0.4);
  EXPECT_EQ(table.static_power()->macs_per_second.at("int8"), 2.0e12);
  EXPECT_EQ(table.static_power()->bytes_per_second.at(0), 25.6e9);
}

TEST(CostTableTest, TheNearestSourceIsThePricesOwn) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      ParseTableText(TableText(absl::StrCat(
          "[source.a]\ncite = 'A'\nwhere = 'page 1'\n[source.b]\ncite = 'B'\n"
          "[arithmetic]\nsource = 'a'\n"
          "float16 = { mul = 1, add = { value = 1, source = 's' } }\n"
          "float32 = { mul = 1, add = 1, source = 'b' }\n",
          kMemory))));
  const auto source = [&](ArithOp op, const char* format) {
    return table.Arithmetic(op, Format(format))->source;
  };
  EXPECT_EQ(source(ArithOp::kMul, "16"), "a");
  EXPECT_EQ(source(ArithOp::kAdd, "16"), "s");
  EXPECT_EQ(source(ArithOp::kMul, "32"), "b");
  EXPECT_EQ(table.Read(0, Format("32"))->source, "s");
  ASSERT_NE(table.FindSource("a"), nullptr);
  EXPECT_EQ(table.FindSource("a")->where, "page 1");
  EXPECT_EQ(table.FindSource("c"), nullptr);
}

TEST(CostTableTest, CapacitiesAreInBinaryUnits) {
  const std::pair<const char*, int64_t> kCases[] = {
      {"'512 B'", 512},
      {"'8 KiB'", 8 * 1024},
      {"'100 KB'", 100 * 1024},
      {"'100kB'", 100 * 1024},
      {"'2 MiB'", 2 * 1024 * 1024},
      {"'1MB'", 1024 * 1024},
      {"'1 GiB'", 1073741824},
      {"8_192", 8192},
  };
  for (const auto& [text, bytes] : kCases) {
    SCOPED_TRACE(text);
    ASSERT_OK_AND_ASSIGN(const CostTable table,
                         ParseTableText(TableText(absl::StrCat(
                             kArithmetic, "[[memory]]\nname = 'N'\ncapacity = ",
                             text, "\naccess = { 8 = 1 }\n", kMemory))));
    EXPECT_EQ(table.tiers()[0].capacity_bytes, bytes);
  }
}

TEST(CostTableTest, EntriesListEveryPriceInAFixedOrder) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      ParseTableText(TableText(absl::StrCat(
          "[arithmetic]\nint8 = { mac = 1 }\nfloat32 = { add = 1, mul = 4 }\n"
          "'int8*int4' = { mac = 1 }\nbfloat16 = { mul = 1 }\n",
          "[[memory]]\nname = 'M'\nread = { 32 = 2, 8 = 1 }\n"
          "write = { pj = 3, bits = 64 }\n"
          "[functions]\ntanh = { pj = { float16 = 2 } }\n"))));
  std::vector<std::string> keys;
  for (const CostTable::Entry& entry : table.Entries()) {
    keys.push_back(entry.key);
    if (entry.key == "exp") {
      EXPECT_EQ(entry.expansion, "10 mul + 11 add");
      EXPECT_TRUE(std::isnan(entry.price.pj));
    }
  }
  EXPECT_THAT(
      keys, ElementsAre("bfloat16 mul", "float32 mul", "float32 add",
                        "int8 mac", "int8*int4 mac", "M read 8 bit",
                        "M read 32 bit", "M write per 64-bit access", "div",
                        "sqrt", "exp", "log", "pow", "sin", "cos", "tan", "erf",
                        "tanh float16", "sigmoid"));
}

TEST(CostTableTest, TheDigestIsThatOfTheText) {
  const std::string text = TableText(absl::StrCat(kArithmetic, kMemory));
  ASSERT_OK_AND_ASSIGN(const CostTable one, ParseTableText(text));
  ASSERT_OK_AND_ASSIGN(const CostTable same, ParseTableText(text));
  ASSERT_OK_AND_ASSIGN(const CostTable other, ParseTableText(text + "# x\n"));
  EXPECT_EQ(one.digest().substr(0, 9), "xxh3-128:");
  EXPECT_EQ(one.digest().size(), 9 + 32U);
  EXPECT_EQ(one.digest(), same.digest());
  EXPECT_NE(one.digest(), other.digest());
}

TEST(CostTableTest, AFitSectionMayHoldAnything) {
  EXPECT_THAT(ParseTableText(TableText(absl::StrCat(
                  kArithmetic, kMemory,
                  "[fit]\nrows = 3\nbase = 'x'\n[fit.more]\nwhen = 2026-01-01\n"
                  "list = [1, 2.5, 'x', nan]\n"))),
              IsOk());
}

TEST(DecimalTableTest, PricesArePowersOfTenInEveryFormat) {
  ASSERT_OK_AND_ASSIGN(const CostTable table, ParseTableText(kDecimalTable));
  for (const char* format : {"32", "16", "8", "int8", "int32", "int64"}) {
    EXPECT_EQ(table.Arithmetic(ArithOp::kMul, Format(format))->pj, 1);
    EXPECT_EQ(table.Arithmetic(ArithOp::kAdd, Format(format))->pj, 1e4);
    EXPECT_EQ(table.Read(0, Format(format))->pj, 1e8);
    EXPECT_EQ(table.Write(0, Format(format))->pj, 1e12);
  }
}

}  // namespace
}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/table_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

TableChanges Changes() {
  TableChanges changes;
  changes.name = "copy";
  changes.title = "A \"copy\"";
  changes.source = {"tests", "nobody", "for tests"};
  return changes;
}

absl::StatusOr<CostTable> Reread(const CostTable& base,
                                 const TableChanges& changes) {
  const absl::StatusOr<std::string> text = WriteTable(base, changes);
  if (!text.ok()) return text.status();
  return CostTable::Parse("copy.toml", *text, CostTable::Resolver());
}

class ShippedTableTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ShippedTableTest, ACopyTimesOneIsTheTable) {
  const CostTable base = *TableLibrary().Load(GetParam());
  ASSERT_OK_AND_ASSIGN(const CostTable copy, Reread(base, Changes()));
  EXPECT_EQ(copy.name(), "copy");
  EXPECT_EQ(copy.title(), "A \"copy\"");
  ASSERT_EQ(copy.tiers().size(), base.tiers().size());
  for (size_t t = 0; t < base.tiers().size(); ++t) {
    EXPECT_EQ(copy.tiers()[t].name, base.tiers()[t].name);
    EXPECT_EQ(copy.tiers()[t].capacity_bytes, base.tiers()[t].capacity_bytes);
  }
  const std::vector<CostTable::Entry> before = base.Entries();
  const std::vector<CostTable::Entry> after = copy.Entries();
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(after[i].key, before[i].key);
    EXPECT_EQ(after[i].expansion, before[i].expansion);
    if (std::isnan(before[i].price.pj)) continue;
    EXPECT_NEAR(after[i].price.pj, before[i].price.pj,
                1e-5 * before[i].price.pj)
        << before[i].key;
    EXPECT_NEAR(after[i].price.max_pj, before[i].price.max_pj,
                1e-5 * before[i].price.max_pj)
        << before[i].key;
    EXPECT_EQ(after[i].price.source, "tests");
  }
}

INSTANTIATE_TEST_SUITE_P(All, ShippedTableTest,
                         ::testing::Values("horowitz-45nm", "jouppi-7nm-ddr4",
                                           "jouppi-7nm-hbm2", "eyeriss-65nm"),
                         [](const auto& table) {
                           std::string name = table.param;
                           for (char& c : name) {
                             if (c == '-') c = '_';
                           }
                           return name;
                         });

TEST(TableWriterTest, MultipliesWhatIsNamedAndTheRestByAnother) {
  const CostTable base = *TableLibrary().Load("horowitz-45nm");
  TableChanges changes = Changes();
  changes.otherwise = 10;
  changes.factors = {{"float32.mul", 2}, {"DRAM.write", 3}, {"exp", 4}};
  changes.static_power.pj_per_operator = 12.5;
  changes.static_power.watts = 0.25;
  changes.static_power.macs_per_second = {{"float32", 1e9}};
  changes.fit = {{"host", "\"ada\""},
                 {"memory_model", "\"once\""},
                 {"training", "{ r2 = 0.5 }"},
                 {"prices.\"DRAM.read\"", "\"x\""}};
  ASSERT_OK_AND_ASSIGN(const CostTable copy, Reread(base, changes));
  const NumberFormat float32 = *ParseNumberFormat("float32");
  ASSERT_OK_AND_ASSIGN(const Price mul,
                       copy.Arithmetic(ArithOp::kMul, float32));
  EXPECT_DOUBLE_EQ(mul.pj, 3.7 * 2);
  ASSERT_OK_AND_ASSIGN(const Price add,
                       copy.Arithmetic(ArithOp::kAdd, float32));
  EXPECT_DOUBLE_EQ(add.pj, 0.9 * 10);
  ASSERT_OK_AND_ASSIGN(const Price write, copy.Write(3, float32));
  EXPECT_DOUBLE_EQ(write.pj, 1000.0 * 3);
  EXPECT_DOUBLE_EQ(write.max_pj, 1300.0 * 3);
  ASSERT_OK_AND_ASSIGN(const Price read, copy.Read(3, float32));
  EXPECT_DOUBLE_EQ(read.pj, 1000.0 * 10);
  // A named function is priced, at what its expansion cost in the base.
  ASSERT_OK_AND_ASSIGN(const FunctionCost before,
                       base.Function(ArithOp::kExp, float32));
  ASSERT_OK_AND_ASSIGN(const FunctionCost exp,
                       copy.Function(ArithOp::kExp, float32));
  ASSERT_TRUE(exp.price.has_value());
  EXPECT_NEAR(exp.price->pj,
              4 * (static_cast<double>(before.mul) * 3.7 +
                   static_cast<double>(before.add) * 0.9),
              1e-3);
  ASSERT_OK_AND_ASSIGN(const FunctionCost tanh,
                       copy.Function(ArithOp::kTanh, float32));
  EXPECT_FALSE(tanh.price.has_value());
  ASSERT_NE(copy.static_power(), nullptr);
  EXPECT_EQ(copy.static_power()->pj_per_operator, 12.5);
  EXPECT_EQ(copy.static_power()->watts, 0.25);
  ASSERT_NE(copy.fit(), nullptr);
  EXPECT_EQ(copy.fit()->host, "ada");
  EXPECT_EQ(copy.fit()->memory_model, "once");
  EXPECT_EQ(base.fit(), nullptr);
  ASSERT_EQ(copy.fit()->entries.size(), 4U);
  EXPECT_EQ(copy.fit()->entries[2],
            (std::pair<std::string, std::string>("training.r2", "0.5")));
}

TEST(TableWriterTest, AnInterpolatedFormatBecomesAnEntry) {
  const CostTable base = *TableLibrary().Load("horowitz-45nm");
  const NumberFormat float24 = *ParseNumberFormat("float24");
  ASSERT_OK_AND_ASSIGN(const Price price,
                       base.Arithmetic(ArithOp::kMul, float24));
  EXPECT_EQ(PriceKey(price, "mul", float24), "float24.mul");
  TableChanges changes = Changes();
  changes.extras = {{float24, true, price.pj}};
  changes.factors = {{"float24.mul", 2}};
  ASSERT_OK_AND_ASSIGN(const CostTable copy, Reread(base, changes));
  ASSERT_OK_AND_ASSIGN(const Price written,
                       copy.Arithmetic(ArithOp::kMul, float24));
  EXPECT_FALSE(written.is_interpolated);
  EXPECT_NEAR(written.pj, 2 * price.pj, 1e-4 * price.pj);
}

TEST(TableWriterTest, ANameIsAWord) {
  TableChanges changes = Changes();
  changes.name = "two words";
  EXPECT_THAT(WriteTable(*TableLibrary().Load("horowitz-45nm"), changes),
              FailsWith("a table's name is a word of letters, digits, '-', "
                        "'_' and '.', not 'two words'"));
}

TEST(TomlTest, TextsAndNumbersReadBackAsTheyWere) {
  EXPECT_EQ(TomlText("a \"b\" \\ c"), "\"a \\\"b\\\" \\\\ c\"");
  EXPECT_EQ(TomlNumber(0.1), "0.1");
  EXPECT_EQ(TomlNumber(1e22), "1e+22");
}

}  // namespace
}  // namespace opcost

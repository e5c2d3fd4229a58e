// SPDX-License-Identifier: Apache-2.0
// Tables that extend others, and where tables are found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/energy/small_table.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Texts = std::map<std::string, std::string>;

std::string Table(const std::string& name, const std::string& rest) {
  return absl::StrCat("schema = 'opcost.costtable/1'\nname = '", name, "'\n",
                      rest);
}

std::string Base(const std::string& more = "") {
  return Table(
      "base",
      "title = 'the base'\ndefault_source = 'b'\n[source.b]\ncite = 'B'\n"
      "[arithmetic]\nfloat32 = { mul = 4, add = 1 }\nint8 = { mac = 1 }\n"
      "[[memory]]\nname = 'L1'\ncapacity = 64\naccess = { pj_per_bit = 1 }\n"
      "[[memory]]\nname = 'M'\naccess = { pj_per_bit = 8 }\n"
      "[functions]\nexp = { mul = 3, add = 2 }\n" +
          more);
}

absl::StatusOr<CostTable> Parse(const std::string& text, const Texts& texts) {
  return CostTable::Parse(
      "t.toml", text,
      [&texts](absl::string_view name) -> absl::StatusOr<std::string> {
        const auto found = texts.find(std::string(name));
        if (found != texts.end()) return found->second;
        return absl::NotFoundError(absl::StrCat("no cost table '", name, "'"));
      });
}

absl::StatusOr<CostTable> Child(const std::string& rest,
                                const std::string& base = Base()) {
  return Parse(Table("child", "extends = 'base'\n" + rest), {{"base", base}});
}

TEST(ExtendsTest, WhatIsNotGivenComesFromTheBase) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       Child("[source.c]\ncite = 'C'\n[arithmetic]\n"
                             "float32 = { mul = 5, source = 'c' }\n"));
  EXPECT_EQ(table.name(), "child");
  EXPECT_EQ(table.title(), "");
  EXPECT_THAT(table.bases(), ElementsAre("base"));
  ASSERT_OK_AND_ASSIGN(const Price mul,
                       table.Arithmetic(ArithOp::kMul, Format("32")));
  EXPECT_EQ(mul.pj, 5);
  EXPECT_EQ(mul.table, "child");
  EXPECT_EQ(mul.source, "c");
  ASSERT_OK_AND_ASSIGN(const Price add,
                       table.Arithmetic(ArithOp::kAdd, Format("32")));
  EXPECT_EQ(add.pj, 1);
  EXPECT_EQ(add.table, "base");
  EXPECT_EQ(add.source, "b");
  EXPECT_EQ(table.tiers().size(), 2U);
  EXPECT_EQ(table.Read(1, Format("32"))->table, "base");
  EXPECT_EQ(table.Function(ArithOp::kExp, Format("32"))->table, "base");
}

TEST(ExtendsTest, AnyTierReplacesTheBasesWholeList) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      Child("[[memory]]\nname = 'HBM'\nsource = 'b'\naccess = { 8 = 3 }\n"));
  ASSERT_EQ(table.tiers().size(), 1U);
  EXPECT_EQ(table.tiers()[0].name, "HBM");
  EXPECT_EQ(table.Read(0, Format("int8"))->table, "child");
}

TEST(ExtendsTest, AMulOfTheFileGoesBeforeAMacOfTheBase) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      Child("[arithmetic]\nint8 = { mul = 2, add = 2, source = 'b' }\n"));
  const NumberFormat i8 = Format("int8");
  EXPECT_EQ(table.Mac(i8, i8, i8), std::nullopt);
}

TEST(ExtendsTest, RatesOfTiersThatAreReplacedFallAway) {
  const std::string base = Base(
      "[static]\nwatts = 2\nmacs_per_second = { int8 = 5 }\n"
      "bytes_per_second = { L1 = 7, M = 9 }\n");
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      Child("[[memory]]\nname = 'M'\nsource = 'b'\naccess = { 8 = 3 }\n"
            "[static]\nmacs_per_second = { int4 = 6 }\n",
            base));
  ASSERT_NE(table.static_power(), nullptr);
  EXPECT_EQ(table.static_power()->watts, 2);
  EXPECT_EQ(table.static_power()->macs_per_second.size(), 2U);
  EXPECT_EQ(table.static_power()->bytes_per_second,
            (std::map<int, double>{{0, 9.0}}));
}

TEST(ExtendsTest, TheDigestCoversTheBase) {
  ASSERT_OK_AND_ASSIGN(const CostTable a, Child(""));
  ASSERT_OK_AND_ASSIGN(const CostTable b, Child("", Base("# changed\n")));
  EXPECT_NE(a.digest(), b.digest());
}

TEST(ExtendsTest, AMissingBaseIsAnErrorAtItsName) {
  EXPECT_THAT(
      Parse(Table("child", "extends = 'bse'\n"), {}),
      FailsWith("t.toml:3:11: can't extend 'bse': no cost table 'bse'"));
  EXPECT_THAT(
      CostTable::Parse("t.toml", Table("c", "extends = 'bse'\n"), nullptr),
      FailsWith("t.toml:3:11: can't extend 'bse': no cost table 'bse'"));
}

TEST(ExtendsTest, AnErrorInTheBaseIsInItsFile) {
  EXPECT_THAT(Child("", "schema = 3\n"),
              FailsWith("base:1:10: expected a string, found an integer"));
}

TEST(ExtendsTest, ACircleIsAnError) {
  const Texts texts = {{"a", Table("a", "extends = 'b'\n")},
                       {"b", Table("b", "extends = 'a'\n")}};
  EXPECT_THAT(Parse(texts.at("a"), texts),
              FailsWith("b:3:11: 'extends' comes back to 'a' (a -> b -> a); "
                        "expected a chain that ends"));
}

TEST(ExtendsTest, ALongChainIsAnError) {
  Texts texts;
  for (int i = 0; i < 20; ++i) {
    texts[absl::StrCat("t", i)] =
        Table(absl::StrCat("t", i), absl::StrCat("extends = 't", i + 1, "'\n"));
  }
  EXPECT_THAT(Parse(texts.at("t0"), texts),
              FailsWith(HasSubstr("a chain of more than 8 tables; expected a "
                                  "shorter one")));
}

TEST(ExtendsTest, TheUnitIsTheBases) {
  EXPECT_THAT(Child("unit = 'relative'\n"),
              FailsWith("t.toml:4:8: the unit 'relative' isn't that of the "
                        "table that this one extends; expected the same"));
}

TEST(ExtendsTest, ASourceIdMeansOneSource) {
  EXPECT_THAT(Child("[source.b]\ncite = 'B'\n"), IsOk());
  EXPECT_THAT(Child("[source.b]\ncite = 'another'\n"),
              FailsWith("t.toml:4:9: source 'b' is another one in a table that "
                        "this one extends; expected an id of its own"));
}

class TableLibraryTest : public ::testing::Test {
 protected:
  TableLibraryTest() {
    // One for each process: tests run side by side.
    std::string pattern = ::testing::TempDir() + "opcost-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
  }
  ~TableLibraryTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& file, const std::string& text) const {
    std::ofstream(folder_ + "/" + file) << text;
  }

  std::string folder_;
};

TEST_F(TableLibraryTest, FoldersGoBeforeTheTablesCompiledIn) {
  Write("horowitz-45nm.toml",
        Table("horowitz-45nm", absl::StrCat("title = 'mine'\n", kDefaultSource,
                                            kArithmetic, kMemory)));
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary({folder_}).Load("horowitz-45nm"));
  EXPECT_EQ(table.title(), "mine");
  EXPECT_NE(TableLibrary().Load("horowitz-45nm")->title(), "mine");
}

TEST_F(TableLibraryTest, ListsWhatIsInAFolderAndWhatIsWrongWithIt) {
  Write("aa.toml", Table("aa", "extends = 'horowitz-45nm'\ntitle = 'mine'\n"));
  Write("bb.toml", "name = 3\n");
  Write("notes.txt", "no table");
  const std::vector<TableLibrary::Listing> all =
      TableLibrary({folder_, folder_ + "/missing"}).List();
  ASSERT_EQ(all.size(), 2 + 5U);
  EXPECT_EQ(all[0].name, "aa");
  EXPECT_EQ(all[0].title, "mine");
  EXPECT_EQ(all[0].path, folder_ + "/aa.toml");
  EXPECT_EQ(all[0].problem, "");
  EXPECT_EQ(all[1].name, "bb");
  EXPECT_THAT(all[1].problem, HasSubstr("bb.toml:1:1: missing key 'schema'"));
}

TEST_F(TableLibraryTest, APathNamesAFile) {
  Write("x.toml", Table("x", "extends = 'jouppi-7nm-hbm2'\n"));
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load(folder_ + "/x.toml"));
  EXPECT_THAT(table.bases(), ElementsAre("jouppi-7nm-hbm2"));
  EXPECT_THAT(TableLibrary().Load(folder_ + "/y.toml"),
              StatusIs(absl::StatusCode::kNotFound,
                       "can't read cost table '" + folder_ +
                           "/y.toml': No such file or directory"));
  EXPECT_THAT(TableLibrary().Load(folder_ + "/"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a folder")));
}

TEST_F(TableLibraryTest, AnUnknownNameHasNearMatches) {
  EXPECT_THAT(TableLibrary().Load("horowitz"),
              StatusIs(absl::StatusCode::kNotFound,
                       "no cost table 'horowitz'; did you mean "
                       "'horowitz-45nm'?; 'opcost tables' lists them, and a "
                       "path names a file"));
}

TEST_F(TableLibraryTest, ACopyIsTheSameTableUnderAnotherName) {
  const TableLibrary library;
  for (const TableLibrary::Listing& listing : library.List()) {
    SCOPED_TRACE(listing.name);
    ASSERT_OK_AND_ASSIGN(const TableLibrary::Text original,
                         library.LoadText(listing.name));
    ASSERT_OK_AND_ASSIGN(const std::string copy,
                         CopyOfTable(original, "mine-1"));
    EXPECT_THAT(copy, StartsWith("# A copy of '" + listing.name + "'"));
    ASSERT_OK_AND_ASSIGN(const CostTable table,
                         CostTable::Parse("mine-1.toml", copy, nullptr));
    EXPECT_EQ(table.name(), "mine-1");
    EXPECT_EQ(table.title(), listing.title);
  }
}

TEST_F(TableLibraryTest, ACopyNeedsAName) {
  ASSERT_OK_AND_ASSIGN(const TableLibrary::Text original,
                       TableLibrary().LoadText("horowitz-45nm"));
  EXPECT_THAT(CopyOfTable(original, "a b"),
              FailsWith("a table's name is a word of letters, digits, '-', '_' "
                        "and '.', not 'a b'"));
}

}  // namespace
}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
// What is wrong with a cost table, and where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/energy/small_table.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::StartsWith;

struct BadCase {
  const char* name;
  std::string text;
  const char* message;  // the whole, or as far as it is ours

  friend std::ostream& operator<<(std::ostream& out, const BadCase& c) {
    return out << c.name;
  }
};

class BadTableTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadTableTest, SaysWhereAndWhat) {
  EXPECT_THAT(ParseTableText(GetParam().text),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       StartsWith(GetParam().message)));
}

std::string CaseName(const ::testing::TestParamInfo<BadCase>& info) {
  return info.param.name;
}

// TableText() puts five lines in front: its sections start in line 6.
const BadCase kHeadCases[] = {
    {"NotToml", "schema = ", "t.toml:1:"},
    {"Empty", "",
     "t.toml:1:1: missing key 'schema'; expected schema = "
     "\"opcost.costtable/1\""},
    {"OtherSchema", "schema = 'x/2'\n",
     "t.toml:1:10: expected schema \"opcost.costtable/1\", found 'x/2'"},
    {"NoName", "schema = 'opcost.costtable/1'\n",
     "t.toml:1:1: missing key 'name'; expected the table's name"},
    {"BadName", "schema = 'opcost.costtable/1'\nname = 'a b'\n",
     "t.toml:2:8: expected a word of letters, digits, '-', '_' and '.', found "
     "'a b'"},
    {"RepeatedKey", "schema = 'opcost.costtable/1'\nname = 'a'\nname = 'b'\n",
     "t.toml:3:"},
    {"UnknownSection", TableText("[arihmetic]\n"),
     "t.toml:6:2: unknown key 'arihmetic'; did you mean 'arithmetic'?"},
    {"UnknownKey", TableText("", "interpolat = true\n"),
     "t.toml:3:1: unknown key 'interpolat'; did you mean 'interpolate'?"},
    {"NothingLikeIt", TableText("", "zzzzz = true\n"),
     "t.toml:3:1: unknown key 'zzzzz'; expected one of schema, name, title, "
     "extends, unit, interpolate, default_source, source, arithmetic, memory, "
     "functions, static, fit"},
    {"BadUnit", TableText("", "unit = 'nJ'\n"),
     "t.toml:3:8: expected \"pJ\" or \"relative\", found 'nJ'"},
    {"InterpolateText", TableText("", "interpolate = 'yes'\n"),
     "t.toml:3:15: expected true or false, found a string"},
    {"TitleNumber", TableText("", "title = 3\n"),
     "t.toml:3:9: expected a string, found an integer"},
    {"FitNumber", TableText("", "fit = 3\n"),
     "t.toml:3:7: expected a table, found an integer"},
    {"NoArithmetic", TableText(kMemory),
     "t.toml:1:1: missing key 'arithmetic'; expected a section [arithmetic]"},
    {"NoMemory", TableText(kArithmetic),
     "t.toml:1:1: missing key 'memory'; expected at least one [[memory]] tier"},
    {"UnknownDefaultSource",
     absl::StrCat(kHead, "default_source = 'hrowitz'\n[source.horowitz]\n",
                  "cite = 'H'\n", kArithmetic, kMemory),
     "t.toml:3:18: unknown source 'hrowitz'; did you mean 'horowitz'?; "
     "expected the id of a [source.<id>] section"},
    {"SourceWithoutCite", TableText("[source.x]\nwhere = 'page 1'\n"),
     "t.toml:6:1: missing key 'cite'; expected author, title, place and year"},
    {"SourceWithAnEmptyCite", TableText("[source.x]\ncite = ''\n"),
     "t.toml:7:8: expected author, title, place and year, found ''"},
    {"SourceWithAnUnknownKey", TableText("[source.x]\ncite = 'a'\nurl = 'b'\n"),
     "t.toml:8:1: unknown key 'url'; expected one of cite, where"},
    {"ReservedSource", TableText("[source.default-functions]\ncite = 'a'\n"),
     "t.toml:6:9: the source id 'default-functions' is taken; expected another "
     "one"},
    {"SourceThatIsText", TableText("", "source.x = 'a book'\n"),
     "t.toml:3:12: expected a table, found a string"},
};
INSTANTIATE_TEST_SUITE_P(Head, BadTableTest, ::testing::ValuesIn(kHeadCases),
                         CaseName);

std::string Arithmetic(const std::string& line) {
  return TableText(absl::StrCat("[arithmetic]\n", line, "\n", kMemory));
}

const BadCase kArithmeticCases[] = {
    {"NegativePrice", Arithmetic("int8 = { mul = -1 }"),
     "t.toml:7:16: expected a number from 0 to 1e+18, found -1"},
    {"HugePrice", Arithmetic("int8 = { mul = 1e300 }"),
     "t.toml:7:16: expected a number from 0 to 1e+18, found 1e+300"},
    {"NotANumber", Arithmetic("int8 = { mul = nan }"),
     "t.toml:7:16: expected a finite number, found nan"},
    {"Infinite", Arithmetic("int8 = { mul = -inf }"),
     "t.toml:7:16: expected a finite number, found -inf"},
    {"TextForAPrice", Arithmetic("int8 = { mul = '1' }"),
     "t.toml:7:16: expected a number, found a string"},
    {"UnknownType", Arithmetic("int9x = { mul = 1 }"),
     "t.toml:7:1: unknown element type 'int9x'"},
    {"Alias", Arithmetic("float = { mul = 1 }"),
     "t.toml:7:1: unknown element type 'float'; did you mean 'float"},
    {"WidthAlone", Arithmetic("32 = { mul = 1 }"),
     "t.toml:7:1: unknown element type '32'; expected an ONNX type, or a kind "
     "and a width like 'float8'"},
    {"UnknownOperation", Arithmetic("int8 = { mull = 1 }"),
     "t.toml:7:10: unknown key 'mull'; did you mean 'mul'"},
    {"NoPrice", Arithmetic("int8 = { source = 's' }"),
     "t.toml:7:8: 'int8' has no price; expected mul, add or mac"},
    {"PriceWithoutOperation", Arithmetic("int8 = 3"),
     "t.toml:7:8: expected a table, found an integer"},
    {"PairWithAMul", Arithmetic("'int8*int4' = { mul = 1 }"),
     "t.toml:7:17: unknown key 'mul'; expected one of mac, source"},
    {"ThreeTypes", Arithmetic("'int8*int4*int2' = { mac = 1 }"),
     "t.toml:7:1: 'int8*int4*int2' has 3 types; expected one, or the two of a "
     "MAC's operands"},
    {"PairTwice",
     Arithmetic("'int8*int4' = { mac = 1 }\n'int4*int8' = { mac = 1 }"),
     "t.toml:8:1: 'int4*int8' is already given as 'int8*int4'; expected each "
     "once"},
    {"RangeBelowItsValue",
     Arithmetic("int8 = { mul = { value = 3, min = 1, max = 2 } }"),
     "t.toml:7:16: the range from 1 to 2 doesn't hold 3; expected min <= value "
     "<= max"},
    {"RangeAboveItsValue",
     Arithmetic("int8 = { mul = { value = 3, min = 4 } }"),
     "t.toml:7:16: the range from 4 to 3 doesn't hold 3; expected min <= value "
     "<= max"},
    {"RangeWithoutValue", Arithmetic("int8 = { mul = { min = 4 } }"),
     "t.toml:7:16: missing key 'value'; expected a price"},
    {"UnknownSource", Arithmetic("int8 = { mul = 1, source = 'who' }"),
     "t.toml:7:28: unknown source 'who'; expected the id of a [source.<id>] "
     "section"},
    {"NoSource",
     absl::StrCat(kHead, "[arithmetic]\nint8 = { mul = 1 }\n", kMemory),
     "t.toml:4:16: no source; expected source = \"<id>\" beside it or in its "
     "section, or default_source = \"<id>\" at the top"},
};
INSTANTIATE_TEST_SUITE_P(Arithmetic, BadTableTest,
                         ::testing::ValuesIn(kArithmeticCases), CaseName);

// The tier starts in line 8, its lines in 10.
std::string FirstTier(const std::string& lines) {
  return TableText(absl::StrCat(kArithmetic, "[[memory]]\nname = 'A'\n", lines,
                                "\n", kMemory));
}
std::string OnlyTier(const std::string& lines) {
  return TableText(
      absl::StrCat(kArithmetic, "[[memory]]\nname = 'A'\n", lines));
}

const BadCase kMemoryCases[] = {
    {"NotAList", TableText(absl::StrCat(kArithmetic, "[memory]\nname = 'A'\n")),
     "t.toml:8:1: expected an array, found a table"},
    {"NoTier", TableText(kArithmetic, "memory = []\n"),
     "t.toml:3:10: expected 1 to 64 [[memory]] tiers, found 0"},
    {"NoCapacity", FirstTier("access = { 8 = 1 }"),
     "t.toml:8:1: tier 'A' has no capacity and isn't the last; expected "
     "capacity = \"<size>\""},
    {"LastWithCapacity", OnlyTier("capacity = 8\naccess = { 8 = 1 }"),
     "t.toml:10:12: the last tier, 'A', has a capacity; expected none, for it "
     "holds what fits nowhere else"},
    {"UnknownCapacityUnit", FirstTier("capacity = '8 KX'\naccess = { 8 = 1 }"),
     "t.toml:10:12: expected a capacity like \"8 KiB\", or a number of bytes "
     "above 0, found '8 KX'"},
    {"CapacityZero", FirstTier("capacity = 0\naccess = { 8 = 1 }"),
     "t.toml:10:12: expected a capacity like \"8 KiB\", or a number of bytes "
     "above 0, found 0"},
    {"CapacityTooLarge",
     FirstTier("capacity = '9223372036854775807 KB'\naccess = { 8 = 1 }"),
     "t.toml:10:12: expected a capacity like \"8 KiB\""},
    {"CapacityFloat", FirstTier("capacity = 8.5\naccess = { 8 = 1 }"),
     "t.toml:10:12: expected a capacity like \"8 KiB\", or a number of bytes "
     "above 0, found another value"},
    {"CapacitiesOutOfOrder",
     FirstTier("capacity = 512\naccess = { 8 = 1 }\n[[memory]]\nname = 'B'\n"
               "capacity = 512\naccess = { 8 = 1 }"),
     "t.toml:14:12: the capacity of 512 bytes isn't above the 512 of 'A'; "
     "expected rising capacities"},
    {"NameTwice",
     FirstTier("capacity = 512\naccess = { 8 = 1 }\n[[memory]]\n"
               "name = 'A'\n"),
     "t.toml:13:8: tier 'A' is there already; expected a name of its own"},
    {"NoReads", OnlyTier("write = { 8 = 1 }"),
     "t.toml:8:1: missing key 'read'; expected 'read' and 'write', or 'access' "
     "for both"},
    {"NoWrites", OnlyTier("read = { 8 = 1 }"),
     "t.toml:8:1: missing key 'write'; expected 'read' and 'write', or "
     "'access' for both"},
    {"AccessBesideRead", OnlyTier("access = { 8 = 1 }\nread = { 8 = 1 }"),
     "t.toml:10:1: 'access' beside 'read' or 'write'; expected 'access' alone, "
     "or 'read' and 'write'"},
    {"NoPrices", OnlyTier("access = {}"),
     "t.toml:10:10: no price; expected prices by width in bits, or pj_per_bit, "
     "or pj and bits"},
    {"OddWidth", OnlyTier("access = { 08 = 1 }"),
     "t.toml:10:12: unknown key '08'; expected a width in bits from 1 to 128, "
     "or pj_per_bit, or pj and bits"},
    {"WideWidth", OnlyTier("access = { 129 = 1 }"),
     "t.toml:10:12: unknown key '129'"},
    {"AccessOfNoBits", OnlyTier("access = { pj = 1 }"),
     "t.toml:10:10: missing key 'bits'; expected how many bits one access "
     "moves"},
    {"AccessOfZeroBits", OnlyTier("access = { pj = 1, bits = 0 }"),
     "t.toml:10:27: expected 1 to 1048576 bits, found 0"},
    {"AccessWithoutPrice", OnlyTier("access = { bits = 64 }"),
     "t.toml:10:10: missing key 'pj'; expected the price of one access"},
    {"PackedNumber", OnlyTier("access = { pj = 1, bits = 64, packed = 1 }"),
     "t.toml:10:40: expected true or false, found an integer"},
    {"PerBitAndWidths", OnlyTier("access = { pj_per_bit = 1, 8 = 1 }"),
     "t.toml:10:28: unknown key '8'; expected one of pj_per_bit, min, max, "
     "source"},
    {"PerBitRange", OnlyTier("access = { pj_per_bit = 1, max = 0.5 }"),
     "t.toml:10:10: the range from 1 to 0.5 doesn't hold 1; expected min <= "
     "value <= max"},
    {"UnknownTierKey", OnlyTier("capcity = 8"),
     "t.toml:10:1: unknown key 'capcity'; did you mean 'capacity'?"},
    {"FoundByFuzzing", FirstTier("capacity = 8_19e21"), "t.toml:10:"},
};
INSTANTIATE_TEST_SUITE_P(Memory, BadTableTest,
                         ::testing::ValuesIn(kMemoryCases), CaseName);

// A section after arithmetic and memory starts in line 11.
std::string Section(const std::string& lines, const std::string& top = "") {
  return TableText(absl::StrCat(kArithmetic, kMemory, lines), top);
}

const BadCase kOtherCases[] = {
    {"UnknownFunction", Section("[functions]\nexpp = { mul = 1, add = 1 }\n"),
     "t.toml:12:1: unknown key 'expp'; did you mean 'exp'"},
    {"FunctionWithoutAdd", Section("[functions]\nexp = { mul = 1 }\n"),
     "t.toml:12:7: missing key 'add'; expected how many add one evaluation "
     "takes, or pj"},
    {"NegativeExpansion", Section("[functions]\nexp = { mul = -1, add = 1 }\n"),
     "t.toml:12:15: expected 0 to 1000000, found -1"},
    {"FractionalExpansion",
     Section("[functions]\nexp = { mul = 1.5, add = 1 }\n"),
     "t.toml:12:15: expected an integer, found a float"},
    {"PriceAndExpansion", Section("[functions]\nexp = { mul = 1, pj = 1 }\n"),
     "t.toml:12:9: unknown key 'mul'; expected one of pj, source"},
    {"FunctionPriceOfUnknownType",
     Section("[functions]\nexp = { pj = { flaot32 = 1 } }\n"),
     "t.toml:12:16: unknown element type 'flaot32'; did you mean 'float32'"},
    {"FunctionWithoutPrices", Section("[functions]\nexp = { pj = {} }\n"),
     "t.toml:12:14: expected a price, or prices by type"},
    {"NoWatts", Section("[static]\n"),
     "t.toml:11:1: missing key 'watts'; expected the static power"},
    {"RateOfUnknownType",
     Section("[static]\nwatts = 1\nmacs_per_second = { x = 1 }\n"),
     "t.toml:13:21: unknown element type 'x'"},
    {"RateOfUnknownTier",
     Section("[static]\nwatts = 1\nbytes_per_second = { L1 = 1 }\n"),
     "t.toml:13:22: unknown tier 'L1'; expected the name of a [[memory]] tier"},
    {"RateOfZero",
     Section("[static]\nwatts = 1\nbytes_per_second = { M = 0 }\n"),
     "t.toml:13:26: expected a rate from 0.001 to 1e+30 per second, found 0"},
    {"WattsOfARelativeTable",
     Section("[static]\nwatts = 1\n", "unit = 'relative'\n"),
     "t.toml:12:1: a table of unit 'relative' has watts; expected no [static] "
     "section"},
    {"DeepKey", "a.b.c.d.e.f.g.h.i = 1\n",
     "t.toml:1:16: expected at most 8 parts in a key"},
    {"DeepArrays", "a = " + std::string(100'000, '['),
     "t.toml:1:21: expected at most 16 values inside each other"},
    {"DeepTables",
     [] {
       std::string key = "a";
       for (int i = 0; i < 100'000; ++i) key += ".\"=\"";
       return key + " = 1\n";
     }(),
     "t.toml:1:30: expected at most 8 parts in a key"},
    {"TooLong", std::string(2'000'000, '\n'),
     "t.toml:1:1: the file has 2000000 bytes; expected at most 1048576"},
    {"NotUtf8", "schema = '\xff\xfe'\n", "t.toml:1:"},
};
INSTANTIATE_TEST_SUITE_P(Other, BadTableTest, ::testing::ValuesIn(kOtherCases),
                         CaseName);

}  // namespace
}  // namespace opcost

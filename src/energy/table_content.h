// SPDX-License-Identifier: Apache-2.0
// What a cost table's file says, base tables merged in.
#ifndef OPCOST_SRC_ENERGY_TABLE_CONTENT_H_
#define OPCOST_SRC_ENERGY_TABLE_CONTENT_H_

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/energy/cost_table.h"
#include "opcost/support/toml_reader.h"

namespace opcost {

// One key of [arithmetic]: a type, or the types of a MAC's two operands.
struct ArithmeticEntry {
  std::string key;
  NumberFormat format;
  std::optional<NumberFormat> second;
  std::optional<Price> mul, add, mac;

  // True for "float16" and "int8", which stand for every type of their kind and
  // width; false for "bfloat16" and "uint8".
  bool is_generic() const;
};

// What a read or a write costs at one tier, in one of three forms.
struct MovementPrice {
  enum class Form : uint8_t { kByWidth, kPerBit, kPerAccess };
  Form form = Form::kByWidth;
  std::map<int, Price> by_width;  // of one element
  Price unit;                     // of one bit, or of one access
  int access_bits = 0;
  bool packed = true;  // elements share an access
};

struct TierPrices {
  MovementPrice read, write;
};

struct FunctionEntry {
  FunctionCost cost;
  // A price for each type; then `cost` is empty.
  std::vector<std::pair<NumberFormat, Price>> by_format;
};

// [static] by names: tiers are known only when base tables are merged in.
struct StaticSection {
  double watts = 0;
  double pj_per_operator = 0;
  std::map<std::string, double> macs_per_second;
  std::map<std::string, double> bytes_per_second;
};

struct TableContent {
  std::string name;
  std::string title;
  std::string digest;
  std::string texts;  // the file's, and those of the tables that it extends
  EnergyUnit unit = EnergyUnit::kPicojoule;
  bool interpolates = true;
  std::vector<std::string> bases;
  std::vector<Source> sources;
  std::vector<ArithmeticEntry> arithmetic;
  std::vector<Tier> tiers;
  std::vector<TierPrices> tier_prices;  // one for each tier
  std::array<FunctionEntry, kArithOpCount> functions;
  std::optional<StaticSection> static_section;
  std::optional<StaticPower> static_power;
  std::optional<FitRecord> fit;
};

// What CostTable hides.
struct CostTable::Rep {
  TableContent content;
};

// The id of the source of the functions that no table gives.
inline constexpr absl::string_view kDefaultFunctionsId = "default-functions";

// Reads a table and those that it extends. See CostTable::Parse().
absl::StatusOr<TableContent> ParseTable(absl::string_view path,
                                        absl::string_view text,
                                        const CostTable::Resolver& resolve);

// True for a word of letters, digits, '-', '_' and '.'.
bool IsTableName(absl::string_view name);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_TABLE_CONTENT_H_

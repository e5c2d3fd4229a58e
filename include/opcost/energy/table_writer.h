// SPDX-License-Identifier: Apache-2.0
// A cost table's file, written from another table whose prices are multiplied.
#ifndef OPCOST_ENERGY_TABLE_WRITER_H_
#define OPCOST_ENERGY_TABLE_WRITER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/energy/cost_table.h"

namespace opcost {

// A price that the base gives only by interpolation, written as its own.
struct ExtraPrice {
  NumberFormat format;
  bool is_mul = true;
  double pj = 0;  // the base's, before its factor
};

// What becomes of the base's prices. Keys are those of PriceKey().
struct TableChanges {
  std::string name;
  std::string title;
  std::string comment;   // lines at the top, without '#'
  Source source;         // of every price
  double otherwise = 1;  // the factor of what `factors` doesn't name
  std::map<std::string, double> factors;
  std::vector<ExtraPrice> extras;
  // Every function gets a price of its own, expansions included; else only
  // those that `factors` names.
  bool prices_functions = false;
  StaticPower static_power;  // written if anything in it isn't zero
  // Rows of [fit]: keys with TOML values as text.
  std::vector<std::pair<std::string, std::string>> fit;
};

// "float32.mul", "int8*int4.mac", "exp" (whatever the format) of a price as the
// table keys it; for an interpolated one the format and the operation.
std::string PriceKey(const Price& price, absl::string_view op,
                     const NumberFormat& format);
// "DRAM.read".
std::string TierKey(const Tier& tier, bool is_read);

// The text of a table with the base's entries times their factors: complete in
// itself, so that it needs no base.
//
// Errors: INVALID_ARGUMENT for a name that isn't a table's.
absl::StatusOr<std::string> WriteTable(const CostTable& base,
                                       const TableChanges& changes);

// A string as TOML writes it, in quotes.
std::string TomlText(absl::string_view text);
// A number as TOML writes it: the shortest that reads back as the same.
std::string TomlNumber(double number);

}  // namespace opcost

#endif  // OPCOST_ENERGY_TABLE_WRITER_H_

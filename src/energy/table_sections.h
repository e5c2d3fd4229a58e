// SPDX-License-Identifier: Apache-2.0
// The sections of a cost table's file.
#ifndef OPCOST_SRC_ENERGY_TABLE_SECTIONS_H_
#define OPCOST_SRC_ENERGY_TABLE_SECTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/support/toml_reader.h"
#include "src/energy/table_content.h"

namespace opcost {

// Which source the prices at hand have: the nearest `source` key.
class SourceScope {
 public:
  // `known` must outlive the scope. `table` is the name of the table at hand.
  SourceScope(const std::vector<Source>& known, std::string table)
      : known_(&known), table_(std::move(table)) {}

  // The scope inside `section`, whose `source` key, if any, is checked.
  absl::StatusOr<SourceScope> Enter(const TomlValue& section) const;
  absl::StatusOr<SourceScope> Named(const TomlValue& id) const;
  // The source's id. An error at `price` if none is named.
  absl::StatusOr<std::string> Id(const TomlValue& price) const;
  const std::string& table() const { return table_; }

 private:
  const std::vector<Source>* known_;
  std::string table_;
  std::string id_;
};

// A number from 0 to 1e18, at which no sum of 2^63 of them overflows.
absl::StatusOr<double> ParseAmount(const TomlValue& value);
// A number, or { value, min, max, source }.
absl::StatusOr<Price> ParsePrice(const TomlValue& value,
                                 const SourceScope& scope, std::string entry);
// The keys `min` and `max` beside the price, if given; both are else the price.
absl::Status ParseRange(const TomlValue& table, Price& price);
// The format that a key names in its canonical spelling; an error at the key.
absl::StatusOr<NumberFormat> ParseFormatKey(const TomlEntry& entry,
                                            absl::string_view name);

// Adds [arithmetic] to `content`, over what a base table gave.
absl::Status ParseArithmetic(const TomlValue& section, const SourceScope& scope,
                             TableContent& content);
// Replaces the tiers of `content` by [[memory]].
absl::Status ParseMemory(const TomlValue& tiers, const SourceScope& scope,
                         TableContent& content);
// Adds [functions].
absl::Status ParseFunctions(const TomlValue& section, const SourceScope& scope,
                            TableContent& content);
// Reads [fit], whose keys are whatever wrote it had to say.
absl::Status ParseFit(const TomlValue& section, TableContent& content);
// Adds [static].
absl::Status ParseStatic(const TomlValue& section, const SourceScope& scope,
                         TableContent& content);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_TABLE_SECTIONS_H_

// SPDX-License-Identifier: Apache-2.0
// Tables written around the few lines that a test is about.
#ifndef OPCOST_TESTS_ENERGY_SMALL_TABLE_H_
#define OPCOST_TESTS_ENERGY_SMALL_TABLE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "opcost/energy/cost_table.h"

namespace opcost {

inline constexpr char kHead[] =
    "schema = 'opcost.costtable/1'\n"
    "name = 't'\n";

inline constexpr char kDefaultSource[] =
    "default_source = 's'\n"
    "[source.s]\n"
    "cite = 'nobody: for tests'\n";

inline constexpr char kArithmetic[] =
    "[arithmetic]\n"
    "float32 = { mul = 4, add = 1 }\n";

inline constexpr char kMemory[] =
    "[[memory]]\n"
    "name = 'M'\n"
    "access = { pj_per_bit = 1 }\n";

// kHead, `top`, the default source, then `sections`.
inline std::string TableText(const std::string& sections,
                             const std::string& top = "") {
  return absl::StrCat(kHead, top, kDefaultSource, sections);
}

inline absl::StatusOr<CostTable> ParseTableText(const std::string& text) {
  return CostTable::Parse("t.toml", text, nullptr);
}

// A table of this [arithmetic] and one tier.
inline absl::StatusOr<CostTable> WithArithmetic(const std::string& lines,
                                                const std::string& top = "") {
  return ParseTableText(
      TableText(absl::StrCat("[arithmetic]\n", lines, "\n", kMemory), top));
}

// A table of one tier with these lines.
inline absl::StatusOr<CostTable> WithTier(const std::string& lines,
                                          const std::string& top = "") {
  return ParseTableText(TableText(
      absl::StrCat(kArithmetic, "[[memory]]\nname = 'M'\n", lines), top));
}

inline NumberFormat Format(const char* name) {
  return *ParseNumberFormat(name);
}

}  // namespace opcost

#endif  // OPCOST_TESTS_ENERGY_SMALL_TABLE_H_

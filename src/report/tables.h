// SPDX-License-Identifier: Apache-2.0
// The parts of RenderTable() and its like.
#ifndef OPCOST_SRC_REPORT_TABLES_H_
#define OPCOST_SRC_REPORT_TABLES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "opcost/energy/cost_table.h"
#include "opcost/report/report.h"

namespace opcost {

// A price of two tables; null where a table lacks it.
struct PricePair {
  const CostTable::Entry* a = nullptr;
  const CostTable::Entry* b = nullptr;
};

// The keys whose price, range or expansion differs, or that one table alone
// has: in the order of `a`, then what `b` adds.
std::vector<PricePair> DifferingPrices(absl::Span<const CostTable::Entry> a,
                                       absl::Span<const CostTable::Entry> b);

// The capacity of a tier that two tables have; nullopt: unbounded.
struct CapacityPair {
  std::string tier;
  std::optional<int64_t> a_bytes, b_bytes;
};

// The tiers of both tables, by name, whose capacities differ, as `a` orders
// them.
std::vector<CapacityPair> DifferingCapacities(const CostTable& a,
                                              const CostTable& b);

// The documents of schemas/tables.schema.json; kJsonl is one line.
std::string TableListAsJson(const TableLibrary& library, Format format);
std::string TableAsJson(const CostTable& table, Format format);
std::string TableDiffAsJson(const CostTable& a, const CostTable& b,
                            Format format);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_TABLES_H_

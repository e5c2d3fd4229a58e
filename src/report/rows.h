// SPDX-License-Identifier: Apache-2.0
// What every format shows: layers or operators, sorted and cut.
#ifndef OPCOST_SRC_REPORT_ROWS_H_
#define OPCOST_SRC_REPORT_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "opcost/energy/estimate.h"
#include "opcost/report/report.h"

namespace opcost {

// A layer, all layers of an operator, or the layers that aren't shown.
struct ReportRow {
  std::string name;  // of a group: the operator
  std::string op;
  const LayerEstimate* layer = nullptr;  // null for several
  int64_t layers = 0;
  int64_t times = 0;  // of a group: the sum
  int64_t unknown_layers = 0;
  int64_t bound_layers = 0;
  int64_t view_layers = 0;
  bool is_shown_alone = false;  // false: sums what isn't a row itself
  Sums sums;                    // of the layers that are known

  bool is_unknown() const { return unknown_layers == layers; }
  bool is_view() const { return view_layers == layers; }
  // "exact", "bound", "unknown"; a sum that leaves something out is a
  // "lower-bound", or "indeterminate" if there is an upper bound in it too.
  absl::string_view status() const;
  // "", "<=", ">=" or "~".
  absl::string_view sign() const;
};

struct ReportRows {
  std::vector<ReportRow> rows;
  std::optional<ReportRow> others;  // if `top` cuts
};

// Ties keep the order of the graph.
ReportRows SelectRows(const Estimate& estimate, const RenderOptions& options);

// What users call the operator: "Conv", "com.microsoft.FusedMatMul".
std::string OpName(const Node& node);
// The type of the node's first output that is there; nullptr if none is.
const ValueType* OutputType(const Estimate& estimate, const LayerCounts& layer);
// How the layer's weights are stored; nullptr where no other format than dense
// was asked for.
const LayerStorage* StorageOf(const Estimate& estimate,
                              const LayerEstimate& layer);
// "dense", "csr", "nm 2:4"; empty for a layer without weights.
std::string StorageLabel(const Estimate& estimate, const LayerEstimate& layer);
// The value's name; empty for an absent operand.
absl::string_view ValueName(const Analysis& analysis, ValueIndex value);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_ROWS_H_

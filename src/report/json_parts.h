// SPDX-License-Identifier: Apache-2.0
// What the JSON documents of an estimate share, with prices or symbolic: each
// writes one member.
#ifndef OPCOST_SRC_REPORT_JSON_PARTS_H_
#define OPCOST_SRC_REPORT_JSON_PARTS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/support/diagnostics.h"
#include "src/report/json_writer.h"

namespace opcost {

void WriteModel(const Analysis& analysis, JsonWriter& json);
void WriteOptions(const Analysis& analysis, const CostTable& table,
                  const EstimateOptions& options, bool is_symbolic,
                  JsonWriter& json);
void WriteTable(const CostTable& table, JsonWriter& json);
// The values' names, under `key`.
void WriteNames(absl::string_view key, const Analysis& analysis,
                absl::Span<const ValueIndex> values, JsonWriter& json);
void WriteNotes(const Coverage& coverage, absl::string_view of_storage,
                JsonWriter& json);
// "folded": the nodes that the layer took in; nothing if it took none.
void WriteFoldings(const Analysis& analysis, const LayerCounts& layer,
                   JsonWriter& json);
void WriteWarnings(const Diagnostics& diagnostics, JsonWriter& json);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_JSON_PARTS_H_

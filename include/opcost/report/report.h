// SPDX-License-Identifier: Apache-2.0
// An estimate as a document. The same estimate gives the same bytes.
#ifndef OPCOST_REPORT_REPORT_H_
#define OPCOST_REPORT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/estimate.h"
#include "opcost/energy/symbolic.h"

namespace opcost {

enum class Format : uint8_t { kText, kJson, kJsonl, kCsv, kMarkdown };
enum class GroupBy : uint8_t { kLayer, kOp };
enum class SortBy : uint8_t { kOrder, kEnergy, kMacs, kName };
enum class Unit : uint8_t { kAuto, kPj, kNj, kUj, kMj, kJ };

struct RenderOptions {
  Format format = Format::kText;
  GroupBy group_by = GroupBy::kLayer;
  SortBy sort_by = SortBy::kOrder;
  // Text and markdown: the rows of most energy that are shown; a last row sums
  // the others. nullopt: all. JSON, JSONL and CSV keep the largest `top` only
  // if the user asked.
  std::optional<int64_t> top;
  Unit unit = Unit::kAuto;
  int width = 100;     // columns of the terminal, text alone; below 1: no limit
  bool color = false;  // ANSI sequences; text alone
  // Of text: 1 (-v) lists every upper bound; -1 (-q) lists none, and only the
  // first unknown layers. Warnings and notes are no part of text: whoever calls
  // shows `Estimate::diagnostics` beside it.
  int verbosity = 0;
};

// The report in the chosen format. Text is UTF-8 with a code point taken as a
// column; no line is longer than `width`: columns are dropped, and names lose
// their middle. Unknown layers' numbers are "?" in text and markdown, null in
// JSON, empty in CSV. JSON is schemas/report.schema.json's.
std::string RenderEstimate(const Estimate& estimate,
                           const RenderOptions& options);

// `--symbolic`: the counts as expressions, without energies. JSON and JSONL
// have counts as strings; text and markdown don't cut expressions short,
// however long. `sort_by` other than order and name has no meaning, nor has
// `top`.
std::string RenderSymbolic(const SymbolicEstimate& estimate,
                           const RenderOptions& options);

// `opcost shapes`: every value's type, graph order. Text or JSON
// (opcost.shapes/1); markdown and CSV too.
std::string RenderShapes(const Analysis& analysis,
                         const RenderOptions& options);

// `opcost explain`: how each number of a layer comes about; of all layers if
// `layer` is empty. Errors: no such layer (NOT_FOUND, with near matches); a
// format other than text and markdown (INVALID_ARGUMENT).
absl::StatusOr<std::string> Explain(const Estimate& estimate,
                                    absl::string_view layer,
                                    const RenderOptions& options);

// `opcost tables ...`: the tables there are, the prices of one with their
// sources, and the prices in which two differ.
std::string RenderTableList(const TableLibrary& library,
                            const RenderOptions& options);
std::string RenderTable(const CostTable& table, const RenderOptions& options);
std::string RenderTableDiff(const CostTable& a, const CostTable& b,
                            const RenderOptions& options);

// "714.2 M", "61.1 k", "1.23 G", "12": two digits behind the point below 10,
// one above; decimal prefixes k M G T P E.
std::string HumanCount(int64_t count);
// "412.5 mJ"; in `unit`, or the largest that keeps the number at 1 or above. A
// relative table's energies are "1.23 G MAC".
std::string HumanEnergy(double pj, Unit unit, EnergyUnit table_unit);
// "244.4 MB" (decimal, as files are sold), "12 B".
std::string HumanBytes(int64_t bytes);

}  // namespace opcost

#endif  // OPCOST_REPORT_REPORT_H_

// SPDX-License-Identifier: Apache-2.0
// Reports side by side: layers aligned, each difference taken apart.
#ifndef OPCOST_REPORT_COMPARISON_H_
#define OPCOST_REPORT_COMPARISON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/ir/data_type.h"
#include "opcost/report/report.h"
#include "opcost/support/diagnostics.h"

namespace opcost {

// What a report says of a layer's arithmetic and of its traffic: its rows. All
// energies of this file are in the table's unit (pJ, or MACs of a relative
// table).
struct SideArithmetic {
  std::string op;  // "mul", "add", "mac", "tanh"
  NumberFormat format;
  NumberFormat second;  // a MAC's other operand
  int64_t count = 0;
  double pj = 0;
};
struct SideTraffic {
  std::string array;
  std::string role;
  NumberFormat format;
  int tier = 0;  // into ComparisonSide::tiers
  int64_t reads = 0;
  int64_t writes = 0;
  double pj = 0;
};

// Energies by operation.
struct SideEnergies {
  double mul = 0, add = 0, read = 0, write = 0, static_pj = 0, total = 0;
};

struct SideLayer {
  std::string name;
  std::string op;             // "Conv", "com.microsoft.FusedMatMul"
  std::string shape;          // of its output: "1x64x55x55"
  std::string status;         // "exact", "bound", "unknown"
  std::string weight_format;  // "dense", "csr"; empty: it has no weights
  int64_t macs = 0;
  std::vector<SideArithmetic> arithmetic;
  std::vector<SideTraffic> traffic;
  SideEnergies energies;  // zeros if it is unknown

  bool is_unknown() const { return status == "unknown"; }
};

struct SideTier {
  std::string name;
  int64_t reads = 0;
  int64_t writes = 0;
  double pj = 0;
};

// One side of a comparison: a report, of a model or read back from a file.
struct ComparisonSide {
  std::string name;  // as the user gave it: "int8.onnx@weights=nm"
  bool is_saved = false;
  std::vector<SideLayer> layers;
  TotalStatus status = TotalStatus::kExact;
  int64_t macs = 0;
  int64_t parameters = 0;
  int64_t weight_bytes = 0;
  int64_t samples = 1;
  SideEnergies totals;
  std::vector<SideTier> tiers;
  std::string table;  // its name
  std::string table_digest;
  EnergyUnit unit = EnergyUnit::kPicojoule;
  // Name by name, a value as JSON: {"bits", "null"}, {"dims.N", "1"}.
  std::map<std::string, std::string> options;
  // The report without its layers, as JSON.
  std::string report;
  // The same layers under BASE's table; empty: it is their own.
  std::vector<SideLayer> at_base_prices;
  // The same layers with their weights stored dense, under BASE's table; empty:
  // they are, or nobody knows, as of a saved report.
  std::vector<SideLayer> dense;
  // Why it can't be priced by BASE's table; empty: it can.
  std::string split_problem;
};

// `estimate`, which need not outlive the result. `name` is the user's.
ComparisonSide SideOf(const Estimate& estimate, absl::string_view name);
// The layers of `estimate` alone.
std::vector<SideLayer> SideLayersOf(const Estimate& estimate);

// A report that RenderEstimate() wrote as JSON; `path` is its name, and that of
// its side.
//
// Errors (INVALID_ARGUMENT, "path: place: what"): not JSON; another schema, or
// a symbolic report; a member that is missing or of another type; layers cut
// off by --top.
absl::StatusOr<ComparisonSide> ParseReport(absl::string_view path,
                                           absl::string_view text);

// Where the difference between two aligned layers comes from: variant less
// BASE, so that savings are negative. Its parts are the steps of one path, each
// of which changes one thing and is priced by BASE's table:
//   format    how weights are stored: from BASE's layer to the same one stored
//             dense, and from the variant's stored dense to the variant's, with
//             all that comes of it (index arrays, smaller arrays' tiers);
//             nothing where both are stored in one format
//   counts    the variant's numbers of operations, reads and writes, in BASE's
//             number formats and tiers
//   width     the variant's number formats, in BASE's tiers
//   tier      the variant's tiers
//   static    power that doesn't depend on the work
//   prices    the variant's table in place of BASE's
//   unmatched a layer without a partner
struct Difference {
  double format = 0;
  double counts = 0;
  double width = 0;
  double tier = 0;
  double static_pj = 0;
  double prices = 0;
  double unmatched = 0;

  double sum() const {
    return format + counts + width + tier + static_pj + prices + unmatched;
  }
  Difference& operator+=(const Difference& other);
};

// Layers of the sides that correspond to each other.
struct ComparedLayer {
  // Of each side, into its layers; -1: it has none.
  std::vector<int> layers;
  // Of each side, from BASE; nullopt of BASE itself, and where a layer is
  // unknown or can't be priced again.
  std::vector<std::optional<Difference>> differences;
};

struct Comparison {
  std::vector<ComparisonSide> sides;  // BASE first
  // In BASE's order; what BASE lacks stands behind what it follows elsewhere.
  std::vector<ComparedLayer> layers;
  std::vector<double> ratios;           // of totals, over BASE's
  std::vector<Difference> differences;  // of totals, from BASE's
  bool is_split = false;  // false: differences are of `unmatched` alone
  Diagnostics diagnostics;

  // nullptr: side `side` has no such layer.
  const SideLayer* Find(const ComparedLayer& layer, size_t side) const {
    const int index = layer.layers[side];
    return index < 0 ? nullptr
                     : &sides[side].layers[static_cast<size_t>(index)];
  }
};

// `variant` over `base`; 1 if both are 0, infinity if `base` alone is.
double Ratio(double variant, double base);

// Aligns the sides and takes their differences apart. `base_table` is the table
// that BASE was priced with; nullptr: it isn't at hand, and no difference is
// split.
//
// Errors (INVALID_ARGUMENT): fewer than two sides; tables in different units;
// where a side is a saved report, options or tables that differ: all that do,
// of the first side that does.
absl::StatusOr<Comparison> Compare(std::vector<ComparisonSide> sides,
                                   const CostTable* base_table);

// The comparison in the chosen format; JSON is that of
// schemas/comparison.schema.json. Text is no wider than `width`: columns are
// dropped.
std::string RenderComparison(const Comparison& comparison,
                             const RenderOptions& options);

}  // namespace opcost

#endif  // OPCOST_REPORT_COMPARISON_H_

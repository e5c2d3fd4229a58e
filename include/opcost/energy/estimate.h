// SPDX-License-Identifier: Apache-2.0
// Counts times prices.
#ifndef OPCOST_ENERGY_ESTIMATE_H_
#define OPCOST_ENERGY_ESTIMATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/memory/formats.h"
#include "opcost/memory/storage.h"
#include "opcost/memory/traffic.h"
#include "opcost/support/diagnostics.h"

namespace opcost {

struct EstimateOptions {
  FormatOptions formats;
  MemoryOptions memory;
  StorageOptions storage;
};

// An energy with the range that its prices allow; without ranges the three are
// equal. In the table's unit (pJ, or MACs of a relative table).
struct Energy {
  double pj = 0;
  double min_pj = 0;
  double max_pj = 0;

  Energy& operator+=(const Energy& other) {
    pj += other.pj;
    min_pj += other.min_pj;
    max_pj += other.max_pj;
    return *this;
  }
};

// `count` times `price`, computed once.
Energy Times(int64_t count, const Price& price);

// What a priced arithmetic row stands for.
enum class PricedOp : uint8_t { kMul, kAdd, kMac, kFunction };

// One row of a layer's arithmetic: muls or adds (functions expanded into them
// included), whole MACs, or evaluations of a function that has its own price.
struct PricedArith {
  PricedOp op = PricedOp::kMul;
  ArithOp function = ArithOp::kMul;  // kFunction alone
  NumberFormat format;
  NumberFormat second;  // kMac: the other operand's format
  int64_t count = 0;
  const Price* price = nullptr;  // owned by the Estimate
  Energy energy;
};
// "mul", "add", "mac", "tanh".
absl::string_view Name(const PricedArith& row);

struct PricedTraffic {
  ArrayTraffic traffic;
  const Price* read_price = nullptr;   // null if there are no reads
  const Price* write_price = nullptr;  // null if there are no writes
  Energy read, write;
};

// Sums of a layer or of the model. MACs priced whole and functions priced
// directly are under `mul`; a MAC counts as one mul and one add whatever it is
// priced by.
struct Sums {
  int64_t macs = 0, mul = 0, add = 0, reads = 0, writes = 0;
  Energy mul_energy, add_energy, read_energy, write_energy;
  double seconds = 0;  // 0 unless the table has a static section
  double static_pj = 0;
  Energy total;  // static energy included
};

struct LayerEstimate {
  const LayerCounts* layer = nullptr;
  bool is_view = false;  // moves nothing in these formats
  absl::InlinedVector<PricedArith, 2> arithmetic;
  absl::InlinedVector<PricedTraffic, 4> traffic;
  Sums sums;
};

enum class TotalStatus : uint8_t {
  kExact,          // "="
  kUpperBound,     // "<="
  kLowerBound,     // ">=": a layer is unknown
  kIndeterminate,  // "~": both
};
// "exact", "upper-bound", "lower-bound", "indeterminate"; "=", "<=", ">=", "~".
absl::string_view Name(TotalStatus status);
absl::string_view Sign(TotalStatus status);

struct TierSums {
  int64_t reads = 0, writes = 0;
  Energy read_energy, write_energy;
};

// A function's evaluations and what they were expanded into, for `explain`.
struct Expansion {
  ArithOp function = ArithOp::kDiv;
  FunctionCost cost;
};

// A priced model. Refers to the analysis and the table, which must outlive it.
struct Estimate {
  // The given one, or `stored`.
  const Analysis* analysis = nullptr;
  // Its copy with the counts of the weights' formats, and how each layer's are
  // stored; null and empty where the options ask for nothing but dense.
  std::shared_ptr<const Analysis> stored;
  std::vector<LayerStorage> storage;
  const CostTable* table = nullptr;
  EstimateOptions options;
  std::vector<LayerEstimate> layers;  // as analysis->layers
  // Total counts times prices, not the sum of rounded rows.
  Sums totals;
  TotalStatus status = TotalStatus::kExact;
  // The total if each array moved once (cost model, section 7).
  double once_pj = 0;
  std::vector<TierSums> by_tier;       // as table->tiers()
  std::vector<PricedArith> by_format;  // total arithmetic, by operation, format
  // The analysis's, then those of pricing: interpolated prices, 8-bit floats,
  // arrays near a tier's boundary, missing rates.
  Diagnostics diagnostics;
  bool has_range = false;  // a price in use has one
  // Owns what the rows' pointers refer to.
  std::shared_ptr<const void> prices;
};

// Prices every layer of `analysis`, its weights stored as the options say.
//
// Errors: those of Place() and FindStorage(); a price that the table lacks
// (FAILED_PRECONDITION, naming table and entry); a total beyond 63 bits
// (OUT_OF_RANGE).
absl::StatusOr<Estimate> MakeEstimate(const Analysis& analysis,
                                      const CostTable& table,
                                      const EstimateOptions& options);

}  // namespace opcost

#endif  // OPCOST_ENERGY_ESTIMATE_H_

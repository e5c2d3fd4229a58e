// SPDX-License-Identifier: Apache-2.0
// Where arrays live, and what each memory tier sees of their uses.
#ifndef OPCOST_MEMORY_TRAFFIC_H_
#define OPCOST_MEMORY_TRAFFIC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"
#include "opcost/ir/data_type.h"
#include "opcost/memory/formats.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// A level of the memory hierarchy.
struct Tier {
  std::string name;
  std::optional<int64_t> capacity_bytes;  // nullopt: unbounded, the last one

  friend bool operator==(const Tier&, const Tier&) = default;
};

// ceil(elements * width / 8); nullopt if it doesn't fit 63 bits.
std::optional<int64_t> SizeInBytes(int64_t elements, int width_bits);

// The index of the smallest of `tiers` (nearest first, the last unbounded) that
// holds `size_bytes`, boundary included (cost model, 3.2, after Wiedemann et
// al.).
int TierFor(int64_t size_bytes, absl::Span<const Tier> tiers);

enum class Movement : uint8_t { kPerUse, kOnce };
enum class ArrayScope : uint8_t { kTensor, kOperand };

// Cost model, section 7.
struct MemoryOptions {
  Movement movement = Movement::kPerUse;
  // --reads: by role, before `movement`.
  std::optional<Movement> weight_reads, input_reads, bias_reads;
  ArrayScope array_scope = ArrayScope::kTensor;
  std::optional<std::string> weights_from;  // --weights-from: a tier's name
};

// What one layer does to one array, as its tier sees it. Counts are of all runs
// of the layer.
struct ArrayTraffic {
  absl::string_view array;  // the value's name; refers to the model
  // Set for scratch, which goes by the layer's first output: `array`.
  absl::string_view scratch_name;
  // Set for the arrays of indices of a compressed matrix, which goes by its
  // own name: `array`.
  absl::string_view part;
  Role role = Role::kInput;
  NumberFormat format;
  int64_t bytes = 0;  // of the array, by the chosen array scope
  int tier = 0;
  int64_t reads = 0;
  int64_t writes = 0;
  bool is_cold_read = false;  // the extra reads of --weights-from

  // The array's name; "<output>#<scratch name>" for scratch, "<weight>#<part>"
  // for a part.
  std::string name() const;
};

using LayerTraffic = absl::InlinedVector<ArrayTraffic, 4>;

// The traffic of every layer of `analysis`, in its order; empty for views and
// unknown layers. Operands that are the same array share a row.
//
// Errors: `weights_from` names no tier (INVALID_ARGUMENT, with the tiers there
// are); a size or count beyond 63 bits (OUT_OF_RANGE).
absl::StatusOr<std::vector<LayerTraffic>> Place(const Analysis& analysis,
                                                const Formats& formats,
                                                absl::Span<const Tier> tiers,
                                                const MemoryOptions& options);

// Reads and writes of elements of one format at one tier.
struct TierTraffic {
  int tier = 0;
  NumberFormat format;
  int64_t reads = 0;
  int64_t writes = 0;
};

// The rows of Place(), summed over layers and arrays: cheaper, as no row is
// kept. In the order in which tiers and formats first occur.
//
// Errors: those of Place(); a sum beyond 63 bits (OUT_OF_RANGE).
absl::StatusOr<std::vector<TierTraffic>> PlaceSums(
    const Analysis& analysis, const Formats& formats,
    absl::Span<const Tier> tiers, const MemoryOptions& options);

// Place(), and PlaceSums() of compulsory traffic (every role kOnce, no cold
// reads) from the same walk.
//
// Errors: those of Place(); a sum beyond 63 bits (OUT_OF_RANGE).
struct Placement {
  std::vector<LayerTraffic> layers;
  std::vector<TierTraffic> once;
};
absl::StatusOr<Placement> PlaceBoth(const Analysis& analysis,
                                    const Formats& formats,
                                    absl::Span<const Tier> tiers,
                                    const MemoryOptions& options);

}  // namespace opcost

#endif  // OPCOST_MEMORY_TRAFFIC_H_

// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/traffic.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();

// An array's uses by one run of a layer, before a memory model sees them.
struct Uses {
  ValueIndex value = kAbsent;  // kAbsent for scratch
  absl::string_view scratch_name;
  absl::string_view part;
  Access::Side side = Access::Side::kInput;
  Role role = Role::kInput;
  NumberFormat format;
  int64_t elements = 0;        // as stored
  int64_t scope_elements = 0;  // by the chosen array scope
  int64_t reads = 0;
  int64_t writes = 0;
};

using LayerUses = absl::InlinedVector<Uses, 6>;

// Reads and writes of all runs.
struct Moved {
  int64_t reads = 0;
  int64_t writes = 0;
};

// What of a shared tensor has been used, and read cold, by the layers so far.
struct ColdReads {
  int64_t uses = 0;
  int64_t charged = 0;
};

// An array of indices of a compressed matrix: stored with it, as weights are.
bool IsWeightPart(const Uses& uses) { return !uses.part.empty(); }

int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kMaxInt64 : sum;
}

int64_t SaturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMaxInt64 : product;
}

// Walks the layers of one analysis; hands each row to a sink.
class Placer {
 public:
  Placer(const Analysis& analysis, const Formats& formats,
         absl::Span<const Tier> tiers, const MemoryOptions& options)
      : analysis_(analysis),
        formats_(formats),
        tiers_(tiers),
        options_(options) {}

  // INVALID_ARGUMENT if there is no tier, or none called `weights_from`.
  absl::Status Prepare();

  // Calls sink(layer, uses, bytes, tier, moved, is_cold_read) for each row, and
  // once(placer, layer, uses, tier) for each array.
  template <typename Sink, typename Once>
  absl::Status Run(const LayerCounts& layer, const Sink& sink,
                   const Once& once);
  // What all runs of the layer move.
  absl::StatusOr<Moved> Move(const LayerCounts& layer, const Uses& uses,
                             Movement movement) const;

 private:
  absl::Status Collect(const LayerCounts& layer, LayerUses& all) const;
  absl::Status Merge(const LayerCounts& layer, const Uses& uses,
                     LayerUses& all) const;
  Movement MovementOf(const Uses& uses) const;
  bool IsConstant(const Uses& uses) const;
  int64_t ReadCold(const LayerCounts& layer, const Uses& uses);
  ValueIndex Parameter(ValueIndex value) const;

  const Analysis& analysis_;
  const Formats& formats_;
  absl::Span<const Tier> tiers_;
  const MemoryOptions& options_;
  std::optional<int> cold_tier_;
  // By parameter, the format that it is stored in, and part.
  absl::flat_hash_map<std::tuple<ValueIndex, StorageFormat, absl::string_view>,
                      ColdReads>
      cold_;
};

absl::Status TooLarge(const LayerCounts& layer, absl::string_view what) {
  return absl::OutOfRangeError(
      absl::StrCat(layer.node->op_type, " '", layer.name, "': the number of ",
                   what, " doesn't fit 63 bits; reduce the input's extents"));
}

// Takes the number, which binding the graph's inputs has made concrete.
absl::Status TakeNumber(const LayerCounts& layer, const Count& count,
                        absl::string_view what, int64_t* number) {
  if (count.is_concrete()) {
    *number = count.value();
    return absl::OkStatus();
  }
  if (count.overflowed()) return TooLarge(layer, what);
  return absl::FailedPreconditionError(absl::StrCat(
      layer.node->op_type, " '", layer.name, "': the number of ", what, " is ",
      count.ToString(), "; give the sizes with --dim"));
}

absl::Status Placer::Prepare() {
  if (tiers_.empty()) {
    return absl::InvalidArgumentError("there is no memory tier");
  }
  if (!options_.weights_from.has_value()) return absl::OkStatus();
  for (size_t t = 0; t < tiers_.size(); ++t) {
    if (tiers_[t].name == *options_.weights_from) {
      cold_tier_ = static_cast<int>(t);
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--weights-from: there is no memory tier '", *options_.weights_from,
      "'; the table's tiers are ",
      absl::StrJoin(tiers_, ", ", [](std::string* out, const Tier& tier) {
        absl::StrAppend(out, tier.name);
      })));
}

absl::Status Placer::Merge(const LayerCounts& layer, const Uses& uses,
                           LayerUses& all) const {
  const auto same = [&uses](const Uses& other) {
    return other.value == uses.value && other.side == uses.side &&
           other.scratch_name == uses.scratch_name && other.part == uses.part &&
           other.format == uses.format;
  };
  const auto known = std::find_if(all.begin(), all.end(), same);
  if (known == all.end()) {
    all.push_back(uses);
    return absl::OkStatus();
  }
  known->elements = std::max(known->elements, uses.elements);
  known->scope_elements = std::max(known->scope_elements, uses.scope_elements);
  if (__builtin_add_overflow(known->reads, uses.reads, &known->reads)) {
    return TooLarge(layer, "reads");
  }
  if (__builtin_add_overflow(known->writes, uses.writes, &known->writes)) {
    return TooLarge(layer, "writes");
  }
  return absl::OkStatus();
}

absl::Status Placer::Collect(const LayerCounts& layer, LayerUses& all) const {
  for (const Access& access : layer.counts.accesses) {
    Uses uses;
    uses.side = access.side;
    uses.role = access.role;
    uses.part = access.part;
    uses.format = formats_.OfAccess(layer, access);
    const auto index = static_cast<size_t>(access.index);
    if (access.side == Access::Side::kInput) {
      uses.value = layer.inputs()[index];
    } else if (access.side == Access::Side::kOutput) {
      uses.value = layer.outputs()[index];
    } else {
      uses.scratch_name = access.scratch_name;
    }
    OPCOST_RETURN_IF_ERROR(
        TakeNumber(layer, access.elements, "elements", &uses.elements));
    uses.scope_elements = uses.elements;
    if (options_.array_scope == ArrayScope::kOperand) {
      OPCOST_RETURN_IF_ERROR(TakeNumber(layer, access.operand_elements,
                                        "elements of an operand",
                                        &uses.scope_elements));
    }
    OPCOST_RETURN_IF_ERROR(
        TakeNumber(layer, access.reads, "reads", &uses.reads));
    OPCOST_RETURN_IF_ERROR(
        TakeNumber(layer, access.writes, "writes", &uses.writes));
    OPCOST_RETURN_IF_ERROR(Merge(layer, uses, all));
  }
  return absl::OkStatus();
}

Movement Placer::MovementOf(const Uses& uses) const {
  if (uses.side != Access::Side::kInput) return options_.movement;
  if (IsWeightPart(uses)) {
    return options_.weight_reads.value_or(options_.movement);
  }
  switch (uses.role) {
    case Role::kWeight:
      return options_.weight_reads.value_or(options_.movement);
    case Role::kInput:
      return options_.input_reads.value_or(options_.movement);
    case Role::kBias:
      return options_.bias_reads.value_or(options_.movement);
    default:
      return options_.movement;
  }
}

bool Placer::IsConstant(const Uses& uses) const {
  return uses.value != kAbsent &&
         analysis_.values[static_cast<size_t>(uses.value)].is_constant;
}

absl::StatusOr<Moved> Placer::Move(const LayerCounts& layer, const Uses& uses,
                                   Movement movement) const {
  Moved run{uses.reads, uses.writes};
  const bool once = movement == Movement::kOnce;
  if (once) {
    if (uses.side == Access::Side::kScratch) return Moved{};
    // What a layer rereads of its own output never left the datapath.
    run.reads = uses.side == Access::Side::kInput
                    ? std::min(run.reads, uses.elements)
                    : 0;
    run.writes = std::min(run.writes, uses.elements);
  }
  Moved all;
  if (__builtin_mul_overflow(run.reads, layer.times, &all.reads)) {
    return TooLarge(layer, "reads");
  }
  if (__builtin_mul_overflow(run.writes, layer.times, &all.writes)) {
    return TooLarge(layer, "writes");
  }
  // A constant is the same array in every run.
  if (once && IsConstant(uses)) {
    all.reads = std::min(all.reads, uses.elements);
  }
  return all;
}

// The value whose elements `value` holds in another order or place.
ValueIndex Placer::Parameter(ValueIndex value) const {
  const Graph& graph = *analysis_.graph;
  for (;;) {
    const Value& named = graph.values[static_cast<size_t>(value)];
    if (named.producer < 0) return value;
    const Node& node = graph.nodes[static_cast<size_t>(named.producer)];
    const OpDef* def = FindOperator(analysis_.operators.get(), node);
    if (def == nullptr || !def->moves_only || node.inputs.empty() ||
        node.inputs[0] == kAbsent) {
      return value;
    }
    value = node.inputs[0];
  }
}

// The elements of a constant that this layer is the first to use.
int64_t Placer::ReadCold(const LayerCounts& layer, const Uses& uses) {
  if (!cold_tier_.has_value() || !IsConstant(uses) ||
      uses.side != Access::Side::kInput ||
      (uses.role != Role::kWeight && uses.role != Role::kBias &&
       !IsWeightPart(uses))) {
    return 0;
  }
  // What two formats keep of one tensor is stored twice.
  const StorageFormat format =
      uses.role == Role::kBias ? StorageFormat::kDense : layer.storage;
  ColdReads& so_far = cold_[{Parameter(uses.value), format, uses.part}];
  so_far.uses =
      SaturatingAdd(so_far.uses, SaturatingMultiply(uses.reads, layer.times));
  const int64_t needed = std::min(so_far.uses, uses.elements);
  const int64_t fresh = std::max<int64_t>(needed - so_far.charged, 0);
  so_far.charged += fresh;
  return fresh;
}

template <typename Sink, typename Once>
absl::Status Placer::Run(const LayerCounts& layer, const Sink& sink,
                         const Once& once) {
  if (layer.coverage.status == Coverage::Status::kUnknown ||
      formats_.IsView(layer)) {
    return absl::OkStatus();
  }
  LayerUses all;
  OPCOST_RETURN_IF_ERROR(Collect(layer, all));
  for (const Uses& uses : all) {
    const std::optional<int64_t> bytes =
        SizeInBytes(uses.scope_elements, uses.format.width_bits);
    if (!bytes.has_value()) return TooLarge(layer, "bytes of an array");
    const int tier = TierFor(*bytes, tiers_);
    OPCOST_ASSIGN_OR_RETURN(const Moved moved,
                            Move(layer, uses, MovementOf(uses)));
    if (moved.reads != 0 || moved.writes != 0) {
      OPCOST_RETURN_IF_ERROR(sink(layer, uses, *bytes, tier, moved, false));
    }
    OPCOST_RETURN_IF_ERROR(once(*this, layer, uses, tier));
    const int64_t cold = ReadCold(layer, uses);
    if (cold != 0) {
      OPCOST_RETURN_IF_ERROR(
          sink(layer, uses, *bytes, *cold_tier_, Moved{cold, 0}, true));
    }
  }
  return absl::OkStatus();
}

// Scratch goes by the layer's first output, which it helps to compute.
absl::string_view ArrayOf(const Analysis& analysis, const LayerCounts& layer,
                          const Uses& uses) {
  const std::vector<Value>& values = analysis.graph->values;
  if (uses.side != Access::Side::kScratch) {
    return values[static_cast<size_t>(uses.value)].name;
  }
  for (const ValueIndex output : layer.outputs()) {
    if (output != kAbsent) return values[static_cast<size_t>(output)].name;
  }
  return layer.name;
}

// Adds to the sum of `tier` and `format`. OUT_OF_RANGE if it doesn't fit.
absl::Status AddTo(std::vector<TierTraffic>& sums, int tier,
                   const NumberFormat& format, const Moved& moved) {
  const auto known =
      std::find_if(sums.begin(), sums.end(), [&](const TierTraffic& sum) {
        return sum.tier == tier && sum.format == format;
      });
  TierTraffic& sum = known != sums.end()
                         ? *known
                         : sums.emplace_back(TierTraffic{tier, format, 0, 0});
  if (__builtin_add_overflow(sum.reads, moved.reads, &sum.reads) ||
      __builtin_add_overflow(sum.writes, moved.writes, &sum.writes)) {
    return absl::OutOfRangeError(
        "the model's reads or writes don't fit 63 bits; reduce the input's "
        "extents");
  }
  return absl::OkStatus();
}

constexpr auto kNothing = [](const Placer&, const LayerCounts&, const Uses&,
                             int) { return absl::OkStatus(); };

// The rows of each layer; `once` sees each array too.
template <typename Once>
absl::Status PlaceRows(const Analysis& analysis, const Formats& formats,
                       absl::Span<const Tier> tiers,
                       const MemoryOptions& options, const Once& once,
                       std::vector<LayerTraffic>* result) {
  Placer placer(analysis, formats, tiers, options);
  OPCOST_RETURN_IF_ERROR(placer.Prepare());
  result->resize(analysis.layers.size());
  for (size_t i = 0; i < analysis.layers.size(); ++i) {
    LayerTraffic& rows = (*result)[i];
    const auto keep = [&](const LayerCounts& layer, const Uses& uses,
                          int64_t bytes, int tier, const Moved& moved,
                          bool is_cold_read) {
      ArrayTraffic& row = rows.emplace_back();
      row.array = ArrayOf(analysis, layer, uses);
      row.scratch_name = uses.scratch_name;
      row.part = uses.part;
      row.role = uses.role;
      row.format = uses.format;
      row.bytes = bytes;
      row.tier = tier;
      row.reads = moved.reads;
      row.writes = moved.writes;
      row.is_cold_read = is_cold_read;
      return absl::OkStatus();
    };
    OPCOST_RETURN_IF_ERROR(placer.Run(analysis.layers[i], keep, once));
  }
  return absl::OkStatus();
}

}  // namespace

std::string ArrayTraffic::name() const {
  const absl::string_view inner = scratch_name.empty() ? part : scratch_name;
  return inner.empty() ? std::string(array) : absl::StrCat(array, "#", inner);
}

std::optional<int64_t> SizeInBytes(int64_t elements, int width_bits) {
  if (elements < 0 || width_bits < 0) return std::nullopt;
  // 63 bits times 31 bits fit 128.
  __extension__ using Wide = __int128;
  const Wide bytes = (static_cast<Wide>(elements) * width_bits + 7) / 8;
  if (bytes > kMaxInt64) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

int TierFor(int64_t size_bytes, absl::Span<const Tier> tiers) {
  for (size_t t = 0; t < tiers.size(); ++t) {
    const std::optional<int64_t>& capacity = tiers[t].capacity_bytes;
    if (!capacity.has_value() || size_bytes <= *capacity) {
      return static_cast<int>(t);
    }
  }
  return static_cast<int>(tiers.size()) - 1;
}

absl::StatusOr<std::vector<LayerTraffic>> Place(const Analysis& analysis,
                                                const Formats& formats,
                                                absl::Span<const Tier> tiers,
                                                const MemoryOptions& options) {
  std::vector<LayerTraffic> rows;
  OPCOST_RETURN_IF_ERROR(
      PlaceRows(analysis, formats, tiers, options, kNothing, &rows));
  return rows;
}

absl::StatusOr<std::vector<TierTraffic>> PlaceSums(
    const Analysis& analysis, const Formats& formats,
    absl::Span<const Tier> tiers, const MemoryOptions& options) {
  Placer placer(analysis, formats, tiers, options);
  OPCOST_RETURN_IF_ERROR(placer.Prepare());
  std::vector<TierTraffic> sums;
  const auto add = [&sums](const LayerCounts&, const Uses& uses, int64_t,
                           int tier, const Moved& moved, bool) {
    return AddTo(sums, tier, uses.format, moved);
  };
  for (const LayerCounts& layer : analysis.layers) {
    OPCOST_RETURN_IF_ERROR(placer.Run(layer, add, kNothing));
  }
  return sums;
}

absl::StatusOr<Placement> PlaceBoth(const Analysis& analysis,
                                    const Formats& formats,
                                    absl::Span<const Tier> tiers,
                                    const MemoryOptions& options) {
  Placement both;
  const auto add = [&both](const Placer& placer, const LayerCounts& layer,
                           const Uses& uses, int tier) -> absl::Status {
    OPCOST_ASSIGN_OR_RETURN(const Moved moved,
                            placer.Move(layer, uses, Movement::kOnce));
    if (moved.reads == 0 && moved.writes == 0) return absl::OkStatus();
    return AddTo(both.once, tier, uses.format, moved);
  };
  OPCOST_RETURN_IF_ERROR(
      PlaceRows(analysis, formats, tiers, options, add, &both.layers));
  return both;
}

}  // namespace opcost

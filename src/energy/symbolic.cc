// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/symbolic.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/memory/formats.h"
#include "opcost/support/status_macros.h"
#include "src/energy/stored_model.h"
#include "src/energy/total_status.h"

namespace opcost {
namespace {

constexpr absl::string_view kCure =
    "make too long an expression or don't fit 63 bits; give some of the sizes "
    "with --dim";

// What of an array one run of a layer uses.
struct Uses {
  ValueIndex value = kAbsent;  // kAbsent for scratch
  Access::Side side = Access::Side::kInput;
  bool is_part = false;  // of a compressed matrix
  SymbolicTraffic row;
};

class Expander {
 public:
  Expander(const Analysis& analysis, const CostTable& table,
           const EstimateOptions& options)
      : formats_(analysis, options.formats) {
    out_.analysis = &analysis;
    out_.table = &table;
    out_.options = options;
    out_.diagnostics = analysis.diagnostics;
    out_.status = StatusOfTotal(analysis);
  }

  absl::StatusOr<SymbolicEstimate> Run() {
    for (const LayerCounts& layer : out_.analysis->layers) {
      SymbolicLayer& result = out_.layers.emplace_back();
      result.layer = &layer;
      if (layer.coverage.status == Coverage::Status::kUnknown) continue;
      result.is_view = formats_.IsView(layer);
      if (result.is_view) continue;
      OPCOST_RETURN_IF_ERROR(AddArithmetic(layer, result));
      AddTraffic(layer, result);
      if (result.sums.overflowed()) {
        return absl::OutOfRangeError(absl::StrCat(
            layer.node->op_type, " '", layer.name, "': its counts ", kCure));
      }
      out_.totals += result.sums;
    }
    if (out_.totals.overflowed()) {
      return absl::OutOfRangeError(absl::StrCat("the model's counts ", kCure));
    }
    return std::move(out_);
  }

 private:
  static void Add(ArithOp op, const NumberFormat& format, const Count& count,
                  SymbolicLayer& result) {
    if (count.Is(0)) return;
    // As in an Estimate, directly priced functions stand among the muls.
    (op == ArithOp::kAdd ? result.sums.add : result.sums.mul) += count;
    for (SymbolicArith& row : result.arithmetic) {
      if (row.op != op || !(row.format == format)) continue;
      row.count += count;
      return;
    }
    result.arithmetic.push_back({op, format, count});
  }

  absl::Status AddArithmetic(const LayerCounts& layer, SymbolicLayer& result) {
    for (const Arith& arith : layer.counts.arith) {
      const NumberFormat format = formats_.OfArith(layer, arith);
      const Count count = arith.count * Count(layer.times);
      if (arith.op == ArithOp::kMul || arith.op == ArithOp::kAdd) {
        Add(arith.op, format, count, result);
        continue;
      }
      OPCOST_ASSIGN_OR_RETURN(const FunctionCost cost,
                              out_.table->Function(arith.op, format));
      if (cost.price.has_value()) {
        Add(arith.op, format, count, result);
        continue;
      }
      Add(ArithOp::kMul, format, count * Count(cost.mul), result);
      Add(ArithOp::kAdd, format, count * Count(cost.add), result);
    }
    result.sums.macs = layer.counts.macs * Count(layer.times);
    return absl::OkStatus();
  }

  // Operands that are the same array share a row.
  std::vector<Uses> Merged(const LayerCounts& layer) const {
    std::vector<Uses> all;
    const std::vector<Value>& values = out_.analysis->graph->values;
    for (const Access& access : layer.counts.accesses) {
      Uses uses;
      uses.side = access.side;
      const auto index = static_cast<size_t>(access.index);
      if (access.side == Access::Side::kScratch) {
        uses.row.array = absl::StrCat(layer.name, "#", access.scratch_name);
      } else {
        uses.value = access.side == Access::Side::kInput
                         ? layer.inputs()[index]
                         : layer.outputs()[index];
        uses.row.array = values[static_cast<size_t>(uses.value)].name;
        if (!access.part.empty()) {
          absl::StrAppend(&uses.row.array, "#", access.part);
        }
        uses.is_part = !access.part.empty();
      }
      uses.row.role = access.role;
      uses.row.format = formats_.OfAccess(layer, access);
      uses.row.elements = access.elements;
      uses.row.reads = access.reads;
      uses.row.writes = access.writes;
      const auto known =
          std::find_if(all.begin(), all.end(), [&uses](const Uses& other) {
            return other.side == uses.side && other.value == uses.value &&
                   other.row.array == uses.row.array &&
                   other.row.format == uses.row.format;
          });
      if (known == all.end()) {
        all.push_back(std::move(uses));
      } else {
        known->row.elements =
            Count::Max(known->row.elements, uses.row.elements);
        known->row.reads += uses.row.reads;
        known->row.writes += uses.row.writes;
      }
    }
    return all;
  }

  bool MovesOnce(const Uses& uses) const {
    const MemoryOptions& memory = out_.options.memory;
    std::optional<Movement> movement;
    if (uses.side == Access::Side::kInput) {
      if (uses.row.role == Role::kWeight || uses.is_part) {
        movement = memory.weight_reads;
      }
      if (uses.row.role == Role::kInput) movement = memory.input_reads;
      if (uses.row.role == Role::kBias) movement = memory.bias_reads;
    }
    return movement.value_or(memory.movement) == Movement::kOnce;
  }

  void AddTraffic(const LayerCounts& layer, SymbolicLayer& result) const {
    for (Uses& uses : Merged(layer)) {
      SymbolicTraffic& row = uses.row;
      const bool once = MovesOnce(uses);
      if (once && uses.side == Access::Side::kScratch) continue;
      if (once) {
        // What a layer rereads of its own output never left the datapath.
        row.reads = uses.side == Access::Side::kInput
                        ? Count::Min(row.reads, row.elements)
                        : Count(0);
        row.writes = Count::Min(row.writes, row.elements);
      }
      row.reads *= Count(layer.times);
      row.writes *= Count(layer.times);
      const bool is_constant =
          uses.value != kAbsent &&
          out_.analysis->values[static_cast<size_t>(uses.value)].is_constant;
      if (once && is_constant) {
        row.reads = Count::Min(row.reads, row.elements);
      }
      if (row.reads.Is(0) && row.writes.Is(0)) continue;
      result.sums.reads += row.reads;
      result.sums.writes += row.writes;
      result.traffic.push_back(std::move(row));
    }
  }

  Formats formats_;
  SymbolicEstimate out_;
};

}  // namespace

SymbolicSums& SymbolicSums::operator+=(const SymbolicSums& other) {
  macs += other.macs;
  mul += other.mul;
  add += other.add;
  reads += other.reads;
  writes += other.writes;
  return *this;
}

bool SymbolicSums::overflowed() const {
  return macs.overflowed() || mul.overflowed() || add.overflowed() ||
         reads.overflowed() || writes.overflowed();
}

TotalStatus StatusOfTotal(const Analysis& analysis) {
  bool has_bound = false;
  bool has_unknown = false;
  for (const LayerCounts& layer : analysis.layers) {
    has_bound |= layer.coverage.status == Coverage::Status::kBound;
    has_unknown |= layer.coverage.status == Coverage::Status::kUnknown;
  }
  if (has_unknown) {
    return has_bound ? TotalStatus::kIndeterminate : TotalStatus::kLowerBound;
  }
  return has_bound ? TotalStatus::kUpperBound : TotalStatus::kExact;
}

absl::StatusOr<SymbolicEstimate> MakeSymbolicEstimate(
    const Analysis& analysis, const CostTable& table,
    const EstimateOptions& options) {
  if (options.storage.is_plain()) {
    return Expander(analysis, table, options).Run();
  }
  if (!options.storage.format.has_value()) {
    return absl::InvalidArgumentError(
        "which format takes the least energy isn't known of symbols; name one "
        "instead of auto");
  }
  OPCOST_ASSIGN_OR_RETURN(StoredModel model,
                          StoreModel(analysis, table, options));
  OPCOST_ASSIGN_OR_RETURN(SymbolicEstimate estimate,
                          Expander(*model.analysis, table, options).Run());
  estimate.stored = std::move(model.analysis);
  estimate.storage = std::move(model.layers);
  return estimate;
}

}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
#include "src/energy/remarks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"

namespace opcost {
namespace {

// Cost model, 3.2.
constexpr double kNearBoundary = 0.05;
constexpr double kLargeShare = 0.1;

void NoteInterpolated(const Price* price, const std::string& what,
                      Estimate& estimate) {
  if (price == nullptr || !price->is_interpolated) return;
  estimate.diagnostics.Warn(
      "interpolated-price",
      absl::StrCat("table '", estimate.table->name(), "' has no price for ",
                   what, ": computed from ", price->entry));
}

void NoteInterpolatedPrices(const PriceBook& book, Estimate& estimate) {
  for (const PricedArith& row : estimate.by_format) {
    std::string what = absl::StrCat(Name(row), " ", ToString(row.format));
    if (row.op == PricedOp::kMac && row.second != row.format) {
      absl::StrAppend(&what, "*", ToString(row.second));
    }
    NoteInterpolated(row.price, what, estimate);
  }
  for (const MovementLine& line : book.movements()) {
    const std::string where = absl::StrCat(
        " of ", line.format.width_bits, " bits at ",
        estimate.table->tiers()[static_cast<size_t>(line.tier)].name);
    NoteInterpolated(line.read_price, "a read" + where, estimate);
    NoteInterpolated(line.write_price, "a write" + where, estimate);
  }
}

bool IsEightBitFloat(const std::optional<NumberFormat>& format) {
  return format.has_value() && *format == FloatOfWidth(8);
}

// An array within 5 % of a capacity, and all that is paid for it.
struct NearArray {
  const ArrayTraffic* array = nullptr;
  int boundary = 0;  // the tier whose capacity it is near
  int64_t reads = 0;
  int64_t writes = 0;
  double pj = 0;
};

// The tier whose capacity `bytes` is near; -1 if none.
int NearTier(int64_t bytes, absl::Span<const Tier> tiers) {
  for (size_t t = 0; t + 1 < tiers.size(); ++t) {
    const auto capacity = static_cast<double>(*tiers[t].capacity_bytes);
    if (std::abs(static_cast<double>(bytes) - capacity) <=
        kNearBoundary * capacity) {
      return static_cast<int>(t);
    }
  }
  return -1;
}

std::vector<NearArray> CollectNearArrays(const Estimate& estimate) {
  std::vector<NearArray> all;
  for (const LayerEstimate& layer : estimate.layers) {
    for (const PricedTraffic& row : layer.traffic) {
      const ArrayTraffic& array = row.traffic;
      const int boundary = NearTier(array.bytes, estimate.table->tiers());
      if (boundary < 0 || array.is_cold_read) continue;
      const auto same = [&array](const NearArray& other) {
        return other.array->bytes == array.bytes &&
               other.array->format == array.format &&
               other.array->array == array.array &&
               other.array->scratch_name == array.scratch_name &&
               other.array->part == array.part;
      };
      auto known = std::find_if(all.begin(), all.end(), same);
      if (known == all.end()) {
        known = all.insert(known, NearArray{&array, boundary, 0, 0, 0});
      }
      known->reads += array.reads;
      known->writes += array.writes;
      known->pj += row.read.pj + row.write.pj;
    }
  }
  return all;
}

void NoteNearBoundary(const NearArray& near, Estimate& estimate) {
  const double total = estimate.totals.total.pj;
  if (near.pj <= kLargeShare * total) return;
  const ArrayTraffic& array = *near.array;
  const absl::Span<const Tier> tiers = estimate.table->tiers();
  const int other =
      array.tier <= near.boundary ? near.boundary + 1 : near.boundary;
  const absl::StatusOr<Price> read = estimate.table->Read(other, array.format);
  const absl::StatusOr<Price> write =
      estimate.table->Write(other, array.format);
  if (!read.ok() || !write.ok()) return;  // no price, so no comparison
  const double moved = total - near.pj + Times(near.reads, *read).pj +
                       Times(near.writes, *write).pj;
  const char* unit =
      estimate.table->unit() == EnergyUnit::kRelative ? "MAC" : "pJ";
  const Tier& tier = tiers[static_cast<size_t>(near.boundary)];
  estimate.diagnostics.Note(
      "tier-boundary",
      absl::StrCat(
          "array '", array.name(), "' has ", array.bytes,
          " bytes, within 5 % of the ", *tier.capacity_bytes, " of ", tier.name,
          ", and carries ", absl::StrFormat("%.0f", 100 * near.pj / total),
          " % of the energy; in ", tiers[static_cast<size_t>(other)].name,
          " instead of ", tiers[static_cast<size_t>(array.tier)].name,
          " the total would be ", absl::StrFormat("%.6g", moved), " ", unit,
          ", not ", absl::StrFormat("%.6g", total)));
}

// A fitted price stands for what a count meant when it was fitted.
void WarnOfOtherFit(Estimate& estimate) {
  const FitRecord* fit = estimate.table->fit();
  if (fit == nullptr) return;
  const MemoryOptions& memory = estimate.options.memory;
  const std::pair<std::string, absl::string_view> options[] = {
      {fit->memory_model,
       memory.movement == Movement::kOnce ? "once" : "per-use"},
      {fit->array_scope,
       memory.array_scope == ArrayScope::kOperand ? "operand" : "tensor"},
      {fit->graph, Name(estimate.analysis->reading)}};
  bool differs = false;
  for (const auto& [fitted, used] : options) {
    differs |= !fitted.empty() && fitted != used;
  }
  if (!differs) return;
  estimate.diagnostics.Warn(
      "other-fit",
      absl::StrCat("table '", estimate.table->name(),
                   "' was fitted to counts under --memory-model ",
                   fit->memory_model, " --array-scope ", fit->array_scope,
                   " --graph ", fit->graph,
                   ", which this estimate doesn't use: its energies don't "
                   "stand for the machine's"));
}

}  // namespace

void AddRemarks(const PriceBook& book, Estimate& estimate) {
  NoteInterpolatedPrices(book, estimate);
  WarnOfOtherFit(estimate);
  const FormatOptions& formats = estimate.options.formats;
  if (IsEightBitFloat(formats.bits) || IsEightBitFloat(formats.weight_bits) ||
      IsEightBitFloat(formats.activation_bits)) {
    estimate.diagnostics.Note(
        "float8",
        "8-bit numbers are floats here (the lecture's format); --bits int8 "
        "prices integers");
  }
  if (estimate.table->unit() == EnergyUnit::kRelative) {
    estimate.diagnostics.Note(
        "relative-unit",
        absl::StrCat("table '", estimate.table->name(),
                     "' is relative: energies are in units of one MAC, not in "
                     "joules"));
  }
  for (const NearArray& near : CollectNearArrays(estimate)) {
    NoteNearBoundary(near, estimate);
  }
}

}  // namespace opcost

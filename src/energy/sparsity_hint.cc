// SPDX-License-Identifier: Apache-2.0
#include "src/energy/sparsity_hint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Fewer zeros than these save nothing in any format.
constexpr double kManyZeros = 0.2;

struct Zeros {
  int64_t zeros = 0;
  int64_t elements = 0;
  int layers = 0;
};

// Those of the layer's weights, as far as they are known.
Zeros ZerosOf(const Analysis& analysis, const LayerCounts& layer,
              const WeightStatistics& statistics) {
  Zeros sum;
  for (const WeightOperand& operand : WeightOperandsOf(analysis, layer)) {
    const auto known = statistics.find(operand);
    if (known == statistics.end() || !known->second.ok()) continue;
    sum.zeros += known->second->zeros;
    sum.elements += known->second->elements;
  }
  return sum;
}

bool AreMany(const Zeros& zeros) {
  return zeros.elements > 0 &&
         static_cast<double>(zeros.zeros) >=
             kManyZeros * static_cast<double>(zeros.elements);
}

}  // namespace

absl::StatusOr<std::string> SparsityHint(
    const Analysis& analysis, const Formats& formats,
    const StorageOptions& options, absl::Span<const LayerStorage> storages) {
  if (!options.format.has_value() || options.statistics == nullptr) return "";
  Zeros all;
  std::string pattern;
  bool has_one_pattern = true;
  for (size_t i = 0; i < storages.size(); ++i) {
    const LayerCounts& layer = analysis.layers[i];
    if (storages[i].format != StorageFormat::kDense) continue;
    const Zeros zeros = ZerosOf(analysis, layer, *options.statistics);
    if (!AreMany(zeros)) continue;
    all.zeros += zeros.zeros;
    all.elements += zeros.elements;
    ++all.layers;
    OPCOST_ASSIGN_OR_RETURN(
        const LayerStorage nm,
        FindStorage(analysis, layer, formats, options, StorageFormat::kNm));
    const bool is_nm = nm.format == StorageFormat::kNm;
    has_one_pattern = has_one_pattern && is_nm &&
                      (pattern.empty() || pattern == nm.pattern());
    if (is_nm) pattern = nm.pattern();
  }
  if (all.layers == 0) return "";
  const double share =
      100 * static_cast<double>(all.zeros) / static_cast<double>(all.elements);
  return absl::StrCat(
      absl::StrFormat("%.3g", share), " % zeros",
      has_one_pattern ? absl::StrCat(" in ", pattern) : std::string(),
      has_one_pattern ? ": --weights nm" : ": --weights auto", " (",
      all.layers == 1 ? std::string("a dense layer")
                      : absl::StrCat(all.layers, " dense layers"),
      ")");
}

}  // namespace opcost

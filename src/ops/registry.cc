// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/registry.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "src/ops/families.h"

namespace opcost {
namespace {

// Adding a family of operators is adding one line here.
constexpr absl::Span<const OpDef> (*kFamilies[])() = {
    ActivationOps,
    BatchNormalizationOps,
    ConvOps,
    DepthSpaceOps,
    ElementwiseBinaryOps,
    ElementwiseUnaryOps,
    GenerateOps,
    IndexedOps,
    MatMulOps,
    MovementOps,
    NormalizationOps,
    PadSliceOps,
    PoolOps,
    ReductionOps,
    ResampleOps,
    SelectionOps,
    SoftmaxOps,
    ViewOps,
};

auto Key(const OpDef& def) { return std::tie(def.domain, def.name, def.since); }

std::vector<OpDef> Collect() {
  std::vector<OpDef> rows;
  for (const auto family : kFamilies) {
    const absl::Span<const OpDef> ops = family();
    rows.insert(rows.end(), ops.begin(), ops.end());
  }
  std::sort(rows.begin(), rows.end(),
            [](const OpDef& a, const OpDef& b) { return Key(a) < Key(b); });
  return rows;
}

}  // namespace

absl::Span<const OpDef> AllOps() {
  static const std::vector<OpDef>& rows = *new std::vector<OpDef>(Collect());
  return rows;
}

const OpDef* FindOp(absl::string_view domain, absl::string_view name,
                    int opset) {
  const absl::Span<const OpDef> rows = AllOps();
  const auto after = std::upper_bound(
      rows.begin(), rows.end(), std::tie(domain, name, opset),
      [](const auto& key, const OpDef& def) { return key < Key(def); });
  if (after == rows.begin()) return nullptr;
  const OpDef& def = *(after - 1);
  return def.domain == domain && def.name == name ? &def : nullptr;
}

bool IsRandomGenerator(absl::string_view domain, absl::string_view name) {
  constexpr absl::string_view kGenerators[] = {
      "Bernoulli",        "Multinomial",   "RandomNormal",
      "RandomNormalLike", "RandomUniform", "RandomUniformLike"};
  return domain.empty() &&
         std::find(std::begin(kGenerators), std::end(kGenerators), name) !=
             std::end(kGenerators);
}

}  // namespace opcost

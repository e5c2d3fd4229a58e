// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/registry.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

// Adding a family of operators is adding one line here.
constexpr absl::Span<const OpDef> (*kFamilies[])() = {
    ActivationOps,
    AttentionOps,
    BatchNormalizationOps,
    BitwiseOps,
    ContribAttentionOps,
    ContribConvOps,
    ContribEarlyOps,
    ContribEmbeddingOps,
    ContribFusedOps,
    ContribGroupQueryAttentionOps,
    ContribIntegerOps,
    ContribLayoutOps,
    ContribMatMulOps,
    ContribMoeOps,
    ContribMultiHeadAttentionOps,
    ContribNormalizationOps,
    ContribPoolOps,
    ContribQlinearOps,
    ContribQuantizedOps,
    ContribRecurrentOps,
    ContribStateOps,
    ControlFlowOps,
    ConvOps,
    CumulativeOps,
    DepthSpaceOps,
    DetectionOps,
    EinsumOps,
    ElementwiseBinaryOps,
    ElementwiseUnaryOps,
    GatherScatterOps,
    GenerateOps,
    ImageOps,
    IndexedOps,
    LinalgOps,
    LossOps,
    MatMulOps,
    MlClassicOps,
    MlEncodersOps,
    MlMapsOps,
    MlSvmOps,
    MlTreesOps,
    MovementOps,
    NormalizationOps,
    OptionalOps,
    PadSliceOps,
    PoolOps,
    QuantizeOps,
    QuantizedContractionOps,
    RandomOps,
    RecurrentOps,
    ReductionOps,
    ResampleOps,
    RotaryOps,
    SelectionOps,
    SequenceOps,
    SignalOps,
    SoftmaxOps,
    SortOps,
    SpatialOps,
    StateOps,
    TextOps,
    TrainingOps,
    TrigonometricOps,
    ViewOps,
    WithdrawnOps,
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

using RowsByName =
    absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>,
                        absl::Span<const OpDef>>;

// The rows of each operator, which stand together and rise in `since`.
RowsByName IndexRows() {
  RowsByName by_name;
  const absl::Span<const OpDef> rows = AllOps();
  for (size_t first = 0, last = 0; first < rows.size(); first = last) {
    while (last < rows.size() && rows[last].domain == rows[first].domain &&
           rows[last].name == rows[first].name) {
      ++last;
    }
    by_name[{rows[first].domain, rows[first].name}] =
        rows.subspan(first, last - first);
  }
  return by_name;
}

}  // namespace

absl::Span<const OpDef> AllOps() {
  static const std::vector<OpDef>& rows = *new std::vector<OpDef>(Collect());
  return rows;
}

const OpDef* FindOp(absl::string_view domain, absl::string_view name,
                    int opset) {
  static const RowsByName& by_name = *new RowsByName(IndexRows());
  const auto found = by_name.find({domain, name});
  if (found == by_name.end()) return nullptr;
  const OpDef* latest = nullptr;
  for (const OpDef& def : found->second) {
    if (def.since <= opset) latest = &def;
  }
  return latest;
}

Extent DataDependentExtent(const NodeView& node, int output, int axis,
                           Extent at_most, OutputTypes* types) {
  if (at_most.Is(0)) return at_most;
  std::string symbol = absl::StrCat(node.OutputName(output), "#", axis);
  Extent extent = Extent::Symbol(symbol);
  types->data_extents.push_back({std::move(symbol), std::move(at_most)});
  return extent;
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

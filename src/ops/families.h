// SPDX-License-Identifier: Apache-2.0
// The families of operators, one function each; registry.cc lists them.
#ifndef OPCOST_SRC_OPS_FAMILIES_H_
#define OPCOST_SRC_OPS_FAMILIES_H_

#include "absl/types/span.h"
#include "opcost/ops/op_def.h"

namespace opcost {

absl::Span<const OpDef> ActivationOps();
absl::Span<const OpDef> AttentionOps();
absl::Span<const OpDef> BatchNormalizationOps();
absl::Span<const OpDef> BitwiseOps();
absl::Span<const OpDef> ContribAttentionOps();
absl::Span<const OpDef> ContribConvOps();
absl::Span<const OpDef> ContribEarlyOps();
absl::Span<const OpDef> ContribEmbeddingOps();
absl::Span<const OpDef> ContribFusedOps();
absl::Span<const OpDef> ContribGroupQueryAttentionOps();
absl::Span<const OpDef> ContribIntegerOps();
absl::Span<const OpDef> ContribLayoutOps();
absl::Span<const OpDef> ContribMatMulOps();
absl::Span<const OpDef> ContribMoeOps();
absl::Span<const OpDef> ContribMultiHeadAttentionOps();
absl::Span<const OpDef> ContribNormalizationOps();
absl::Span<const OpDef> ContribPoolOps();
absl::Span<const OpDef> ContribQlinearOps();
absl::Span<const OpDef> ContribQuantizedOps();
absl::Span<const OpDef> ContribRecurrentOps();
absl::Span<const OpDef> ContribStateOps();
absl::Span<const OpDef> ControlFlowOps();
absl::Span<const OpDef> ConvOps();
absl::Span<const OpDef> CumulativeOps();
absl::Span<const OpDef> DepthSpaceOps();
absl::Span<const OpDef> DetectionOps();
absl::Span<const OpDef> EinsumOps();
absl::Span<const OpDef> ElementwiseBinaryOps();
absl::Span<const OpDef> ElementwiseUnaryOps();
absl::Span<const OpDef> GatherScatterOps();
absl::Span<const OpDef> GenerateOps();
absl::Span<const OpDef> ImageOps();
absl::Span<const OpDef> IndexedOps();
absl::Span<const OpDef> LinalgOps();
absl::Span<const OpDef> LossOps();
absl::Span<const OpDef> MatMulOps();
absl::Span<const OpDef> MlClassicOps();
absl::Span<const OpDef> MlEncodersOps();
absl::Span<const OpDef> MlMapsOps();
absl::Span<const OpDef> MlSvmOps();
absl::Span<const OpDef> MlTreesOps();
absl::Span<const OpDef> MovementOps();
absl::Span<const OpDef> NormalizationOps();
absl::Span<const OpDef> OptionalOps();
absl::Span<const OpDef> PadSliceOps();
absl::Span<const OpDef> PoolOps();
absl::Span<const OpDef> QuantizeOps();
absl::Span<const OpDef> QuantizedContractionOps();
absl::Span<const OpDef> RandomOps();
absl::Span<const OpDef> RecurrentOps();
absl::Span<const OpDef> ReductionOps();
absl::Span<const OpDef> ResampleOps();
absl::Span<const OpDef> RotaryOps();
absl::Span<const OpDef> SelectionOps();
absl::Span<const OpDef> SequenceOps();
absl::Span<const OpDef> SignalOps();
absl::Span<const OpDef> SoftmaxOps();
absl::Span<const OpDef> SortOps();
absl::Span<const OpDef> SpatialOps();
absl::Span<const OpDef> StateOps();
absl::Span<const OpDef> TextOps();
absl::Span<const OpDef> TrainingOps();
absl::Span<const OpDef> TrigonometricOps();
absl::Span<const OpDef> ViewOps();
absl::Span<const OpDef> WithdrawnOps();

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FAMILIES_H_

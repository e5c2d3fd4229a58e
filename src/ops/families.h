// SPDX-License-Identifier: Apache-2.0
// The families of operators, one function each; registry.cc lists them.
#ifndef OPCOST_SRC_OPS_FAMILIES_H_
#define OPCOST_SRC_OPS_FAMILIES_H_

#include "absl/types/span.h"
#include "opcost/ops/op_def.h"

namespace opcost {

absl::Span<const OpDef> BatchNormalizationOps();
absl::Span<const OpDef> ConvOps();
absl::Span<const OpDef> DepthSpaceOps();
absl::Span<const OpDef> ElementwiseBinaryOps();
absl::Span<const OpDef> ElementwiseUnaryOps();
absl::Span<const OpDef> ActivationOps();
absl::Span<const OpDef> GenerateOps();
absl::Span<const OpDef> IndexedOps();
absl::Span<const OpDef> MatMulOps();
absl::Span<const OpDef> MovementOps();
absl::Span<const OpDef> NormalizationOps();
absl::Span<const OpDef> PadSliceOps();
absl::Span<const OpDef> PoolOps();
absl::Span<const OpDef> ReductionOps();
absl::Span<const OpDef> ResampleOps();
absl::Span<const OpDef> SelectionOps();
absl::Span<const OpDef> SoftmaxOps();
absl::Span<const OpDef> ViewOps();

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FAMILIES_H_

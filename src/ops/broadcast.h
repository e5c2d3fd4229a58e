// SPDX-License-Identifier: Apache-2.0
// Broadcasting of shapes, as numpy and ONNX have it.
#ifndef OPCOST_SRC_OPS_BROADCAST_H_
#define OPCOST_SRC_OPS_BROADCAST_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"

namespace opcost {

// The extents that `a` and `b` broadcast to, aligned at their last axes. 1 and
// n give n, n and n give n; of a symbol and a number other than 1 the model can
// only mean the number. Errors: two different numbers; IsUndetermined() for two
// different symbols, since either could be 1.
absl::StatusOr<Dims> Broadcast(const NodeView& node, absl::Span<const Extent> a,
                               absl::Span<const Extent> b);

// The extents that the operands from `first` on broadcast to, absent ones left
// out. Errors: as Broadcast() and NodeView::Input().
absl::StatusOr<Dims> BroadcastInputs(const NodeView& node, int first = 0);

// OK if `from` may be repeated to fill `to` (unidirectional broadcasting), as
// far as symbols let it be known. `what` names `from` in the message.
absl::Status CheckBroadcastsTo(const NodeView& node, absl::string_view what,
                               absl::Span<const Extent> from,
                               absl::Span<const Extent> to);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_BROADCAST_H_

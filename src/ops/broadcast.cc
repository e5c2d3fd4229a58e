// SPDX-License-Identifier: Apache-2.0
#include "src/ops/broadcast.h"

#include <algorithm>

#include "opcost/support/status_macros.h"

namespace opcost {

absl::StatusOr<Dims> Broadcast(const NodeView& node, absl::Span<const Extent> a,
                               absl::Span<const Extent> b) {
  const absl::Span<const Extent> longer = a.size() >= b.size() ? a : b;
  const absl::Span<const Extent> shorter = a.size() >= b.size() ? b : a;
  Dims result(longer.begin(), longer.end());
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const Extent& x = longer[offset + i];
    const Extent& y = shorter[i];
    if (y.Is(1) || x == y) continue;
    if (x.Is(1) || (y.is_concrete() && !x.is_concrete())) {
      result[offset + i] = y;
    } else if (x.is_concrete() && y.is_concrete()) {
      return node.Invalid("shapes ", ToString(a), " and ", ToString(b),
                          " don't broadcast: ", x.ToString(), " and ",
                          y.ToString(), " on axis ", offset + i);
    } else if (!x.is_concrete()) {
      // A run gives them one size, or the smaller is 1: S and min(S, 512) is S.
      const Extent larger = Extent::Max(x, y);
      if (larger == x) continue;
      if (larger == y) {
        result[offset + i] = y;
        continue;
      }
      return node.Unknown("shapes ", ToString(a), " and ", ToString(b),
                          " broadcast only if ", x.ToString(), " and ",
                          y.ToString(), " are equal or one of them is 1");
    }
  }
  return result;
}

absl::StatusOr<Dims> BroadcastInputs(const NodeView& node, int first) {
  Dims result;
  for (int i = first; i < node.input_count(); ++i) {
    if (!node.HasInput(i)) continue;
    OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
    OPCOST_ASSIGN_OR_RETURN(result,
                            Broadcast(node, result, operand->shape.dims()));
  }
  return result;
}

absl::Status CheckBroadcastsTo(const NodeView& node, absl::string_view what,
                               absl::Span<const Extent> from,
                               absl::Span<const Extent> to) {
  bool fits = from.size() <= to.size();
  for (size_t i = 0; fits && i < from.size(); ++i) {
    const Extent& x = from[i];
    const Extent& y = to[to.size() - from.size() + i];
    // What a symbol stands for is the model's business.
    fits = x.Is(1) || x == y || !x.is_concrete() || !y.is_concrete();
  }
  if (fits) return absl::OkStatus();
  return node.Invalid(what, " is ", ToString(from), ", which doesn't fill ",
                      ToString(to));
}

}  // namespace opcost

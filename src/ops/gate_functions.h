// SPDX-License-Identifier: Apache-2.0
// The activation functions that LSTM, GRU and RNN name in `activations`.
#ifndef OPCOST_SRC_OPS_GATE_FUNCTIONS_H_
#define OPCOST_SRC_OPS_GATE_FUNCTIONS_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "src/ops/elementwise.h"

namespace opcost {

// What one evaluation of each function costs, direction after direction, in the
// order of `activations`: (f, g, h) for each direction of an LSTM. `defaults`
// are those of one direction. Counted as the operators of the same names are;
// ScaledTanh is a tanh and 2 mul, Affine 1 mul and 1 add. Errors: fewer
// functions than `defaults` times `directions`, a name that ONNX doesn't list.
absl::StatusOr<std::vector<PerElement>> GateFunctions(
    const NodeView& node, absl::Span<const absl::string_view> defaults,
    size_t directions);

// `a` and `times` evaluations of `b`.
PerElement Plus(const PerElement& a, const PerElement& b, int times);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_GATE_FUNCTIONS_H_

// SPDX-License-Identifier: Apache-2.0
// Values of elementwise operators on small or uniform tensors: what the
// arithmetic on shapes needs (rule R7).
#ifndef OPCOST_SRC_OPS_FOLD_ELEMENTWISE_H_
#define OPCOST_SRC_OPS_FOLD_ELEMENTWISE_H_

#include <cstdint>
#include <optional>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "opcost/ir/data_type.h"
#include "opcost/ops/op_def.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// One element: of an integer or boolean tensor, or of a floating-point one.
using Element = std::variant<SymValue, double>;
// The element of the result from those of the operands; nullopt: not known.
using ElementRule = std::optional<Element>(absl::Span<const Element>);

// The value of output 0, whose elements `rule` gives from the operands
// `operands`, broadcast as numpy does it. Uniform operands give a uniform value
// of any size. Empty where an operand isn't known, the result has more than
// kMaxKnownElements, or one of its elements isn't known: it depends on a
// symbol's size, doesn't fit the element type, or isn't finite.
OutputValues FoldOperands(const TypedNodeView& node,
                          absl::Span<const int> operands,
                          absl::FunctionRef<ElementRule> rule);
// The same of all operands that the node has.
OutputValues FoldOperands(const TypedNodeView& node,
                          absl::FunctionRef<ElementRule> rule);

// FoldOperands() as a row of a family's table.
template <ElementRule* kRule>
OutputValues FoldElements(const TypedNodeView& node) {
  return FoldOperands(node, *kRule);
}

// A rule that accumulates the operands from the left: integers by `kInt`,
// floats by `kFloat`, nothing where they are mixed.
template <auto kInt, auto kFloat>
std::optional<Element> Accumulate(absl::Span<const Element> operands) {
  Element all = operands[0];
  for (const Element& next : operands.subspan(1)) {
    if (all.index() != next.index()) return std::nullopt;
    if (const SymValue* integer = std::get_if<SymValue>(&all)) {
      all = Element(kInt(*integer, std::get<SymValue>(next)));
    } else {
      all = Element(kFloat(std::get<double>(all), std::get<double>(next)));
    }
  }
  return all;
}

// A rule of one operand.
template <auto kInt, auto kFloat>
std::optional<Element> Map(absl::Span<const Element> operands) {
  if (const SymValue* integer = std::get_if<SymValue>(&operands[0])) {
    const std::optional<SymValue> result = kInt(*integer);
    if (!result.has_value()) return std::nullopt;
    return Element(*result);
  }
  return Element(kFloat(std::get<double>(operands[0])));
}

// The sign of a - b: -1, 0 or 1; nullopt where that depends on what the symbols
// stand for (which isn't negative), or an operand is no number.
std::optional<int> CompareElements(const Element& a, const Element& b);

// `element`, as a tensor of `type` holds it: an integer must fit, a float is
// rounded; nullopt if it doesn't, or isn't finite or a normal number there.
std::optional<Element> FitElement(const Element& element, DataType type);

// `element` as an element of type `to`, as Cast has it: floats are truncated
// towards zero, and what doesn't fit isn't known.
std::optional<Element> CastElement(const Element& element, DataType to);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FOLD_ELEMENTWISE_H_

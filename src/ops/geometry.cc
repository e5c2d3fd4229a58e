// SPDX-License-Identifier: Apache-2.0
#include "src/ops/geometry.h"

#include <utility>

#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// The known value of operand `i`, of at most one axis and not too long.
absl::StatusOr<const TensorValue*> InputList(const NodeView& node, int i) {
  const TensorValue* value = node.InputValue(i);
  if (value == nullptr) {
    if (!node.HasInput(i)) return node.Invalid("operand ", i, " is missing");
    return node.Unknown("the elements of operand ", i,
                        " aren't known before the model runs");
  }
  if (value->dims().size() > 1) {
    return node.Invalid("operand ", i, " must have at most 1 axis but has ",
                        value->dims().size());
  }
  if (value->size() > kMaxKnownElements) {
    return node.Unknown("operand ", i, " has ", value->size(),
                        " elements, more than the ", kMaxKnownElements,
                        " that are followed");
  }
  return value;
}

// InputList() of integers.
absl::StatusOr<const TensorValue*> InputIntegers(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const TensorValue* value, InputList(node, i));
  if (!value->holds_integers() || value->type() == DataType::kString) {
    return node.Invalid("operand ", i, " must hold integers but is ",
                        Name(value->type()));
  }
  return value;
}

}  // namespace

absl::StatusOr<std::vector<SymValue>> InputSyms(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const TensorValue* value, InputIntegers(node, i));
  std::vector<SymValue> elements;
  elements.reserve(static_cast<size_t>(value->size()));
  for (int64_t e = 0; e < value->size(); ++e) elements.push_back(value->Int(e));
  return elements;
}

absl::StatusOr<std::vector<SymValue>> SymsOf(const NodeView& node,
                                             absl::string_view attribute, int i,
                                             int since) {
  if (node.opset() >= since) return InputSyms(node, i);
  if (!node.HasAttribute(attribute)) {
    return node.Invalid("attribute '", attribute, "' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> ints,
                          node.Ints(attribute));
  return std::vector<SymValue>(ints.begin(), ints.end());
}

absl::StatusOr<std::vector<double>> InputFloats(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const TensorValue* value, InputList(node, i));
  if (value->holds_integers()) {
    return node.Invalid("operand ", i, " must hold floats but is ",
                        Name(value->type()));
  }
  std::vector<double> elements;
  elements.reserve(static_cast<size_t>(value->size()));
  for (int64_t e = 0; e < value->size(); ++e) {
    elements.push_back(value->Float(e));
  }
  return elements;
}

absl::StatusOr<Extent> NonNegative(const NodeView& node, const SymValue& extent,
                                   absl::string_view what) {
  if (extent.overflowed()) return node.Invalid(what, " doesn't fit 63 bits");
  if (extent.is_concrete() && extent.value() < 0) {
    return node.Invalid(what, " is ", extent.value(),
                        " but an extent can't be negative");
  }
  return Extent(extent);
}

absl::StatusOr<Dims> InputExtents(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const TensorValue* value, InputIntegers(node, i));
  Dims extents;
  extents.reserve(static_cast<size_t>(value->size()));
  for (int64_t e = 0; e < value->size(); ++e) {
    const SymValue& element = value->Int(e);
    if (element.is_concrete() && element.value() >= 0) {
      extents.emplace_back(element.value());
      continue;
    }
    OPCOST_ASSIGN_OR_RETURN(
        Extent extent,
        NonNegative(node, element,
                    absl::StrCat("element ", e, " of operand ", i)));
    extents.push_back(std::move(extent));
  }
  return extents;
}

Dims Permuted(absl::Span<const Extent> dims, absl::Span<const int> perm) {
  Dims permuted;
  permuted.reserve(perm.size());
  for (const int axis : perm) {
    permuted.push_back(dims[static_cast<size_t>(axis)]);
  }
  return permuted;
}

bool KeepsOrder(absl::Span<const Extent> dims, absl::Span<const int> perm) {
  int last = -1;
  for (const int axis : perm) {
    if (dims[static_cast<size_t>(axis)].Is(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

OpCounts CountView(const TypedNodeView& node) {
  node.Let("moved", 0);
  return View();
}

OpCounts CountCopy(const TypedNodeView& node) {
  const Count moved = node.OutputVolume(0);
  node.Let("moved", moved);
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  WriteOutput(counts, node, 0, moved);
  return counts;
}

absl::StatusOr<OpCounts> CountAlwaysView(const TypedNodeView&) {
  return View();
}

}  // namespace opcost

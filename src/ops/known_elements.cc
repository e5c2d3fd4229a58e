// SPDX-License-Identifier: Apache-2.0
#include "src/ops/known_elements.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/geometry.h"

namespace opcost {

std::optional<std::vector<Element>> ElementsOf(const TensorValue* value) {
  if (value == nullptr || value->type() == DataType::kString ||
      value->size() > kMaxKnownElements) {
    return std::nullopt;
  }
  std::vector<Element> elements;
  elements.reserve(static_cast<size_t>(value->size()));
  for (int64_t i = 0; i < value->size(); ++i) {
    elements.push_back(value->holds_integers() ? Element(value->Int(i))
                                               : Element(value->Float(i)));
  }
  return elements;
}

KnownValue KnownTensor(DataType type, const IntDims& dims,
                       absl::Span<const Element> elements) {
  const Extent volume = Volume(Dims(dims.begin(), dims.end()));
  if (!volume.Is(static_cast<int64_t>(elements.size()))) return nullptr;
  std::vector<SymValue> integers;
  std::vector<double> floats;
  for (const Element& element : elements) {
    const std::optional<Element> fitted = FitElement(element, type);
    if (!fitted.has_value()) return nullptr;
    if (const double* number = std::get_if<double>(&*fitted)) {
      floats.push_back(*number);
    } else {
      integers.push_back(std::get<SymValue>(*fitted));
    }
  }
  const bool is_floating = IsFloating(type);
  if ((is_floating ? floats.size() : integers.size()) != elements.size()) {
    return nullptr;
  }
  return std::make_shared<const TensorValue>(
      is_floating ? TensorValue::Floats(type, dims, std::move(floats))
                  : TensorValue::Integers(type, dims, std::move(integers)));
}

KnownValue KnownInts(const IntDims& dims, absl::Span<const int64_t> elements) {
  return std::make_shared<const TensorValue>(TensorValue::Integers(
      DataType::kInt64, dims,
      std::vector<SymValue>(elements.begin(), elements.end())));
}

std::optional<bool> IsNonZero(const Element& element) {
  if (const double* number = std::get_if<double>(&element)) {
    return *number != 0;  // a NaN isn't 0 either
  }
  const std::optional<int> sign = CompareElements(element, SymValue(0));
  if (!sign.has_value()) return std::nullopt;
  return *sign != 0;
}

bool AreComparable(absl::Span<const Element> elements) {
  for (const Element& element : elements) {
    // Symbols cancel in the difference to the first, hence in all differences.
    const std::optional<int> sign = CompareElements(element, elements[0]);
    if (!sign.has_value()) return false;
    const SymValue* integer = std::get_if<SymValue>(&element);
    if (integer == nullptr) continue;
    const SymValue difference = *integer - std::get<SymValue>(elements[0]);
    if (!difference.is_concrete()) return false;
  }
  return true;
}

bool IsLess(const Element& a, const Element& b) {
  return CompareElements(a, b).value_or(0) < 0;
}

Lines LinesAlong(const IntDims& dims, size_t axis) {
  Lines lines;
  lines.length = dims[axis];
  // Beside an empty axis the others may be of any size.
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) {
    return {0, lines.length, 0};
  }
  for (size_t a = 0; a < axis; ++a) lines.outer *= dims[a];
  for (size_t a = axis + 1; a < dims.size(); ++a) lines.inner *= dims[a];
  return lines;
}

Count LinesOf(absl::Span<const Extent> dims, size_t axis) {
  return Volume({Volume(dims.first(axis)), Volume(dims.subspan(axis + 1))});
}

absl::StatusOr<SymValue> InputSym(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> elements,
                          InputSyms(node, i));
  if (elements.size() != 1) {
    return node.Invalid("operand ", i, " must be one number but has ",
                        elements.size(), " elements");
  }
  return elements[0];
}

absl::StatusOr<int64_t> InputInt(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const SymValue element, InputSym(node, i));
  if (element.overflowed()) {
    return node.Invalid("operand ", i, " doesn't fit 63 bits");
  }
  if (!element.is_concrete()) {
    return node.Unknown("operand ", i, " is ", element.ToString(),
                        ", whose number isn't known");
  }
  return element.value();
}

Count PlacingComparisons(const Extent& n) {
  constexpr int kBits = 63;
  constexpr int kSymbolicBits = 32;
  // The number of bits of n: one for each power of two that n reaches.
  Count bits = 0;
  if (n.is_concrete()) {
    for (int bit = 0; bit < kBits; ++bit) {
      if ((n.value() >> bit) > 0) bits += 1;
    }
    return bits;
  }
  for (int bit = 0; bit < kSymbolicBits; ++bit) {
    bits += Extent::Min(1, n / (int64_t{1} << bit));
  }
  return bits;
}

}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
#include "src/ops/fold_elementwise.h"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "opcost/ir/tensor_value.h"

namespace opcost {
namespace {

struct IntegerRange {
  int64_t least;
  int64_t greatest;
};

// What an element of `type` can hold, as far as 63 bits tell; nullopt for types
// that aren't integers. A bool holds 0 and 1.
std::optional<IntegerRange> RangeOf(DataType type) {
  if (type == DataType::kBool) return IntegerRange{0, 1};
  if (!IsInteger(type)) return std::nullopt;
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  const bool is_unsigned = Name(type)[0] == 'u';
  const int value_bits = WidthBits(type) - (is_unsigned ? 0 : 1);
  const int64_t greatest =
      value_bits >= 63 ? kMost : (int64_t{1} << value_bits) - 1;
  return IntegerRange{is_unsigned ? 0 : -greatest - 1, greatest};
}

// Values of shape arithmetic have few axes; more would only take time.
constexpr size_t kMaxKnownRank = 64;

// Symbols stand for dimensions, which narrower types aren't made for.
constexpr int kDimensionBits = 32;

std::optional<Element> FitInteger(const SymValue& value, DataType type) {
  const std::optional<IntegerRange> range = RangeOf(type);
  if (!range.has_value() || value.overflowed()) return std::nullopt;
  if (!value.is_concrete()) {
    if (type != DataType::kBool && WidthBits(type) < kDimensionBits) {
      return std::nullopt;
    }
    return Element(value);
  }
  if (value.value() < range->least || value.value() > range->greatest) {
    return std::nullopt;
  }
  return Element(value);
}

// How a floating-point type rounds.
struct FloatGrid {
  int significand_bits;  // the hidden one included
  double greatest;
  double least_normal;
};

std::optional<FloatGrid> GridOf(DataType type) {
  switch (type) {
    case DataType::kFloat64:
      return FloatGrid{53, std::numeric_limits<double>::max(),
                       std::numeric_limits<double>::min()};
    case DataType::kFloat32:
      return FloatGrid{24, std::numeric_limits<float>::max(),
                       std::numeric_limits<float>::min()};
    case DataType::kFloat16:
      return FloatGrid{11, 65504.0, 0x1p-14};
    case DataType::kBfloat16:
      return FloatGrid{8, 0x1.fep127, 0x1p-126};
    default:
      return std::nullopt;
  }
}

// `value` rounded to the nearest of `type`; nullopt if it isn't a normal number
// or zero there, or opcost doesn't compute in the type.
std::optional<Element> RoundFloat(double value, DataType type) {
  const std::optional<FloatGrid> grid = GridOf(type);
  if (!grid.has_value() || !std::isfinite(value)) return std::nullopt;
  if (value == 0) return Element(value);
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const double scaled =
      std::nearbyint(std::ldexp(fraction, grid->significand_bits));
  const double rounded = std::ldexp(scaled, exponent - grid->significand_bits);
  if (!(std::fabs(rounded) <= grid->greatest) ||
      std::fabs(rounded) < grid->least_normal) {
    return std::nullopt;
  }
  return Element(rounded);
}

// The element, as the type of the result holds it.
std::optional<Element> Fit(const std::optional<Element>& element,
                           DataType type) {
  if (!element.has_value()) return std::nullopt;
  if (const SymValue* integer = std::get_if<SymValue>(&*element)) {
    return FitInteger(*integer, type);
  }
  return RoundFloat(std::get<double>(*element), type);
}

// An operand, read in the order of the result's elements.
class Operand {
 public:
  // `value` must broadcast to `dims`.
  Operand(const TensorValue& value, const IntDims& dims)
      : value_(&value), strides_(dims.size(), 0) {
    if (value.is_uniform()) return;
    int64_t stride = 1;
    for (size_t i = 0; i < value.dims().size(); ++i) {
      const size_t from_end = value.dims().size() - 1 - i;
      const int64_t extent = value.dims()[from_end];
      if (extent != 1) strides_[dims.size() - 1 - i] = stride;
      stride *= extent;
    }
  }

  static bool Broadcasts(const TensorValue& value, const IntDims& dims) {
    const IntDims& from = value.dims();
    if (from.size() > dims.size()) return false;
    for (size_t i = 0; i < from.size(); ++i) {
      const int64_t to = dims[dims.size() - from.size() + i];
      if (from[i] != 1 && from[i] != to) return false;
    }
    return true;
  }

  Element At(const IntDims& index) const {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i) offset += index[i] * strides_[i];
    if (value_->holds_integers()) return Element(value_->Int(offset));
    return Element(value_->Float(offset));
  }

 private:
  const TensorValue* value_;
  IntDims strides_;
};

using Operands = absl::InlinedVector<Operand, 3>;

std::optional<Element> ElementAt(const Operands& operands, const IntDims& index,
                                 DataType type,
                                 absl::FunctionRef<ElementRule> rule) {
  absl::InlinedVector<Element, 3> elements;
  for (const Operand& operand : operands) elements.push_back(operand.At(index));
  return Fit(rule(elements), type);
}

// The next index in row-major order.
void Advance(IntDims& index, const IntDims& dims) {
  for (size_t i = dims.size(); i-- > 0;) {
    if (++index[i] < dims[i]) return;
    index[i] = 0;
  }
}

std::shared_ptr<const TensorValue> Assemble(DataType type, IntDims dims,
                                            std::vector<Element> elements,
                                            bool is_uniform) {
  if (IsFloating(type)) {
    std::vector<double> floats;
    for (const Element& e : elements) floats.push_back(std::get<double>(e));
    return std::make_shared<const TensorValue>(
        is_uniform ? TensorValue::UniformFloat(type, std::move(dims), floats[0])
                   : TensorValue::Floats(type, std::move(dims), floats));
  }
  std::vector<SymValue> integers;
  for (const Element& e : elements) integers.push_back(std::get<SymValue>(e));
  return std::make_shared<const TensorValue>(
      is_uniform
          ? TensorValue::UniformInteger(type, std::move(dims), integers[0])
          : TensorValue::Integers(type, std::move(dims), integers));
}

// The extents of output 0 as numbers; nullopt if they aren't.
std::optional<IntDims> ConcreteOutput(const TypedNodeView& node) {
  if (!node.HasOutput(0) || !node.OutputType(0).is_tensor()) {
    return std::nullopt;
  }
  const Shape& shape = node.OutputType(0).tensor.shape;
  if (!shape.is_concrete()) return std::nullopt;
  IntDims dims;
  for (const Extent& extent : shape.dims()) dims.push_back(extent.value());
  return dims;
}

}  // namespace

OutputValues FoldOperands(const TypedNodeView& node,
                          absl::Span<const int> numbers,
                          absl::FunctionRef<ElementRule> rule) {
  const std::optional<IntDims> dims = ConcreteOutput(node);
  // Before opset 7, `axis` aligns operand 1 in another way than numpy does.
  if (!dims.has_value() || dims->size() > kMaxKnownRank || numbers.empty() ||
      node.HasAttribute("axis")) {
    return {};
  }
  const DataType type = node.OutputType(0).tensor.type;
  Operands operands;
  bool is_uniform = true;
  for (const int i : numbers) {
    const TensorValue* value = node.InputValue(i);
    if (value == nullptr || !Operand::Broadcasts(*value, *dims)) return {};
    is_uniform = is_uniform && (value->is_uniform() || value->size() == 1);
    operands.emplace_back(*value, *dims);
  }
  const Extent volume = Volume(Dims(dims->begin(), dims->end()));
  if (!volume.is_concrete()) return {};
  is_uniform = is_uniform && !volume.Is(1);
  if (!is_uniform && volume.value() > kMaxKnownElements) return {};

  std::vector<Element> elements;
  IntDims index(dims->size(), 0);
  const int64_t evaluations = is_uniform ? 1 : volume.value();
  for (int64_t i = 0; i < evaluations; ++i) {
    const std::optional<Element> element =
        ElementAt(operands, index, type, rule);
    if (!element.has_value()) return {};
    elements.push_back(*element);
    Advance(index, *dims);
  }
  return {Assemble(type, *dims, std::move(elements), is_uniform)};
}

OutputValues FoldOperands(const TypedNodeView& node,
                          absl::FunctionRef<ElementRule> rule) {
  absl::InlinedVector<int, 3> numbers;
  for (int i = 0; i < node.input_count(); ++i) {
    if (node.HasInput(i)) numbers.push_back(i);
  }
  return FoldOperands(node, numbers, rule);
}

std::optional<int> CompareElements(const Element& a, const Element& b) {
  if (a.index() != b.index()) return std::nullopt;
  const auto sign = [](const auto& x, const auto& y) {
    return x < y ? -1 : (x > y ? 1 : 0);
  };
  if (const double* x = std::get_if<double>(&a)) {
    const double y = std::get<double>(b);
    if (std::isnan(*x) || std::isnan(y)) return std::nullopt;
    return sign(*x, y);
  }
  const SymValue& x = std::get<SymValue>(a);
  const SymValue& y = std::get<SymValue>(b);
  if (x.is_concrete() && y.is_concrete()) return sign(x.value(), y.value());
  // P+1 is above P, and above 0, whatever P is.
  const SymValue difference = x - y;
  if (difference.overflowed()) return std::nullopt;
  if (difference.is_concrete()) return sign(difference.value(), int64_t{0});
  if (SymValue::Max(difference, 1) == difference) return 1;
  const SymValue opposite = y - x;
  if (SymValue::Max(opposite, 1) == opposite) return -1;
  return std::nullopt;
}

std::optional<Element> FitElement(const Element& element, DataType type) {
  return Fit(element, type);
}

std::optional<Element> CastElement(const Element& element, DataType to) {
  if (const double* number = std::get_if<double>(&element)) {
    if (IsFloating(to)) return RoundFloat(*number, to);
    if (!std::isfinite(*number)) return std::nullopt;
    if (to == DataType::kBool) return Element(SymValue(*number != 0 ? 1 : 0));
    const double whole = std::trunc(*number);
    if (whole < -0x1p63 || whole >= 0x1p63) return std::nullopt;
    return FitInteger(SymValue(static_cast<int64_t>(whole)), to);
  }
  const SymValue& integer = std::get<SymValue>(element);
  if (to == DataType::kBool) {
    return Element(SymValue::Select(integer, SymValue(1), SymValue(0)));
  }
  if (!IsFloating(to)) return FitInteger(integer, to);
  // Beyond 2^53 a double would round before the type does.
  constexpr int64_t kExact = int64_t{1} << 53;
  const std::optional<int64_t> number = integer.AsInt();
  if (!number.has_value() || *number < -kExact || *number > kExact) {
    return std::nullopt;
  }
  return RoundFloat(static_cast<double>(*number), to);
}

}  // namespace opcost

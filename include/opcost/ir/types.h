// SPDX-License-Identifier: Apache-2.0
// Shapes and the types of values.
#ifndef OPCOST_IR_TYPES_H_
#define OPCOST_IR_TYPES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "opcost/ir/data_type.h"
#include "opcost/support/extent.h"

namespace opcost {

// Extents of the axes, outermost first.
using Dims = absl::InlinedVector<Extent, 4>;

// Product of the extents: the number of elements; 1 for a scalar.
Extent Volume(absl::Span<const Extent> dims);

// The extents of a tensor, or the knowledge that even their number is unknown.
class Shape {
 public:
  Shape() = default;                            // of unknown rank
  Shape(Dims dims) : dims_(std::move(dims)) {}  // NOLINT
  static Shape Unknown() { return Shape(); }

  bool has_rank() const { return dims_.has_value(); }
  // The axes; call only if `has_rank()`.
  const Dims& dims() const { return *dims_; }
  Dims& mutable_dims() { return *dims_; }
  int rank() const { return static_cast<int>(dims_->size()); }
  // True if every extent is a number.
  bool is_concrete() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::optional<Dims> dims_;
};

// Element type and shape.
struct TensorType {
  DataType type = DataType::kUndefined;
  Shape shape;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

enum class ValueKind : uint8_t {
  kUnknown,
  kTensor,
  kSequence,
  kOptional,
  kMap
};

// The type of a value: a tensor (sparse ones included), a sequence or an
// optional of an element type, or a map from a key type to an element type.
struct ValueType {
  ValueKind kind = ValueKind::kUnknown;
  TensorType tensor;                         // kTensor
  DataType map_key = DataType::kUndefined;   // kMap
  std::shared_ptr<const ValueType> element;  // kSequence, kOptional, kMap
  // kSequence: how many elements it has. kOptional: 1 if it holds an element, 0
  // if it is empty. nullopt if that isn't known. Where a value is carried round
  // a loop, this and `elements` hold for one iteration alone: see AnyLength().
  std::optional<Extent> length;
  // kSequence whose elements are known to differ: the type of each, `length` of
  // them; `element` is then what they have in common. Else null.
  std::shared_ptr<const std::vector<ValueType>> elements;

  ValueType() = default;
  ValueType(TensorType type)  // NOLINT(google-explicit-constructor)
      : kind(ValueKind::kTensor), tensor(std::move(type)) {}
  ValueType(DataType type, Dims dims)
      : ValueType(TensorType{type, Shape(std::move(dims))}) {}

  bool is_tensor() const { return kind == ValueKind::kTensor; }
};

// The longest list of differing element types that a sequence keeps.
inline constexpr int64_t kMaxListedElements = 1024;

// `type` without its length and its list of elements: what is known of a
// sequence or an optional at any iteration of a loop that carries it.
ValueType AnyLength(ValueType type);

// "3x224x224", "Nx3", "scalar", "?" where the rank is unknown.
std::string ToString(const Shape& shape);
std::string ToString(absl::Span<const Extent> dims);
// "float32 1x3x224x224".
std::string ToString(const TensorType& type);
// "seq(float32 Nx3)", "optional(...)", "map(int64, float32 scalar)".
std::string ToString(const ValueType& type);

}  // namespace opcost

#endif  // OPCOST_IR_TYPES_H_

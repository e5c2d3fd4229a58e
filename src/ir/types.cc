// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/types.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace opcost {

Extent Volume(absl::Span<const Extent> dims) {
  int64_t number = 1;
  bool is_number = true;
  for (const Extent& dim : dims) {
    // An empty axis makes the tensor empty, however long the others are.
    if (dim.Is(0)) return Extent(0);
    is_number = is_number && dim.is_concrete() &&
                !__builtin_mul_overflow(number, dim.value(), &number);
  }
  if (is_number) return Extent(number);
  Extent volume(1);
  for (const Extent& dim : dims) volume *= dim;
  return volume;
}

bool Shape::is_concrete() const {
  return dims_.has_value() &&
         std::all_of(dims_->begin(), dims_->end(),
                     [](const Extent& e) { return e.is_concrete(); });
}

ValueType AnyLength(ValueType type) {
  type.length.reset();
  type.elements.reset();
  return type;
}

std::string ToString(absl::Span<const Extent> dims) {
  if (dims.empty()) return "scalar";
  return absl::StrJoin(dims, "x", [](std::string* out, const Extent& e) {
    out->append(e.ToString());
  });
}

std::string ToString(const Shape& shape) {
  return shape.has_rank() ? ToString(absl::MakeConstSpan(shape.dims())) : "?";
}

std::string ToString(const TensorType& type) {
  return absl::StrCat(Name(type.type), " ", ToString(type.shape));
}

std::string ToString(const ValueType& type) {
  const auto element = [&type] {
    return type.element == nullptr ? "?" : ToString(*type.element);
  };
  switch (type.kind) {
    case ValueKind::kTensor:
      return ToString(type.tensor);
    case ValueKind::kSequence:
      return absl::StrCat("seq(", element(), ")");
    case ValueKind::kOptional:
      return absl::StrCat("optional(", element(), ")");
    case ValueKind::kMap:
      return absl::StrCat("map(", Name(type.map_key), ", ", element(), ")");
    case ValueKind::kUnknown:
      break;
  }
  return "?";
}

}  // namespace opcost

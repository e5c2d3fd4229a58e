// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/tensor_value.h"

#include <utility>

namespace opcost {

TensorValue::TensorValue(DataType type, IntDims dims,
                         std::vector<SymValue> integers,
                         std::vector<double> floats, bool uniform)
    : type_(type),
      dims_(std::move(dims)),
      integers_(std::move(integers)),
      floats_(std::move(floats)),
      uniform_(uniform) {
  int64_t size = 1;
  bool fits = true;
  for (const int64_t dim : dims_) {
    if (dim == 0) return;
    fits = !__builtin_mul_overflow(size, dim, &size) && fits;
  }
  if (fits && size > 0) size_ = size;
}

std::optional<std::vector<int64_t>> TensorValue::AsInts() const {
  if (!holds_integers() || size_ > kMaxKnownElements) return std::nullopt;
  std::vector<int64_t> all;
  all.reserve(static_cast<size_t>(size_));
  for (int64_t i = 0; i < size_; ++i) {
    const std::optional<int64_t> element = Int(i).AsInt();
    if (!element.has_value()) return std::nullopt;
    all.push_back(*element);
  }
  return all;
}

}  // namespace opcost

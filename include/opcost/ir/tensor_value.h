// SPDX-License-Identifier: Apache-2.0
// The elements of a small or uniform constant.
#ifndef OPCOST_IR_TENSOR_VALUE_H_
#define OPCOST_IR_TENSOR_VALUE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "opcost/ir/types.h"
#include "opcost/support/sym_value.h"

namespace opcost {

using IntDims = absl::InlinedVector<int64_t, 4>;

// A larger value that a rule could compute is dropped: nothing large is ever
// materialised.
inline constexpr int64_t kMaxKnownElements = 4096;

// Elements in row-major order, as SymValues for integers and booleans and as
// doubles for floating-point types. Or one element that stands for all of them:
// then the shape may be of any size.
class TensorValue {
 public:
  TensorValue() = default;
  static TensorValue Integers(DataType type, IntDims dims,
                              std::vector<SymValue> elements) {
    return {type, std::move(dims), std::move(elements), {}, false};
  }
  static TensorValue Floats(DataType type, IntDims dims,
                            std::vector<double> elements) {
    return {type, std::move(dims), {}, std::move(elements), false};
  }
  static TensorValue UniformInteger(DataType type, IntDims dims, SymValue all) {
    return {type, std::move(dims), {std::move(all)}, {}, true};
  }
  static TensorValue UniformFloat(DataType type, IntDims dims, double all) {
    return {type, std::move(dims), {}, {all}, true};
  }

  DataType type() const { return type_; }
  const IntDims& dims() const { return dims_; }
  Dims extents() const { return Dims(dims_.begin(), dims_.end()); }
  bool holds_integers() const { return !IsFloating(type_); }
  bool is_uniform() const { return uniform_; }
  // Number of elements; Volume(dims()).
  int64_t size() const { return size_; }

  // Element `i` of an integer or boolean value, 0 <= i < size().
  const SymValue& Int(int64_t i) const {
    return integers_[uniform_ ? 0 : static_cast<size_t>(i)];
  }
  // Element `i` of a floating-point value.
  double Float(int64_t i) const {
    return floats_[uniform_ ? 0 : static_cast<size_t>(i)];
  }
  // All elements as plain integers; nullopt if the value holds floats, a
  // symbol, or more than kMaxKnownElements.
  std::optional<std::vector<int64_t>> AsInts() const;

 private:
  TensorValue(DataType type, IntDims dims, std::vector<SymValue> integers,
              std::vector<double> floats, bool uniform);

  DataType type_ = DataType::kUndefined;
  IntDims dims_;
  std::vector<SymValue> integers_;
  std::vector<double> floats_;
  bool uniform_ = false;
  int64_t size_ = 0;
};

}  // namespace opcost

#endif  // OPCOST_IR_TENSOR_VALUE_H_

// SPDX-License-Identifier: Apache-2.0
// Sizes and counts: SymValues that are never negative.
#ifndef OPCOST_SUPPORT_EXTENT_H_
#define OPCOST_SUPPORT_EXTENT_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "opcost/support/sym_value.h"

namespace opcost {

// A checked, non-negative size or number of events, perhaps symbolic. Concrete
// arithmetic is integer arithmetic; a result below zero or above 2^63 - 1
// overflows, and stays so (see SymValue).
class Extent {
 public:
  constexpr Extent() = default;
  // Implicit, so that formulae may mix extents and numbers. Negative numbers
  // overflow.
  Extent(int64_t value)  // NOLINT(google-explicit-constructor)
      : value_(value < 0 ? SymValue::Overflow() : SymValue(value)) {}
  explicit Extent(SymValue value)
      : value_(value.is_concrete() && value.value() < 0 ? SymValue::Overflow()
                                                        : std::move(value)) {}
  static Extent Symbol(absl::string_view name) {
    return Extent(SymValue::Symbol(name));
  }
  static Extent Overflow() { return Extent(SymValue::Overflow()); }

  bool is_concrete() const { return value_.is_concrete(); }
  bool overflowed() const { return value_.overflowed(); }
  // The number itself; meaningless unless `is_concrete()`.
  int64_t value() const { return value_.value(); }
  std::optional<int64_t> AsInt() const { return value_.AsInt(); }
  const SymValue& sym() const { return value_; }
  bool Is(int64_t number) const { return is_concrete() && value() == number; }

  friend Extent operator+(const Extent& a, const Extent& b) {
    return Extent(a.value_ + b.value_);
  }
  // Overflows where the difference is known to be negative.
  friend Extent operator-(const Extent& a, const Extent& b) {
    return Extent(a.value_ - b.value_);
  }
  friend Extent operator*(const Extent& a, const Extent& b) {
    return Extent(a.value_ * b.value_);
  }
  // Exact where b divides a, else rounded down; division by zero overflows.
  friend Extent operator/(const Extent& a, const Extent& b) {
    return Extent(SymValue::FloorDiv(a.value_, b.value_));
  }
  Extent& operator+=(const Extent& b) { return *this = *this + b; }
  Extent& operator*=(const Extent& b) { return *this = *this * b; }
  static Extent CeilDiv(const Extent& a, const Extent& b) {
    return Extent(SymValue::CeilDiv(a.value_, b.value_));
  }
  static Extent Min(const Extent& a, const Extent& b) {
    return Extent(SymValue::Min(a.value_, b.value_));
  }
  static Extent Max(const Extent& a, const Extent& b) {
    return Extent(SymValue::Max(a.value_, b.value_));
  }
  friend bool operator==(const Extent& a, const Extent& b) {
    return a.value_ == b.value_;
  }

  Extent Bind(const Bindings& bindings) const {
    return Extent(value_.Bind(bindings));
  }
  void CollectSymbols(std::set<std::string>* names) const {
    value_.CollectSymbols(names);
  }
  std::string ToString() const { return value_.ToString(); }

 private:
  SymValue value_;
};

// A number of operations or of element accesses.
using Count = Extent;

}  // namespace opcost

#endif  // OPCOST_SUPPORT_EXTENT_H_

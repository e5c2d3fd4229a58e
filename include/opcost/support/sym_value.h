// SPDX-License-Identifier: Apache-2.0
// Integers that may depend on named dimensions.
#ifndef OPCOST_SUPPORT_SYM_VALUE_H_
#define OPCOST_SUPPORT_SYM_VALUE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace opcost {

// An immutable expression over symbols; known to src/support alone.
class SymExpr;

// Sizes of named dimensions.
using Bindings = absl::flat_hash_map<std::string, int64_t>;

// A signed 64-bit integer, or an expression over named dimensions in normal
// form: a sum of products of symbols and of indivisible functions (floor
// division, remainder, minimum, maximum, selection). Two expressions that
// normalise alike compare equal: P+S-P is S.
//
// Symbols stand for sizes: none is negative, and a divisor isn't zero, so that
// max(N, 0) is N, and N*M divided by N is M.
//
// A concrete value costs what an integer costs. An operation whose result
// doesn't fit 64 bits, divides by zero, or would grow an expression beyond
// what any model needs, gives `Overflow()`, and whatever is
// computed from that overflows too, so that a rule reads like its formula and
// is tested once, where it returns.
class SymValue {
 public:
  constexpr SymValue() = default;
  // Implicit, so that formulae may mix values and numbers.
  constexpr SymValue(int64_t value) : value_(value) {}  // NOLINT
  SymValue(const SymValue& other) : value_(other.value_), expr_(other.expr_) {
    if (expr_ != nullptr) Retain();
  }
  SymValue(SymValue&& other) noexcept
      : value_(other.value_), expr_(std::exchange(other.expr_, nullptr)) {}
  SymValue& operator=(const SymValue& other) { return *this = SymValue(other); }
  SymValue& operator=(SymValue&& other) noexcept {
    std::swap(value_, other.value_);
    std::swap(expr_, other.expr_);
    return *this;
  }
  ~SymValue() {
    if (expr_ != nullptr) Release();
  }

  // The dimension called `name`. A name is taken as it stands, also where it
  // looks like an expression (which sym_parser.h reads).
  static SymValue Symbol(absl::string_view name);
  static SymValue Overflow();

  bool is_concrete() const { return expr_ == nullptr; }
  bool overflowed() const;
  // The number itself; meaningless unless `is_concrete()`.
  constexpr int64_t value() const { return value_; }
  std::optional<int64_t> AsInt() const {
    return is_concrete() ? std::optional<int64_t>(value_) : std::nullopt;
  }

  friend SymValue operator+(const SymValue& a, const SymValue& b) {
    int64_t sum = 0;
    if (a.is_concrete() && b.is_concrete() &&
        !__builtin_add_overflow(a.value_, b.value_, &sum)) {
      return SymValue(sum);
    }
    return SlowAdd(a, b);
  }
  friend SymValue operator-(const SymValue& a, const SymValue& b) {
    int64_t difference = 0;
    if (a.is_concrete() && b.is_concrete() &&
        !__builtin_sub_overflow(a.value_, b.value_, &difference)) {
      return SymValue(difference);
    }
    return SlowSubtract(a, b);
  }
  friend SymValue operator*(const SymValue& a, const SymValue& b) {
    int64_t product = 0;
    if (a.is_concrete() && b.is_concrete() &&
        !__builtin_mul_overflow(a.value_, b.value_, &product)) {
      return SymValue(product);
    }
    return SlowMultiply(a, b);
  }
  SymValue& operator+=(const SymValue& b) { return *this = *this + b; }
  SymValue& operator*=(const SymValue& b) { return *this = *this * b; }

  // Rounded towards minus infinity. Division by zero overflows.
  static SymValue FloorDiv(const SymValue& a, const SymValue& b);
  // Rounded towards plus infinity.
  static SymValue CeilDiv(const SymValue& a, const SymValue& b);
  // Rounded towards zero, as C++ and ONNX's integer Div have it. Symbols stand
  // for dimensions, so a quotient of symbols is taken as non-negative.
  static SymValue TruncDiv(const SymValue& a, const SymValue& b);
  // The remainder with the sign of `b` (Python's %; ONNX Mod with fmod = 0).
  static SymValue Mod(const SymValue& a, const SymValue& b);
  static SymValue Min(const SymValue& a, const SymValue& b);
  static SymValue Max(const SymValue& a, const SymValue& b);
  // `a` if `condition` isn't zero, else `b`.
  static SymValue Select(const SymValue& condition, const SymValue& a,
                         const SymValue& b);

  // Equal for every choice of the symbols, as far as normal forms tell.
  friend bool operator==(const SymValue& a, const SymValue& b) {
    if (a.is_concrete() && b.is_concrete()) return a.value_ == b.value_;
    return SlowEqual(a, b);
  }

  // The value with the symbols of `bindings` replaced by their numbers.
  SymValue Bind(const Bindings& bindings) const;
  // Adds the names that the value depends on.
  void CollectSymbols(std::set<std::string>* names) const;
  // The name, where the value is one symbol alone; else nullptr. Refers to the
  // value.
  const std::string* AsSymbol() const;
  // "12*N", "P+S", "floor((H-3)/2)+1", "overflow"; plain digits if concrete.
  // The same value prints the same, and ParseExpression() reads it back; names
  // that aren't plain stand in quotes, unless one that can't be misread stands
  // alone. What is common is taken out of the terms, so that sums read as
  // people write them (sym_text.cc has the rule):
  // "1034420224*B*S + 90112*B*S*(P+S)".
  std::string ToString() const;

 private:
  friend class SymExpr;
  void Retain() const;
  void Release() const;
  static SymValue SlowAdd(const SymValue& a, const SymValue& b);
  static SymValue SlowSubtract(const SymValue& a, const SymValue& b);
  static SymValue SlowMultiply(const SymValue& a, const SymValue& b);
  static bool SlowEqual(const SymValue& a, const SymValue& b);

  int64_t value_ = 0;
  const SymExpr* expr_ = nullptr;  // null: concrete
};

}  // namespace opcost

#endif  // OPCOST_SUPPORT_SYM_VALUE_H_

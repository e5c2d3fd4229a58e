// SPDX-License-Identifier: Apache-2.0
// The polynomials behind SymValue. Private to src/support.
#ifndef OPCOST_SRC_SUPPORT_SYM_EXPR_H_
#define OPCOST_SRC_SUPPORT_SYM_EXPR_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/sym_value.h"

namespace opcost {
namespace sym {

// Bounds on one expression, so that hostile input costs neither time nor stack.
// Whatever would exceed them overflows.
inline constexpr size_t kMaxTerms = 256;
inline constexpr size_t kMaxProducts = 4096;  // within one multiplication
inline constexpr int kMaxPower = 64;
inline constexpr int kMaxDepth = 64;
inline constexpr int64_t kMaxSize = 2048;  // nodes, shared ones counted again
inline constexpr int64_t kNameBytesPerNode = 16;  // a long name is many nodes

// The order of the kinds is the order in which sums and products print.
enum class AtomKind { kSymbol, kFloorDiv, kMod, kMin, kMax, kSelect };

// What a product can't be divided into: a symbol, or a function of values.
struct Atom {
  AtomKind kind = AtomKind::kSymbol;
  std::string name;            // of a symbol
  std::vector<SymValue> args;  // of a function; at least one isn't concrete
  int depth = 0;               // of nested functions
  int64_t size = 1;            // in nodes
};

struct Factor {
  std::shared_ptr<const Atom> atom;
  int power = 1;
};

// Factors in the order of their atoms, powers above zero; empty is one.
using Monomial = std::vector<Factor>;

struct Term {
  int64_t coefficient = 0;  // never zero within a polynomial
  Monomial monomial;
};

// Terms in descending graded lexicographic order: the constant comes last.
using Polynomial = std::vector<Term>;

// Negative, zero or positive: a total order on each of these, independent of
// addresses; numbers come after expressions. Values that have overflowed
// compare alike.
int Compare(const Atom& a, const Atom& b);
int Compare(const Monomial& a, const Monomial& b);
int Compare(const SymValue& a, const SymValue& b);

// Each is empty where a number doesn't fit 64 bits or a bound is exceeded.
std::optional<Polynomial> Sum(const Polynomial& a, const Polynomial& b);
std::optional<Polynomial> Negated(Polynomial a);
std::optional<Polynomial> Product(const Polynomial& a, const Polynomial& b);
std::optional<Monomial> Product(const Monomial& a, const Monomial& b);

// a / b where b divides a.
std::optional<Monomial> Quotient(const Monomial& a, const Monomial& b);
// The greatest monomial that divides both.
Monomial CommonFactor(const Monomial& a, const Monomial& b);

// The terms of a value that hasn't overflowed.
Polynomial TermsOf(const SymValue& value);
// The value of a sum; nothing gives Overflow().
SymValue ValueOf(std::optional<Polynomial> terms);
// The value of one atom; Overflow() where a bound is exceeded.
SymValue ValueOf(Atom atom);
// The atom that `value` consists of, or null.
const Atom* AsAtom(const SymValue& value);

// Whether no choice of sizes, none of which is negative, makes it negative; no
// answer is false.
bool NeverNegative(const SymValue& value);

// A part of a sum as it prints: coefficient * monomial * (sum) * (sum) ...
struct FactoredTerm {
  int64_t coefficient = 1;
  Monomial monomial;
  std::vector<Polynomial> sums;  // none: one term of the sum
};
// The sum with what is common taken out; see sym_factor.cc.
std::vector<FactoredTerm> Factored(const Polynomial& terms);

std::string ToString(const Polynomial& terms);
// A name as it stands in an expression: in quotes unless it is plain.
std::string NameText(const std::string& name);

}  // namespace sym

// A polynomial that isn't a number, shared among the values that hold it.
class SymExpr {
 public:
  explicit SymExpr(sym::Polynomial terms) : terms_(std::move(terms)) {}
  SymExpr(const SymExpr&) = delete;
  SymExpr& operator=(const SymExpr&) = delete;

  // Null if the value is concrete.
  static const SymExpr* Of(const SymValue& value) { return value.expr_; }
  // A value that takes over the reference that a new expression starts with.
  static SymValue Wrap(const SymExpr* expr) {
    SymValue value;
    value.expr_ = expr;
    return value;
  }
  static const SymExpr* OverflowSentinel();

  const sym::Polynomial& terms() const { return terms_; }
  void Retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  // Whether that was the last reference.
  bool Release() const {
    return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

 private:
  mutable std::atomic<int64_t> references_{1};
  const sym::Polynomial terms_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_SUPPORT_SYM_EXPR_H_

// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/sym_value.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "opcost/support/sym_parser.h"
#include "src/support/sym_expr.h"

namespace opcost {
namespace {

using sym::Atom;
using sym::AtomKind;
using sym::Monomial;
using sym::Polynomial;
using sym::Term;
using sym::TermsOf;
using sym::ValueOf;

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

SymValue Function(AtomKind kind, std::vector<SymValue> args) {
  Atom atom;
  atom.kind = kind;
  atom.args = std::move(args);
  return ValueOf(std::move(atom));
}

uint64_t Magnitude(int64_t number) {
  return number < 0 ? uint64_t{0} - static_cast<uint64_t>(number)
                    : static_cast<uint64_t>(number);
}

bool DividesWithin64Bits(int64_t a, int64_t b) {
  return b != 0 && !(a == kLowest && b == -1);
}

// Needs DividesWithin64Bits(a, b).
int64_t FloorOf(int64_t a, int64_t b) {
  return a / b - static_cast<int64_t>(a % b != 0 && (a < 0) != (b < 0));
}

// Likewise; has the sign of `b`.
int64_t ModOf(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

bool IsConstant(const Polynomial& terms) {
  return terms.empty() || terms[0].monomial.empty();
}

// numerator = quotient * divisor + remainder
struct Split {
  Polynomial quotient;
  Polynomial remainder;
};

// Splits off the terms that a divisor of one term divides, and the whole part
// of a constant over a positive constant.
Split SplitByTerm(const Polynomial& numerator, const Term& divisor) {
  Split split;
  for (const Term& term : numerator) {
    std::optional<Monomial> monomial =
        sym::Quotient(term.monomial, divisor.monomial);
    if (!monomial.has_value() ||
        !DividesWithin64Bits(term.coefficient, divisor.coefficient)) {
      split.remainder.push_back(term);
      continue;
    }
    const int64_t whole = FloorOf(term.coefficient, divisor.coefficient);
    const int64_t rest = ModOf(term.coefficient, divisor.coefficient);
    if (rest != 0 && !term.monomial.empty()) {
      split.remainder.push_back(term);
      continue;
    }
    if (whole != 0) split.quotient.push_back({whole, *std::move(monomial)});
    if (rest != 0) split.remainder.push_back({rest, term.monomial});
  }
  return split;
}

// Long division by a sum; empty unless it comes out even.
std::optional<Polynomial> ExactQuotient(Polynomial rest,
                                        const Polynomial& divisor) {
  Polynomial quotient;
  const Term& leading = divisor.front();
  while (!rest.empty()) {
    Split split = SplitByTerm({rest.front()}, leading);
    if (!split.remainder.empty() || quotient.size() == sym::kMaxTerms)
      return std::nullopt;
    std::optional<Polynomial> taken = sym::Product(split.quotient, divisor);
    if (taken.has_value()) taken = sym::Negated(*std::move(taken));
    if (taken.has_value()) taken = sym::Sum(rest, *taken);
    // A remainder that grows is no even division that anyone will wait for.
    if (!taken.has_value() || taken->size() > sym::kMaxTerms)
      return std::nullopt;
    rest = *std::move(taken);
    quotient.push_back(std::move(split.quotient.front()));
  }
  return quotient;
}

Split SplitBy(const Polynomial& numerator, const Polynomial& divisor) {
  if (divisor.size() == 1) return SplitByTerm(numerator, divisor.front());
  std::optional<Polynomial> quotient = ExactQuotient(numerator, divisor);
  if (quotient.has_value()) return {*std::move(quotient), {}};
  return {{}, numerator};
}

// The greatest number that divides `start` and all coefficients; over a
// constant divisor the numerator's constant doesn't matter to rounding down.
uint64_t CommonDivisor(const Polynomial& terms, uint64_t start,
                       bool with_constant) {
  for (const Term& term : terms) {
    if (with_constant || !term.monomial.empty())
      start = std::gcd(start, Magnitude(term.coefficient));
  }
  return start;
}

Polynomial DividedBy(const Polynomial& terms, int64_t number,
                     const Monomial& monomial) {
  Polynomial result;
  for (const Term& term : terms) {
    const int64_t coefficient = FloorOf(term.coefficient, number);
    std::optional<Monomial> rest = sym::Quotient(term.monomial, monomial);
    if (coefficient != 0 && rest.has_value())
      result.push_back({coefficient, *std::move(rest)});
  }
  return result;
}

// Cancels what numerator and divisor share; false if there is nothing.
bool Cancel(Polynomial* numerator, Polynomial* divisor) {
  const uint64_t shared = CommonDivisor(
      *numerator, CommonDivisor(*divisor, 0, true), !IsConstant(*divisor));
  const int64_t number = shared > static_cast<uint64_t>(kHighest)
                             ? 1
                             : static_cast<int64_t>(shared);
  Monomial monomial = divisor->front().monomial;
  for (const Polynomial* terms : {numerator, divisor}) {
    for (const Term& term : *terms)
      monomial = sym::CommonFactor(monomial, term.monomial);
  }
  if (number <= 1 && monomial.empty()) return false;
  *numerator = DividedBy(*numerator, number, monomial);
  *divisor = DividedBy(*divisor, number, monomial);
  return true;
}

// floor((floor(x/a) + c) / b) = floor((x + a*c) / (a*b)) for whole a, b > 0.
// Empty for any other numerator.
std::optional<SymValue> FloorOfFloor(const Polynomial& numerator,
                                     int64_t divisor) {
  const Term& term = numerator.front();
  if (numerator.size() > 2 || term.coefficient != 1 ||
      term.monomial.size() != 1 || term.monomial[0].power != 1) {
    return std::nullopt;
  }
  const Atom& atom = *term.monomial[0].atom;
  if (atom.kind != AtomKind::kFloorDiv || !atom.args[1].is_concrete())
    return std::nullopt;
  if (numerator.size() == 2 && !numerator[1].monomial.empty())
    return std::nullopt;
  const int64_t constant = numerator.size() == 2 ? numerator[1].coefficient : 0;
  const SymValue joined = atom.args[0] + atom.args[1] * constant;
  const SymValue both = atom.args[1] * divisor;
  if (joined.overflowed() || both.overflowed()) return std::nullopt;
  return SymValue::FloorDiv(joined, both);
}

// Rounds down a quotient whose whole part has been split off. The recursion
// through FloorDiv ends: every step lessens a coefficient, a degree or a depth,
// each of which is bounded.
SymValue Fraction(Polynomial numerator, Polynomial divisor) {
  if (numerator.empty()) return 0;
  if (IsConstant(divisor) && IsConstant(numerator)) return 0;
  if (Cancel(&numerator, &divisor))
    return SymValue::FloorDiv(ValueOf(std::move(numerator)),
                              ValueOf(std::move(divisor)));
  if (IsConstant(divisor)) {
    std::optional<SymValue> joined =
        FloorOfFloor(numerator, divisor.front().coefficient);
    if (joined.has_value()) return *std::move(joined);
  }
  return Function(AtomKind::kFloorDiv,
                  {ValueOf(std::move(numerator)), ValueOf(std::move(divisor))});
}

// Whether a function of both is `absorbing` already: min(a, min(a, b)).
bool Absorbs(AtomKind kind, const SymValue& absorbing, const SymValue& other) {
  const Atom* atom = sym::AsAtom(absorbing);
  return atom != nullptr && atom->kind == kind &&
         (atom->args[0] == other || atom->args[1] == other);
}

// The smaller (or larger) of two values, neither of which has overflowed.
SymValue Extreme(AtomKind kind, const SymValue& a, const SymValue& b) {
  const bool least = kind == AtomKind::kMin;
  if (a.is_concrete() && b.is_concrete())
    return least ? std::min(a.value(), b.value())
                 : std::max(a.value(), b.value());
  for (const auto& [x, y] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    // No value is beyond the ends of 64 bits.
    if (x->is_concrete() && x->value() == (least ? kHighest : kLowest))
      return *y;
    if (x->is_concrete() && x->value() == (least ? kLowest : kHighest))
      return *x;
    if (sym::NeverNegative(*x - *y)) return least ? *y : *x;
    if (Absorbs(kind, *x, *y)) return *x;
    // max(a, min(a, b)) is a.
    if (Absorbs(least ? AtomKind::kMax : AtomKind::kMin, *y, *x)) return *x;
  }
  return sym::Compare(a, b) < 0 ? Function(kind, {a, b})
                                : Function(kind, {b, a});
}

SymValue Power(const SymValue& base, int power) {
  SymValue result = 1;
  for (int i = 0; i < power && !result.overflowed(); ++i) result *= base;
  return result;
}

SymValue BindAtom(const Atom& atom, const Bindings& bindings) {
  if (atom.kind == AtomKind::kSymbol) {
    const auto found = bindings.find(atom.name);
    return found == bindings.end() ? SymValue::Symbol(atom.name)
                                   : SymValue(found->second);
  }
  std::vector<SymValue> args;
  args.reserve(atom.args.size());
  for (const SymValue& arg : atom.args) args.push_back(arg.Bind(bindings));
  switch (atom.kind) {
    case AtomKind::kFloorDiv:
      return SymValue::FloorDiv(args[0], args[1]);
    case AtomKind::kMod:
      return SymValue::Mod(args[0], args[1]);
    case AtomKind::kMin:
      return SymValue::Min(args[0], args[1]);
    case AtomKind::kMax:
      return SymValue::Max(args[0], args[1]);
    case AtomKind::kSelect:
      return SymValue::Select(args[0], args[1], args[2]);
    case AtomKind::kSymbol:
      break;
  }
  return SymValue::Overflow();
}

// Coefficients within [0, divisor), which the remainder doesn't see.
Polynomial ReducedModulo(const Polynomial& terms, int64_t divisor) {
  Polynomial reduced;
  for (const Term& term : terms) {
    const int64_t rest = ModOf(term.coefficient, divisor);
    if (rest != 0) reduced.push_back({rest, term.monomial});
  }
  return reduced;
}

// The remainder over a positive number; `terms` aren't a constant.
SymValue ModNumber(const Polynomial& terms, int64_t divisor) {
  const Polynomial reduced = ReducedModulo(terms, divisor);
  if (IsConstant(reduced)) return ValueOf(reduced);
  // (g*x + c) mod (g*k) = g*((x + floor(c/g)) mod k) + c mod g
  const auto shared =
      static_cast<int64_t>(CommonDivisor(reduced, Magnitude(divisor), false));
  if (shared > 1) {
    const Term& last = reduced.back();
    const int64_t constant = last.monomial.empty() ? last.coefficient : 0;
    return SymValue::Mod(ValueOf(DividedBy(reduced, shared, {})),
                         divisor / shared) *
               shared +
           constant % shared;
  }
  const SymValue value = ValueOf(reduced);
  const Atom* atom = sym::AsAtom(value);
  if (atom != nullptr && atom->kind == AtomKind::kMod &&
      atom->args[1] == SymValue(divisor)) {
    return value;
  }
  return Function(AtomKind::kMod, {value, divisor});
}

}  // namespace

SymValue SymValue::Symbol(absl::string_view name) {
  Atom atom;
  atom.name = std::string(name);
  return ValueOf(std::move(atom));
}

SymValue SymValue::Overflow() {
  return SymExpr::Wrap(SymExpr::OverflowSentinel());
}

bool SymValue::overflowed() const {
  return expr_ != nullptr && expr_ == SymExpr::OverflowSentinel();
}

void SymValue::Retain() const {
  if (!overflowed()) expr_->Retain();
}

void SymValue::Release() const {
  if (!overflowed() && expr_->Release()) delete expr_;
}

SymValue SymValue::SlowAdd(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  return ValueOf(sym::Sum(TermsOf(a), TermsOf(b)));
}

SymValue SymValue::SlowSubtract(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  std::optional<Polynomial> negated = sym::Negated(TermsOf(b));
  if (!negated.has_value()) return Overflow();
  return ValueOf(sym::Sum(TermsOf(a), *negated));
}

SymValue SymValue::SlowMultiply(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  return ValueOf(sym::Product(TermsOf(a), TermsOf(b)));
}

bool SymValue::SlowEqual(const SymValue& a, const SymValue& b) {
  return a.overflowed() == b.overflowed() && sym::Compare(a, b) == 0;
}

SymValue SymValue::FloorDiv(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  if (b.is_concrete() && b.value() == 0) return Overflow();
  if (a.is_concrete() && b.is_concrete()) {
    if (!DividesWithin64Bits(a.value(), b.value())) return Overflow();
    return FloorOf(a.value(), b.value());
  }
  const Polynomial divisor = TermsOf(b);
  if (divisor.front().coefficient < 0) {
    const SymValue negated = 0 - b;
    return negated.overflowed() ? Overflow() : FloorDiv(0 - a, negated);
  }
  Split split = SplitBy(TermsOf(a), divisor);
  return ValueOf(std::move(split.quotient)) +
         Fraction(std::move(split.remainder), divisor);
}

SymValue SymValue::CeilDiv(const SymValue& a, const SymValue& b) {
  if (b.is_concrete() && !a.is_concrete()) {
    if (b.value() < 0) return CeilDiv(0 - a, 0 - b);
    const SymValue raised = a + (b - 1);
    if (b.value() > 0 && !raised.overflowed()) return FloorDiv(raised, b);
  }
  if (a.is_concrete() && b.is_concrete()) {
    if (!DividesWithin64Bits(a.value(), b.value())) return Overflow();
    const int64_t floor = FloorOf(a.value(), b.value());
    return floor + static_cast<int64_t>(a.value() % b.value() != 0);
  }
  return 0 - FloorDiv(0 - a, b);
}

SymValue SymValue::TruncDiv(const SymValue& a, const SymValue& b) {
  if (a.is_concrete() && b.is_concrete()) {
    if (!DividesWithin64Bits(a.value(), b.value())) return Overflow();
    return a.value() / b.value();
  }
  return FloorDiv(a, b);
}

SymValue SymValue::Mod(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  if (b.is_concrete()) {
    if (b.value() == 0) return Overflow();
    if (b.value() == -1) return 0;
    if (a.is_concrete()) return ModOf(a.value(), b.value());
    if (b.value() < 0) return 0 - Mod(0 - a, 0 - b);
    return ModNumber(TermsOf(a), b.value());
  }
  const Polynomial rest = SplitBy(TermsOf(a), TermsOf(b)).remainder;
  if (rest.empty()) return 0;
  return Function(AtomKind::kMod, {ValueOf(rest), b});
}

SymValue SymValue::Min(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  return Extreme(AtomKind::kMin, a, b);
}

SymValue SymValue::Max(const SymValue& a, const SymValue& b) {
  if (a.overflowed() || b.overflowed()) return Overflow();
  return Extreme(AtomKind::kMax, a, b);
}

SymValue SymValue::Select(const SymValue& condition, const SymValue& a,
                          const SymValue& b) {
  if (condition.overflowed()) return Overflow();
  if (condition.is_concrete()) return condition.value() != 0 ? a : b;
  if (a.overflowed() || b.overflowed()) return Overflow();
  if (a == b) return a;
  return Function(AtomKind::kSelect, {condition, a, b});
}

SymValue SymValue::Bind(const Bindings& bindings) const {
  if (is_concrete() || overflowed() || bindings.empty()) return *this;
  SymValue sum = 0;
  for (const Term& term : expr_->terms()) {
    SymValue product = term.coefficient;
    for (const sym::Factor& factor : term.monomial)
      product *= Power(BindAtom(*factor.atom, bindings), factor.power);
    sum += product;
  }
  return sum;
}

void SymValue::CollectSymbols(std::set<std::string>* names) const {
  if (is_concrete()) return;
  for (const Term& term : expr_->terms()) {
    for (const sym::Factor& factor : term.monomial) {
      if (factor.atom->kind == AtomKind::kSymbol)
        names->insert(factor.atom->name);
      for (const SymValue& arg : factor.atom->args) arg.CollectSymbols(names);
    }
  }
}

const std::string* SymValue::AsSymbol() const {
  const Atom* atom = sym::AsAtom(*this);
  return atom != nullptr && atom->kind == AtomKind::kSymbol ? &atom->name
                                                            : nullptr;
}

std::string SymValue::ToString() const {
  if (is_concrete()) return std::to_string(value_);
  if (overflowed()) return "overflow";
  const std::string* name = AsSymbol();
  // Alone, a name that is no expression can't be misread.
  if (name != nullptr && !ParseExpression(*name).ok()) return *name;
  return sym::ToString(expr_->terms());
}

}  // namespace opcost

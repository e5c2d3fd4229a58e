// SPDX-License-Identifier: Apache-2.0
#include "src/support/sym_expr.h"

#include <algorithm>

namespace opcost {
namespace sym {
namespace {

int Sign(bool less, bool greater) { return less ? -1 : (greater ? 1 : 0); }

int CompareNumbers(int64_t a, int64_t b) { return Sign(a<b, a> b); }

int Degree(const Monomial& monomial) {
  int degree = 0;
  for (const Factor& factor : monomial) degree += factor.power;
  return degree;
}

int ComparePolynomials(const Polynomial& a, const Polynomial& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (int order = Compare(a[i].monomial, b[i].monomial); order != 0)
      return order;
    if (int order = CompareNumbers(a[i].coefficient, b[i].coefficient);
        order != 0)
      return order;
  }
  return Sign(a.size() < b.size(), a.size() > b.size());
}

// Adds up neighbours that are alike and drops what cancels.
std::optional<Polynomial> MergeSorted(Polynomial terms) {
  Polynomial merged;
  for (Term& term : terms) {
    if (merged.empty() || Compare(merged.back().monomial, term.monomial) != 0) {
      merged.push_back(std::move(term));
    } else if (__builtin_add_overflow(merged.back().coefficient,
                                      term.coefficient,
                                      &merged.back().coefficient)) {
      return std::nullopt;
    }
    if (merged.back().coefficient == 0) merged.pop_back();
  }
  return merged;
}

// The depth and the size of a polynomial in nodes.
std::pair<int, int64_t> Measure(const Polynomial& terms) {
  int depth = 0;
  int64_t size = 0;
  for (const Term& term : terms) {
    ++size;
    for (const Factor& factor : term.monomial) {
      depth = std::max(depth, factor.atom->depth);
      size += factor.atom->size;
    }
  }
  return {depth, size};
}

bool AtomNeverNegative(const Atom& atom) {
  const auto arg = [&atom](size_t i) { return NeverNegative(atom.args[i]); };
  switch (atom.kind) {
    case AtomKind::kSymbol:
      return true;
    case AtomKind::kFloorDiv:
    case AtomKind::kMin:
      return arg(0) && arg(1);
    case AtomKind::kMod:
      return arg(1);
    case AtomKind::kMax:
      return arg(0) || arg(1);
    case AtomKind::kSelect:
      return arg(1) && arg(2);
  }
  return false;
}

}  // namespace

int Compare(const Atom& a, const Atom& b) {
  if (&a == &b) return 0;
  if (a.kind != b.kind) return Sign(a.kind<b.kind, a.kind> b.kind);
  if (a.kind == AtomKind::kSymbol) return a.name.compare(b.name);
  for (size_t i = 0; i < a.args.size(); ++i) {
    if (int order = Compare(a.args[i], b.args[i]); order != 0) return order;
  }
  return 0;
}

int Compare(const Monomial& a, const Monomial& b) {
  if (int order = CompareNumbers(Degree(b), Degree(a)); order != 0)
    return order;
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (int order = Compare(*a[i].atom, *b[i].atom); order != 0) return order;
    if (a[i].power != b[i].power) return b[i].power - a[i].power;
  }
  return Sign(a.size() < b.size(), a.size() > b.size());
}

int Compare(const SymValue& a, const SymValue& b) {
  if (a.is_concrete() && b.is_concrete())
    return CompareNumbers(a.value(), b.value());
  if (a.is_concrete() || b.is_concrete()) return a.is_concrete() ? 1 : -1;
  if (SymExpr::Of(a) == SymExpr::Of(b)) return 0;
  return ComparePolynomials(SymExpr::Of(a)->terms(), SymExpr::Of(b)->terms());
}

std::optional<Polynomial> Sum(const Polynomial& a, const Polynomial& b) {
  Polynomial terms;
  terms.reserve(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(terms),
             [](const Term& x, const Term& y) {
               return Compare(x.monomial, y.monomial) < 0;
             });
  return MergeSorted(std::move(terms));
}

std::optional<Polynomial> Negated(Polynomial a) {
  for (Term& term : a) {
    if (__builtin_sub_overflow(int64_t{0}, term.coefficient, &term.coefficient))
      return std::nullopt;
  }
  return a;
}

std::optional<Monomial> Product(const Monomial& a, const Monomial& b) {
  Monomial product;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    int order = 0;
    if (i == a.size() || j == b.size()) {
      order = i == a.size() ? 1 : -1;
    } else {
      order = Compare(*a[i].atom, *b[j].atom);
    }
    if (order < 0) {
      product.push_back(a[i++]);
    } else if (order > 0) {
      product.push_back(b[j++]);
    } else {
      product.push_back({a[i].atom, a[i].power + b[j].power});
      if (product.back().power > kMaxPower) return std::nullopt;
      ++i;
      ++j;
    }
  }
  return product;
}

std::optional<Polynomial> Product(const Polynomial& a, const Polynomial& b) {
  if (a.size() * b.size() > kMaxProducts) return std::nullopt;
  Polynomial terms;
  terms.reserve(a.size() * b.size());
  for (const Term& x : a) {
    for (const Term& y : b) {
      Term term;
      std::optional<Monomial> monomial = Product(x.monomial, y.monomial);
      if (!monomial.has_value() ||
          __builtin_mul_overflow(x.coefficient, y.coefficient,
                                 &term.coefficient)) {
        return std::nullopt;
      }
      term.monomial = *std::move(monomial);
      terms.push_back(std::move(term));
    }
  }
  std::sort(terms.begin(), terms.end(), [](const Term& x, const Term& y) {
    return Compare(x.monomial, y.monomial) < 0;
  });
  return MergeSorted(std::move(terms));
}

std::optional<Monomial> Quotient(const Monomial& a, const Monomial& b) {
  Monomial quotient;
  size_t j = 0;
  for (const Factor& factor : a) {
    int power = factor.power;
    if (j < b.size() && Compare(*factor.atom, *b[j].atom) == 0)
      power -= b[j++].power;
    if (power < 0) return std::nullopt;
    if (power > 0) quotient.push_back({factor.atom, power});
  }
  if (j < b.size()) return std::nullopt;
  return quotient;
}

Monomial CommonFactor(const Monomial& a, const Monomial& b) {
  Monomial common;
  for (const Factor& x : a) {
    for (const Factor& y : b) {
      if (Compare(*x.atom, *y.atom) == 0)
        common.push_back({x.atom, std::min(x.power, y.power)});
    }
  }
  return common;
}

Polynomial TermsOf(const SymValue& value) {
  if (!value.is_concrete()) return SymExpr::Of(value)->terms();
  if (value.value() == 0) return {};
  return {Term{value.value(), {}}};
}

SymValue ValueOf(std::optional<Polynomial> terms) {
  if (!terms.has_value()) return SymValue::Overflow();
  if (terms->empty()) return 0;
  if (terms->front().monomial.empty()) return terms->front().coefficient;
  if (terms->size() > kMaxTerms || Measure(*terms).second > kMaxSize)
    return SymValue::Overflow();
  return SymExpr::Wrap(new SymExpr(*std::move(terms)));
}

SymValue ValueOf(Atom atom) {
  atom.size = 1 + static_cast<int64_t>(atom.name.size()) / kNameBytesPerNode;
  for (const SymValue& arg : atom.args) {
    if (arg.overflowed()) return SymValue::Overflow();
    const auto [depth, size] = Measure(TermsOf(arg));
    atom.depth = std::max(atom.depth, depth + 1);
    atom.size += size;
  }
  if (atom.depth > kMaxDepth) return SymValue::Overflow();
  Polynomial terms;
  terms.push_back(
      {1, {Factor{std::make_shared<const Atom>(std::move(atom)), 1}}});
  return ValueOf(std::move(terms));
}

const Atom* AsAtom(const SymValue& value) {
  if (value.is_concrete() || value.overflowed()) return nullptr;
  const Polynomial& terms = SymExpr::Of(value)->terms();
  if (terms.size() != 1 || terms[0].coefficient != 1) return nullptr;
  const Monomial& monomial = terms[0].monomial;
  if (monomial.size() != 1 || monomial[0].power != 1) return nullptr;
  return monomial[0].atom.get();
}

bool NeverNegative(const SymValue& value) {
  if (value.is_concrete()) return value.value() >= 0;
  if (value.overflowed()) return false;
  for (const Term& term : SymExpr::Of(value)->terms()) {
    if (term.coefficient < 0) return false;
    for (const Factor& factor : term.monomial) {
      if (factor.power % 2 != 0 && !AtomNeverNegative(*factor.atom))
        return false;
    }
  }
  return true;
}

}  // namespace sym

const SymExpr* SymExpr::OverflowSentinel() {
  // Never destroyed: values with static storage may outlive everything else.
  static const SymExpr* const sentinel = new SymExpr({});
  return sentinel;
}

}  // namespace opcost

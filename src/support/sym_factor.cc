// SPDX-License-Identifier: Apache-2.0
// What of a sum is common, for how it prints.
//
// 1. A sum that is a product of sums is taken apart: (H-2)*(W-2)*9. So is one
//    of two terms of which one is the other's multiple by a symbol, apart from
//    a small constant: 9*N*(H-2).
// 2. Else terms whose coefficients differ at most in sign and that have factors
//    in common stand together, the most factors first:
//    90112*B*P*S + 90112*B*S^2 is 90112*B*S*(P+S).
// The parts stand in the order of their common factors, single terms first.
#include <algorithm>
#include <limits>
#include <numeric>

#include "src/support/sym_expr.h"

namespace opcost {
namespace sym {
namespace {

// Longer sums aren't products that anyone would recognise.
constexpr size_t kMaxTermsOfProduct = 32;
// A kernel's reach, as in H-2; a larger constant is a term of its own right.
constexpr int64_t kMaxShift = 99;
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();

int64_t Magnitude(int64_t number) { return number < 0 ? -number : number; }

int Degree(const Monomial& monomial) {
  int degree = 0;
  for (const Factor& factor : monomial) degree += factor.power;
  return degree;
}

Monomial CommonMonomial(const Polynomial& terms) {
  Monomial common = terms.front().monomial;
  for (const Term& term : terms) common = CommonFactor(common, term.monomial);
  return common;
}

// The terms over a number and a monomial that divide each of them. Dividing all
// by the same monomial keeps their order.
Polynomial Divided(const Polynomial& terms, int64_t number,
                   const Monomial& monomial) {
  Polynomial divided;
  for (const Term& term : terms) {
    divided.push_back(
        {term.coefficient / number, *Quotient(term.monomial, monomial)});
  }
  return divided;
}

// sum = by_atom * atom + rest; false if the atom occurs with another power.
bool SplitByAtom(const Polynomial& sum, const Atom& atom, Polynomial* by_atom,
                 Polynomial* rest) {
  for (const Term& term : sum) {
    Monomial others;
    bool has_atom = false;
    for (const Factor& factor : term.monomial) {
      if (Compare(*factor.atom, atom) != 0) {
        others.push_back(factor);
      } else if (factor.power == 1) {
        has_atom = true;
      } else {
        return false;
      }
    }
    (has_atom ? by_atom : rest)
        ->push_back({term.coefficient, std::move(others)});
  }
  return true;
}

// Sums whose product `sum` is; nothing is common to all of its terms.
std::vector<Polynomial> SumsOf(const Polynomial& sum) {
  for (const Term& term : sum) {
    for (const Factor& factor : term.monomial) {
      Polynomial by_atom;
      Polynomial rest;
      if (!SplitByAtom(sum, *factor.atom, &by_atom, &rest)) continue;
      if (by_atom.size() < 2 || rest.size() < 2) continue;
      const SymValue first = ValueOf(by_atom);
      const SymValue shift = SymValue::FloorDiv(ValueOf(rest), first);
      if (shift.overflowed() || !(shift * first == ValueOf(rest))) continue;
      const SymValue second =
          ValueOf(Polynomial{{1, {Factor{factor.atom, 1}}}}) + shift;
      if (second.overflowed()) continue;
      std::vector<Polynomial> sums = SumsOf(TermsOf(first));
      sums.push_back(TermsOf(second));
      return sums;
    }
  }
  return {sum};
}

bool IsShiftedSymbol(const Polynomial& sum) {
  return sum.size() == 2 && sum[0].coefficient == 1 &&
         Degree(sum[0].monomial) == 1 && sum[1].monomial.empty() &&
         Magnitude(sum[1].coefficient) <= kMaxShift;
}

// The whole sum as one product; no sums if it isn't one.
FactoredTerm AsProduct(const Polynomial& terms) {
  FactoredTerm product;
  if (terms.size() < 2 || terms.size() > kMaxTermsOfProduct) return product;
  int64_t number = 0;
  for (const Term& term : terms) {
    number = std::gcd(number, term.coefficient);
  }
  if (terms.front().coefficient < 0) number = -number;
  product.coefficient = number;
  product.monomial = CommonMonomial(terms);
  const Polynomial rest = Divided(terms, number, product.monomial);
  std::vector<Polynomial> sums = SumsOf(rest);
  if (sums.size() > 1 || (!product.monomial.empty() && IsShiftedSymbol(rest))) {
    std::sort(sums.begin(), sums.end(),
              [](const Polynomial& a, const Polynomial& b) {
                return Compare(ValueOf(a), ValueOf(b)) < 0;
              });
    product.sums = std::move(sums);
  }
  return product;
}

// Takes the first of `terms`, and those that share its coefficient and the most
// of its factors.
FactoredTerm TakeGroup(Polynomial* terms) {
  const Term first = terms->front();
  Monomial common;
  const auto is_alike = [&first](const Term& term) {
    return Magnitude(term.coefficient) == Magnitude(first.coefficient);
  };
  for (size_t i = 1; i < terms->size(); ++i) {
    if (!is_alike((*terms)[i])) continue;
    Monomial shared = CommonFactor(first.monomial, (*terms)[i].monomial);
    if (Degree(shared) > Degree(common)) common = std::move(shared);
  }
  if (common.empty()) {
    terms->erase(terms->begin());
    return {first.coefficient, first.monomial, {}};
  }
  Polynomial group;
  Polynomial others;
  for (Term& term : *terms) {
    const bool belongs =
        is_alike(term) && Quotient(term.monomial, common).has_value();
    (belongs ? group : others).push_back(std::move(term));
  }
  *terms = std::move(others);
  const bool all_negative =
      std::all_of(group.begin(), group.end(),
                  [](const Term& term) { return term.coefficient < 0; });
  const int64_t magnitude = Magnitude(first.coefficient);
  const int64_t number = all_negative ? -magnitude : magnitude;
  common = CommonMonomial(group);
  return {number, common, {Divided(group, number, common)}};
}

// Term by term; the lowest number, whose magnitude is none, as two terms.
std::vector<FactoredTerm> PlainTerms(const Polynomial& terms) {
  std::vector<FactoredTerm> plain;
  for (const Term& term : terms) {
    int64_t coefficient = term.coefficient;
    if (coefficient == kLowest) {
      plain.push_back({kLowest + 1, term.monomial, {}});
      coefficient = -1;
    }
    plain.push_back({coefficient, term.monomial, {}});
  }
  return plain;
}

}  // namespace

std::vector<FactoredTerm> Factored(const Polynomial& terms) {
  if (std::any_of(terms.begin(), terms.end(), [](const Term& term) {
        return term.coefficient == kLowest;
      })) {
    return PlainTerms(terms);
  }
  FactoredTerm whole = AsProduct(terms);
  if (!whole.sums.empty()) return {std::move(whole)};
  std::vector<FactoredTerm> parts;
  Polynomial left = terms;
  while (!left.empty()) parts.push_back(TakeGroup(&left));
  std::stable_sort(parts.begin(), parts.end(),
                   [](const FactoredTerm& a, const FactoredTerm& b) {
                     const int order = Compare(a.monomial, b.monomial);
                     if (order != 0) return order < 0;
                     return a.sums.size() < b.sums.size();
                   });
  return parts;
}

}  // namespace sym
}  // namespace opcost

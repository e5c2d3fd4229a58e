// SPDX-License-Identifier: Apache-2.0
// How expressions print.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/support/sym_expr.h"

namespace opcost {
namespace sym {
namespace {

std::string InParentheses(const std::string& text) {
  return absl::StrCat("(", text, ")");
}

// A divisor binds tighter than products and sums.
std::string DivisorText(const SymValue& divisor) {
  const std::string text = divisor.ToString();
  if (divisor.is_concrete() || AsAtom(divisor) != nullptr) return text;
  return InParentheses(text);
}

std::string FloorText(const SymValue& numerator, const SymValue& divisor) {
  std::string text = numerator.ToString();
  if (!numerator.is_concrete() && SymExpr::Of(numerator)->terms().size() > 1)
    text = InParentheses(text);
  return absl::StrCat("floor(", text, "/", DivisorText(divisor), ")");
}

std::string CallText(absl::string_view function, const Atom& atom) {
  std::string text = absl::StrCat(function, "(");
  for (size_t i = 0; i < atom.args.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "" : ", ", atom.args[i].ToString());
  return text + ")";
}

std::string AtomText(const Atom& atom) {
  switch (atom.kind) {
    case AtomKind::kSymbol:
      return atom.name;
    case AtomKind::kFloorDiv:
      return FloorText(atom.args[0], atom.args[1]);
    case AtomKind::kMod:
      return CallText("mod", atom);
    case AtomKind::kMin:
      return CallText("min", atom);
    case AtomKind::kMax:
      return CallText("max", atom);
    case AtomKind::kSelect:
      return CallText("select", atom);
  }
  return "?";
}

// A dimension may be called "past + 1"; beside other terms it needs brackets.
std::string FactorText(const Factor& factor) {
  std::string text = AtomText(*factor.atom);
  if (factor.atom->kind == AtomKind::kSymbol &&
      text.find_first_of(" +-*/^%(),") != std::string::npos) {
    text = InParentheses(text);
  }
  if (factor.power > 1) absl::StrAppend(&text, "^", factor.power);
  return text;
}

void AppendTerm(const Term& term, std::string* text) {
  if (term.monomial.empty()) {
    absl::StrAppend(text, term.coefficient < 0 || text->empty() ? "" : "+",
                    term.coefficient);
    return;
  }
  if (term.coefficient == -1) {
    text->append("-");
  } else {
    if (term.coefficient > 0 && !text->empty()) text->append("+");
    if (term.coefficient != 1) absl::StrAppend(text, term.coefficient, "*");
  }
  for (size_t i = 0; i < term.monomial.size(); ++i)
    absl::StrAppend(text, i == 0 ? "" : "*", FactorText(term.monomial[i]));
}

// floor((H+1)/2)-1 reads as the sliding window it mostly is: floor((H-3)/2)+1.
// Empty for any other sum.
std::string WindowText(const Polynomial& terms) {
  if (terms.size() != 2 || terms[0].coefficient != 1 ||
      !terms[1].monomial.empty() || terms[1].coefficient >= 0) {
    return "";
  }
  const Monomial& monomial = terms[0].monomial;
  if (monomial.size() != 1 || monomial[0].power != 1 ||
      monomial[0].atom->kind != AtomKind::kFloorDiv) {
    return "";
  }
  const std::vector<SymValue>& args = monomial[0].atom->args;
  const SymValue moved =
      args[0] + args[1] * (SymValue(terms[1].coefficient) - 1);
  if (!args[1].is_concrete() || moved.overflowed()) return "";
  return FloorText(moved, args[1]) + "+1";
}

}  // namespace

std::string ToString(const Polynomial& terms) {
  if (terms.size() == 1 && terms[0].coefficient == 1 &&
      terms[0].monomial.size() == 1 && terms[0].monomial[0].power == 1) {
    return AtomText(*terms[0].monomial[0].atom);
  }
  std::string text = WindowText(terms);
  if (!text.empty()) return text;
  // S-P rather than -P+S.
  const auto first =
      std::find_if(terms.begin(), terms.end(),
                   [](const Term& term) { return term.coefficient > 0; });
  if (first != terms.end()) AppendTerm(*first, &text);
  for (auto term = terms.begin(); term != terms.end(); ++term) {
    if (term != first) AppendTerm(*term, &text);
  }
  return text;
}

}  // namespace sym
}  // namespace opcost

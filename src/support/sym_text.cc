// SPDX-License-Identifier: Apache-2.0
// How expressions print; sym_factor.cc says what is taken out of sums.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "opcost/support/sym_parser.h"
#include "src/support/sym_expr.h"

namespace opcost {
namespace sym {
namespace {

struct Text {
  std::string text;
  bool is_sum = false;  // needs brackets beside other factors
};

Text TextOf(const Polynomial& terms);

// Of a value inside an expression, where a lone name is no exception.
Text TextOf(const SymValue& value) {
  if (value == SymValue(std::numeric_limits<int64_t>::min())) {
    // Its magnitude is no number that could be read.
    return {"-9223372036854775807-1", true};
  }
  if (value.is_concrete()) return {value.ToString(), false};
  return TextOf(SymExpr::Of(value)->terms());
}

std::string InParentheses(const std::string& text) {
  return absl::StrCat("(", text, ")");
}

// A divisor binds tighter than products and sums.
std::string DivisorText(const SymValue& divisor) {
  std::string text = TextOf(divisor).text;
  if (divisor.is_concrete() || AsAtom(divisor) != nullptr) return text;
  return InParentheses(text);
}

std::string FloorText(const SymValue& numerator, const SymValue& divisor) {
  const Text text = TextOf(numerator);
  return absl::StrCat("floor(",
                      text.is_sum ? InParentheses(text.text) : text.text, "/",
                      DivisorText(divisor), ")");
}

std::string CallText(absl::string_view function, const Atom& atom) {
  std::string text = absl::StrCat(function, "(");
  for (size_t i = 0; i < atom.args.size(); ++i)
    absl::StrAppend(&text, i == 0 ? "" : ", ", TextOf(atom.args[i]).text);
  return text + ")";
}

std::string AtomText(const Atom& atom) {
  switch (atom.kind) {
    case AtomKind::kSymbol:
      return NameText(atom.name);
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

// "90112*B*S*(P+S)", the sign left out.
std::string ProductText(const FactoredTerm& term) {
  std::string text;
  if (term.coefficient != 1 && term.coefficient != -1) {
    text = std::to_string(term.coefficient);
    if (term.coefficient < 0) text.erase(0, 1);
  }
  const auto append = [&text](const std::string& factor) {
    absl::StrAppend(&text, text.empty() ? "" : "*", factor);
  };
  for (const Factor& factor : term.monomial) {
    std::string power = AtomText(*factor.atom);
    if (factor.power > 1) absl::StrAppend(&power, "^", factor.power);
    append(power);
  }
  for (const Polynomial& sum : term.sums)
    append(InParentheses(TextOf(sum).text));
  return text.empty() ? "1" : text;
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

Text TextOf(const Polynomial& terms) {
  std::string text = WindowText(terms);
  if (!text.empty()) return {std::move(text), true};
  std::vector<FactoredTerm> parts = Factored(terms);
  // S-P rather than -P+S.
  const auto first = std::find_if(
      parts.begin(), parts.end(),
      [](const FactoredTerm& part) { return part.coefficient > 0; });
  if (first != parts.end()) std::rotate(parts.begin(), first, first + 1);
  // Sums within a sum are easier to tell apart with blanks between.
  const bool has_blanks =
      std::any_of(parts.begin(), parts.end(),
                  [](const FactoredTerm& part) { return !part.sums.empty(); });
  for (const FactoredTerm& part : parts) {
    const absl::string_view sign = part.coefficient < 0 ? "-" : "+";
    if (!text.empty()) {
      absl::StrAppend(&text, has_blanks ? " " : "", sign,
                      has_blanks ? " " : "");
    } else if (part.coefficient < 0) {
      text.push_back('-');
    }
    text += ProductText(part);
  }
  return {std::move(text), parts.size() > 1};
}

}  // namespace

std::string NameText(const std::string& name) {
  if (IsPlainName(name)) return name;
  return absl::StrCat("'", absl::StrReplaceAll(name, {{"'", "''"}}), "'");
}

std::string ToString(const Polynomial& terms) { return TextOf(terms).text; }

}  // namespace sym
}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/sym_parser.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

// Of brackets and signs: a parser that recurses must end before the stack does.
constexpr int kMaxNesting = 80;
constexpr int64_t kMaxExponent = 64;
constexpr size_t kMaxArguments = 16;

bool StartsName(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool ContinuesName(char c) {
  return StartsName(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
         c == '.' || c == '#' || c == ':' || c == '$' || c == '@';
}

// A fraction that floor() may still see.
struct Fraction {
  SymValue numerator;
  SymValue denominator = 1;
};

Fraction Simplified(SymValue numerator, SymValue denominator) {
  if (denominator == SymValue(1)) return {std::move(numerator), 1};
  SymValue quotient = SymValue::FloorDiv(numerator, denominator);
  if (quotient * denominator == numerator) return {std::move(quotient), 1};
  return {std::move(numerator), std::move(denominator)};
}

// The number that a fraction without floor() is taken to be.
SymValue Whole(const Fraction& f) {
  return SymValue::FloorDiv(f.numerator, f.denominator);
}

Fraction Sum(const Fraction& a, const Fraction& b, int sign) {
  if (a.denominator == b.denominator) {
    return Simplified(a.numerator + b.numerator * sign, a.denominator);
  }
  return Simplified(
      a.numerator * b.denominator + b.numerator * a.denominator * sign,
      a.denominator * b.denominator);
}

Fraction Quotient(const Fraction& a, const Fraction& b) {
  return Simplified(a.numerator * b.denominator, a.denominator * b.numerator);
}

Fraction Floor(const Fraction& f) { return {Whole(f), 1}; }

Fraction Ceil(const Fraction& f) {
  return {SymValue::CeilDiv(f.numerator, f.denominator), 1};
}

// A function of whole numbers, and how many it takes.
struct FunctionRow {
  string_view name;  // lower case
  size_t least;
  size_t most;
  Fraction (*apply)(const std::vector<Fraction>&);
};

template <SymValue (*kFunction)(const SymValue&, const SymValue&)>
Fraction Folded(const std::vector<Fraction>& args) {
  SymValue value = Whole(args[0]);
  for (size_t i = 1; i < args.size(); ++i) {
    value = kFunction(value, Whole(args[i]));
  }
  return {std::move(value), 1};
}

// Tools write some of them with capitals, so case doesn't matter.
constexpr FunctionRow kFunctions[] = {
    {"ceil", 1, 1, [](const std::vector<Fraction>& a) { return Ceil(a[0]); }},
    {"ceiling", 1, 1,
     [](const std::vector<Fraction>& a) { return Ceil(a[0]); }},
    {"floor", 1, 1, [](const std::vector<Fraction>& a) { return Floor(a[0]); }},
    {"max", 2, kMaxArguments, &Folded<&SymValue::Max>},
    {"min", 2, kMaxArguments, &Folded<&SymValue::Min>},
    {"mod", 2, 2, &Folded<&SymValue::Mod>},
    {"select", 3, 3,
     [](const std::vector<Fraction>& a) -> Fraction {
       return {SymValue::Select(Whole(a[0]), Whole(a[1]), Whole(a[2])), 1};
     }},
};

const FunctionRow* FindFunction(string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  for (const FunctionRow& row : kFunctions) {
    if (row.name == lower) return &row;
  }
  return nullptr;
}

class Parser {
 public:
  Parser(string_view text, const NameLookup& lookup)
      : text_(text), lookup_(lookup) {}

  absl::StatusOr<SymValue> Run() {
    // As SymValue prints the one number whose magnitude doesn't fit.
    if (text_ == "-9223372036854775808") {
      return SymValue(std::numeric_limits<int64_t>::min());
    }
    OPCOST_ASSIGN_OR_RETURN(const Fraction value, ReadSum());
    SkipBlanks();
    if (at_ != text_.size()) return Expected("an operator");
    SymValue whole = Whole(value);
    if (whole.overflowed()) {
      return absl::InvalidArgumentError(
          "the expression divides by zero, doesn't fit 63 bits or is too long");
    }
    return whole;
  }

 private:
  absl::Status Expected(string_view what) const {
    const std::string found =
        at_ == text_.size() ? "the end"
                            : absl::StrCat("'", text_.substr(at_, 1), "'");
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", what, " at character ", at_ + 1, ", found ", found));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool Take(string_view token) {
    SkipBlanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  absl::StatusOr<Fraction> ReadSum() {
    OPCOST_ASSIGN_OR_RETURN(Fraction sum, ReadProduct());
    while (true) {
      const int sign = Take("+") ? 1 : (Take("-") ? -1 : 0);
      if (sign == 0) return sum;
      OPCOST_ASSIGN_OR_RETURN(const Fraction term, ReadProduct());
      sum = Sum(sum, term, sign);
    }
  }

  absl::StatusOr<Fraction> ReadProduct() {
    OPCOST_ASSIGN_OR_RETURN(Fraction product, ReadSigned());
    while (true) {
      if (Take("*")) {
        OPCOST_ASSIGN_OR_RETURN(const Fraction factor, ReadSigned());
        product = Simplified(product.numerator * factor.numerator,
                             product.denominator * factor.denominator);
      } else if (Take("//")) {
        OPCOST_ASSIGN_OR_RETURN(const Fraction divisor, ReadSigned());
        product = Floor(Quotient(product, divisor));
      } else if (Take("/")) {
        OPCOST_ASSIGN_OR_RETURN(const Fraction divisor, ReadSigned());
        product = Quotient(product, divisor);
      } else if (Take("%")) {
        OPCOST_ASSIGN_OR_RETURN(const Fraction divisor, ReadSigned());
        product = {SymValue::Mod(Whole(product), Whole(divisor)), 1};
      } else {
        return product;
      }
    }
  }

  absl::StatusOr<Fraction> ReadSigned() {
    if (!Take("-")) return ReadPower();
    if (++nesting_ > kMaxNesting) return TooDeep();
    OPCOST_ASSIGN_OR_RETURN(const Fraction value, ReadSigned());
    --nesting_;
    return Fraction{0 - value.numerator, value.denominator};
  }

  absl::StatusOr<Fraction> ReadPower() {
    OPCOST_ASSIGN_OR_RETURN(const Fraction base, ReadAtom());
    if (!Take("**") && !Take("^")) return base;
    SkipBlanks();
    OPCOST_ASSIGN_OR_RETURN(const int64_t exponent, ReadNumber());
    if (exponent > kMaxExponent) {
      return absl::InvalidArgumentError(
          absl::StrCat("the exponent ", exponent, " is above ", kMaxExponent));
    }
    Fraction power{1, 1};
    for (int64_t i = 0; i < exponent && !power.numerator.overflowed(); ++i) {
      power.numerator *= base.numerator;
      power.denominator *= base.denominator;
    }
    return power;
  }

  absl::StatusOr<Fraction> ReadAtom() {
    SkipBlanks();
    if (at_ == text_.size()) return Expected("a number or a name");
    const char c = text_[at_];
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      OPCOST_ASSIGN_OR_RETURN(const int64_t number, ReadNumber());
      return Fraction{number, 1};
    }
    if (c == '\'') return ReadQuotedName();
    if (StartsName(c)) return ReadNameOrCall();
    if (!Take("(")) return Expected("a number or a name");
    if (++nesting_ > kMaxNesting) return TooDeep();
    OPCOST_ASSIGN_OR_RETURN(Fraction inner, ReadSum());
    --nesting_;
    if (!Take(")")) return Expected("')'");
    return inner;
  }

  absl::StatusOr<int64_t> ReadNumber() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           absl::ascii_isdigit(static_cast<unsigned char>(text_[at_]))) {
      ++at_;
    }
    if (begin == at_) return Expected("a number");
    if (at_ < text_.size() && ContinuesName(text_[at_])) {
      return Expected("an operator");
    }
    int64_t number = 0;
    if (!absl::SimpleAtoi(text_.substr(begin, at_ - begin), &number)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the number at character ", begin + 1, " doesn't fit 63 bits"));
    }
    return number;
  }

  absl::StatusOr<Fraction> Named(string_view name, size_t begin) const {
    std::optional<SymValue> value = lookup_(name);
    if (value.has_value()) return Fraction{*std::move(value), 1};
    return absl::InvalidArgumentError(
        absl::StrCat("unknown name '", name, "' at character ", begin + 1));
  }

  absl::StatusOr<Fraction> ReadQuotedName() {
    const size_t begin = at_++;
    std::string name;
    while (at_ < text_.size()) {
      if (text_[at_] == '\'') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '\'') {
          return Named(name, begin);
        }
      }
      name.push_back(text_[at_++]);
    }
    return Expected("a closing quote");
  }

  absl::StatusOr<Fraction> ReadNameOrCall() {
    const size_t begin = at_;
    while (at_ < text_.size() && ContinuesName(text_[at_])) ++at_;
    const string_view name = text_.substr(begin, at_ - begin);
    if (!Take("(")) return Named(name, begin);
    const FunctionRow* function = FindFunction(name);
    if (function == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no function '", name,
                       "'; use floor, ceil, min, max, mod or select"));
    }
    if (++nesting_ > kMaxNesting) return TooDeep();
    std::vector<Fraction> args;
    do {
      OPCOST_ASSIGN_OR_RETURN(Fraction arg, ReadSum());
      args.push_back(std::move(arg));
    } while (args.size() < function->most && Take(","));
    --nesting_;
    if (!Take(")")) {
      return Expected(args.size() == function->most ? "')'" : "',' or ')'");
    }
    if (args.size() < function->least) {
      return absl::InvalidArgumentError(
          absl::StrCat(function->name, " takes ", function->least,
                       " arguments, but has ", args.size()));
    }
    return function->apply(args);
  }

  static absl::Status TooDeep() {
    return absl::InvalidArgumentError(
        absl::StrCat("the expression is nested deeper than ", kMaxNesting));
  }

  string_view text_;
  const NameLookup& lookup_;
  size_t at_ = 0;
  int nesting_ = 0;
};

}  // namespace

absl::StatusOr<SymValue> ParseExpression(absl::string_view text) {
  return ParseExpression(text, [](absl::string_view name) {
    return std::optional<SymValue>(SymValue::Symbol(name));
  });
}

absl::StatusOr<SymValue> ParseExpression(absl::string_view text,
                                         const NameLookup& lookup) {
  if (text.size() > kMaxExpressionBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the expression has ", text.size(), " bytes, more than ",
                     kMaxExpressionBytes));
  }
  return Parser(text, lookup).Run();
}

bool IsPlainName(absl::string_view name) {
  if (name.empty() || !StartsName(name[0])) return false;
  for (const char c : name) {
    if (!ContinuesName(c)) return false;
  }
  return true;
}

Extent DimensionCalled(absl::string_view name) {
  if (name.size() > kMaxDimensionBytes || IsPlainName(name)) {
    return Extent::Symbol(name);
  }
  const absl::StatusOr<SymValue> value = ParseExpression(name);
  if (!value.ok()) return Extent::Symbol(name);
  Extent extent(*value);
  return extent.overflowed() ? Extent::Symbol(name) : extent;
}

}  // namespace opcost

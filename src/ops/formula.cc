// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/formula.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Parentheses deeper than this are an error, so that no text exhausts the
// stack.
constexpr int kMaxDepth = 100;

enum class TokenKind { kEnd, kNumber, kName, kBracketedName, kSymbol };

// A piece of the expression. `text` of a bracketed name lacks the brackets.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  absl::string_view text;
  size_t begin = 0;
  size_t end = 0;
};

class Scanner {
 public:
  explicit Scanner(absl::string_view expression) : expression_(expression) {}

  absl::StatusOr<Token> Next() {
    while (at_ < expression_.size() && absl::ascii_isspace(Byte(at_))) ++at_;
    Token token;
    token.begin = at_;
    if (at_ < expression_.size()) {
      if (absl::ascii_isdigit(Byte(at_))) {
        token.kind = TokenKind::kNumber;
        while (at_ < expression_.size() && absl::ascii_isdigit(Byte(at_))) {
          ++at_;
        }
        token.text = expression_.substr(token.begin, at_ - token.begin);
      } else if (StartsName(at_)) {
        token.kind = TokenKind::kName;
        token.text = TakeName();
      } else if (expression_[at_] == '[') {
        ++at_;
        token.kind = TokenKind::kBracketedName;
        if (!StartsName(at_)) return Expected(at_, "a name");
        token.text = TakeName();
        if (at_ >= expression_.size() || expression_[at_] != ']') {
          return Expected(at_, "']'");
        }
        ++at_;
      } else {
        token.kind = TokenKind::kSymbol;
        token.text = expression_.substr(at_, 1);
        ++at_;
      }
    }
    token.end = at_;
    return token;
  }

  // `position` counts bytes from 0; people count from 1.
  absl::Status Wrong(size_t position, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "formula '", expression_, "': position ", position + 1, ": ", what));
  }
  absl::Status Expected(size_t position, absl::string_view what) const {
    const absl::string_view found =
        position < expression_.size() ? expression_.substr(position, 1) : "";
    return Wrong(
        position,
        found.empty()
            ? absl::StrCat("expected ", what, ", found the end")
            : absl::StrCat("expected ", what, ", found '", found, "'"));
  }

 private:
  unsigned char Byte(size_t i) const {
    return static_cast<unsigned char>(expression_[i]);
  }
  bool StartsName(size_t i) const {
    return i < expression_.size() &&
           (absl::ascii_isalpha(Byte(i)) || expression_[i] == '_');
  }
  absl::string_view TakeName() {
    const size_t begin = at_;
    while (at_ < expression_.size() &&
           (absl::ascii_isalnum(Byte(at_)) || expression_[at_] == '_')) {
      ++at_;
    }
    return expression_.substr(begin, at_ - begin);
  }

  absl::string_view expression_;
  size_t at_ = 0;
};

using Lookup = std::function<std::optional<Count>(absl::string_view)>;

// Recursive descent over the grammar in the header.
class Evaluator {
 public:
  Evaluator(absl::string_view expression, const Lookup& lookup)
      : scanner_(expression), lookup_(lookup) {}

  absl::StatusOr<Count> Run() {
    OPCOST_RETURN_IF_ERROR(Advance());
    OPCOST_ASSIGN_OR_RETURN(Count value, Expression(0));
    if (token_.kind != TokenKind::kEnd) {
      return scanner_.Expected(token_.begin, "an operator or the end");
    }
    return value;
  }

 private:
  absl::Status Advance() {
    OPCOST_ASSIGN_OR_RETURN(token_, scanner_.Next());
    return absl::OkStatus();
  }
  bool At(absl::string_view symbol) const {
    return token_.kind == TokenKind::kSymbol && token_.text == symbol;
  }

  absl::StatusOr<Count> Expression(int depth) {
    OPCOST_ASSIGN_OR_RETURN(Count sum, Term(depth));
    while (At("+") || At("-")) {
      const bool adds = At("+");
      OPCOST_RETURN_IF_ERROR(Advance());
      OPCOST_ASSIGN_OR_RETURN(const Count next, Term(depth));
      sum = adds ? sum + next : sum - next;
    }
    return sum;
  }

  absl::StatusOr<Count> Term(int depth) {
    OPCOST_ASSIGN_OR_RETURN(Count product, Factor(depth));
    while (At("*") || At("/")) {
      const bool multiplies = At("*");
      OPCOST_RETURN_IF_ERROR(Advance());
      OPCOST_ASSIGN_OR_RETURN(const Count next, Factor(depth));
      product = multiplies ? product * next : product / next;
    }
    return product;
  }

  absl::StatusOr<Count> Factor(int depth) {
    const Token token = token_;
    if (At("(")) {
      if (depth >= kMaxDepth) {
        return scanner_.Wrong(token.begin, "parentheses nest too deeply");
      }
      OPCOST_RETURN_IF_ERROR(Advance());
      OPCOST_ASSIGN_OR_RETURN(Count value, Expression(depth + 1));
      if (!At(")")) return scanner_.Expected(token_.begin, "')'");
      OPCOST_RETURN_IF_ERROR(Advance());
      return value;
    }
    if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kSymbol) {
      return scanner_.Expected(token.begin, "a number, a name or '('");
    }
    OPCOST_RETURN_IF_ERROR(Advance());
    if (token.kind == TokenKind::kNumber) return Number(token.text);
    const std::optional<Count> value = lookup_(token.text);
    if (!value.has_value()) {
      return scanner_.Wrong(token.begin,
                            absl::StrCat("unknown name '", token.text, "'"));
    }
    if (token.kind == TokenKind::kName) return *value;
    return Count(value->Is(0) ? 0 : 1);
  }

  static Count Number(absl::string_view digits) {
    int64_t number = 0;
    return absl::SimpleAtoi(digits, &number) ? Count(number)
                                             : Count::Overflow();
  }

  Scanner scanner_;
  const Lookup& lookup_;
  Token token_;
};

}  // namespace

absl::StatusOr<Count> EvaluateFormula(absl::string_view expression,
                                      const Lookup& lookup) {
  return Evaluator(expression, lookup).Run();
}

absl::StatusOr<std::string> SubstituteFormula(
    absl::string_view expression,
    const std::function<std::optional<std::string>(absl::string_view)>&
        lookup) {
  const Lookup any_name = [](absl::string_view) { return Count(1); };
  OPCOST_RETURN_IF_ERROR(EvaluateFormula(expression, any_name).status());
  std::string text;
  size_t copied = 0;
  Scanner scanner(expression);
  while (true) {
    OPCOST_ASSIGN_OR_RETURN(const Token token, scanner.Next());
    if (token.kind == TokenKind::kEnd) break;
    const bool bracketed = token.kind == TokenKind::kBracketedName;
    if (!bracketed && token.kind != TokenKind::kName) continue;
    const std::optional<std::string> number = lookup(token.text);
    if (!number.has_value()) continue;
    absl::StrAppend(&text, expression.substr(copied, token.begin - copied));
    if (bracketed) {
      absl::StrAppend(&text, *number == "0" ? "0" : "1");
    } else {
      absl::StrAppend(&text, *number);
    }
    copied = token.end;
  }
  absl::StrAppend(&text, expression.substr(copied));
  return text;
}

std::vector<std::pair<absl::string_view, absl::string_view>> FormulaTerms(
    absl::string_view terms) {
  std::vector<std::pair<absl::string_view, absl::string_view>> pairs;
  for (absl::string_view piece : absl::StrSplit(terms, ';')) {
    piece = absl::StripAsciiWhitespace(piece);
    if (piece.empty()) continue;
    const size_t colon = piece.find(':');
    if (colon == absl::string_view::npos) {
      pairs.emplace_back(absl::string_view(), piece);
      continue;
    }
    pairs.emplace_back(absl::StripAsciiWhitespace(piece.substr(0, colon)),
                       absl::StripAsciiWhitespace(piece.substr(colon + 1)));
  }
  return pairs;
}

}  // namespace opcost

// SPDX-License-Identifier: Apache-2.0
#include "src/ops/einsum_equation.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// A place holder for the ellipsis in a term that is not yet resolved.
constexpr EinsumIndex kEllipsis = -1;
// More than any framework's tensors have.
constexpr int kMaxEllipsisAxes = 64;
using Term = std::vector<EinsumIndex>;

absl::StatusOr<Term> ParseTerm(const NodeView& node, absl::string_view text) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (absl::ascii_isalpha(static_cast<unsigned char>(text[i]))) {
      term.push_back(static_cast<unsigned char>(text[i]));
      continue;
    }
    if (text.substr(i, 3) != "..." || Contains(term, kEllipsis)) {
      return node.Invalid("equation: the term '", text,
                          "' must be letters and at most one ellipsis");
    }
    term.push_back(kEllipsis);
    i += 2;
  }
  return term;
}

// The number of axes that the ellipsis of `term` stands for in a tensor of
// `rank`; -1 if there is none.
absl::StatusOr<int> EllipsisAxes(const NodeView& node, const Term& term,
                                 size_t operand, int rank) {
  const bool has_ellipsis = Contains(term, kEllipsis);
  const int letters = static_cast<int>(term.size()) - (has_ellipsis ? 1 : 0);
  if (has_ellipsis ? rank < letters : rank != letters) {
    return node.Invalid("equation: operand ", operand, " has ", rank,
                        rank == 1 ? " axis" : " axes", " but its term names ",
                        has_ellipsis ? "at least " : "", letters);
  }
  if (has_ellipsis && rank - letters > kMaxEllipsisAxes) {
    return node.Invalid("equation: the ellipsis stands for ", rank - letters,
                        " axes, more than ", kMaxEllipsisAxes);
  }
  return has_ellipsis ? rank - letters : -1;
}

// `term` with the ellipsis replaced by its axes.
Term Expanded(const Term& term, int ellipsis_axes) {
  Term expanded;
  for (const EinsumIndex index : term) {
    if (index != kEllipsis) {
      expanded.push_back(index);
      continue;
    }
    for (int axis = ellipsis_axes; axis-- > 0;) {
      expanded.push_back(kFirstEllipsisIndex + axis);
    }
  }
  return expanded;
}

// Without "->": the ellipsis, then the letters that occur once, in ASCII order.
Term ImplicitOutput(absl::Span<const Term> operands) {
  std::vector<int> uses(kFirstEllipsisIndex, 0);
  bool has_ellipsis = false;
  for (const Term& term : operands) {
    for (const EinsumIndex index : term) {
      if (index == kEllipsis) {
        has_ellipsis = true;
      } else {
        ++uses[static_cast<size_t>(index)];
      }
    }
  }
  Term output;
  if (has_ellipsis) output.push_back(kEllipsis);
  for (EinsumIndex index = 0; index < kFirstEllipsisIndex; ++index) {
    if (uses[static_cast<size_t>(index)] == 1) output.push_back(index);
  }
  return output;
}

// Notes the extent of an axis; 1 gives way to any other.
absl::Status NoteExtent(const NodeView& node, EinsumIndex index,
                        const Extent& extent, EinsumEquation* equation) {
  const auto at =
      std::find(equation->indices.begin(), equation->indices.end(), index);
  if (at == equation->indices.end()) {
    equation->indices.push_back(index);
    equation->extents.push_back(extent);
    return absl::OkStatus();
  }
  Extent& known =
      equation->extents[static_cast<size_t>(at - equation->indices.begin())];
  if (extent.Is(1) || known == extent) return absl::OkStatus();
  if (known.Is(1) || (extent.is_concrete() && !known.is_concrete())) {
    known = extent;
  } else if (extent.is_concrete()) {
    const std::string name =
        index < kFirstEllipsisIndex
            ? std::string(1, static_cast<char>(index))
            : absl::StrCat("... (", index - kFirstEllipsisIndex + 1,
                           " from its end)");
    return node.Invalid("equation: index ", name, " is ", known.ToString(),
                        " in one operand and ", extent.ToString(),
                        " in another");
  }
  return absl::OkStatus();
}

absl::Status NoteOperand(const NodeView& node, const Term& term,
                         const Dims& dims, EinsumEquation* equation) {
  for (size_t axis = 0; axis < term.size(); ++axis) {
    OPCOST_RETURN_IF_ERROR(NoteExtent(node, term[axis], dims[axis], equation));
  }
  equation->operands.push_back(term);
  return absl::OkStatus();
}

absl::Status CheckOutput(const NodeView& node, const EinsumEquation& equation) {
  for (size_t i = 0; i < equation.output.size(); ++i) {
    const EinsumIndex index = equation.output[i];
    const absl::Span<const EinsumIndex> all = equation.output;
    if (!Contains(equation.indices, index)) {
      return node.Invalid("equation: the output names index ",
                          std::string(1, static_cast<char>(index)),
                          ", which no operand has");
    }
    if (Contains(all.first(i), index)) {
      return node.Invalid("equation: the output names index ",
                          std::string(1, static_cast<char>(index)), " twice");
    }
  }
  return absl::OkStatus();
}

struct ParsedEquation {
  std::vector<Term> operands;
  Term output;
};

absl::StatusOr<ParsedEquation> Parse(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(std::string text, node.String("equation", ""));
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  const std::vector<std::string> sides = absl::StrSplit(text, "->");
  if (sides.size() > 2) {
    return node.Invalid("equation '", text, "' has more than one arrow");
  }
  const std::vector<std::string> terms = absl::StrSplit(sides[0], ',');
  if (terms.size() != static_cast<size_t>(node.input_count())) {
    return node.Invalid(
        "equation '", text, "' has ", terms.size(),
        terms.size() == 1 ? " term but there are " : " terms but there are ",
        node.input_count(), " operands");
  }
  ParsedEquation parsed;
  for (const std::string& term : terms) {
    OPCOST_ASSIGN_OR_RETURN(Term indices, ParseTerm(node, term));
    parsed.operands.push_back(std::move(indices));
  }
  if (sides.size() < 2) {
    parsed.output = ImplicitOutput(parsed.operands);
    return parsed;
  }
  OPCOST_ASSIGN_OR_RETURN(parsed.output, ParseTerm(node, sides[1]));
  return parsed;
}

}  // namespace

const Extent& EinsumEquation::ExtentOf(EinsumIndex index) const {
  const auto at = std::find(indices.begin(), indices.end(), index);
  return extents[static_cast<size_t>(at - indices.begin())];
}

Dims EinsumEquation::ExtentsOf(absl::Span<const EinsumIndex> list) const {
  Dims dims;
  for (const EinsumIndex index : list) dims.push_back(ExtentOf(index));
  return dims;
}

bool Contains(absl::Span<const EinsumIndex> list, EinsumIndex index) {
  return std::find(list.begin(), list.end(), index) != list.end();
}

std::vector<EinsumIndex> Union(absl::Span<const EinsumIndex> a,
                               absl::Span<const EinsumIndex> b) {
  std::vector<EinsumIndex> all;
  for (const absl::Span<const EinsumIndex> list : {a, b}) {
    for (const EinsumIndex index : list) {
      if (!Contains(all, index)) all.push_back(index);
    }
  }
  return all;
}

absl::StatusOr<EinsumEquation> ResolveEinsum(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ParsedEquation parsed, Parse(node));
  EinsumEquation equation;
  int ellipsis_axes = -1;
  for (size_t i = 0; i < parsed.operands.size(); ++i) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* operand,
                            node.Input(static_cast<int>(i)));
    const Term& term = parsed.operands[i];
    OPCOST_ASSIGN_OR_RETURN(const int axes,
                            EllipsisAxes(node, term, i, operand->shape.rank()));
    if (axes >= 0 && ellipsis_axes >= 0 && axes != ellipsis_axes) {
      return node.Invalid("equation: the ellipsis stands for ", ellipsis_axes,
                          " axes in one operand and ", axes, " in another");
    }
    if (axes >= 0) ellipsis_axes = axes;
    OPCOST_RETURN_IF_ERROR(NoteOperand(node, Expanded(term, axes),
                                       operand->shape.dims(), &equation));
  }
  if (Contains(parsed.output, kEllipsis) && ellipsis_axes < 0) {
    return node.Invalid(
        "equation: the output has an ellipsis but no operand has one");
  }
  equation.output = Expanded(parsed.output, ellipsis_axes);
  OPCOST_RETURN_IF_ERROR(CheckOutput(node, equation));
  return equation;
}

}  // namespace opcost

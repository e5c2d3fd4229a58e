// SPDX-License-Identifier: Apache-2.0
// Operators on strings. Their work depends on the strings' lengths and content,
// which no shape tells: shapes are known as far as they can be, counts aren't.
#include <algorithm>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/sequence_types.h"

namespace opcost {
namespace {

constexpr absl::string_view kTextUncountable =
    "the work on strings depends on their lengths and content";

// Operand `i`, which must hold strings. Errors: as NodeView::Input().
absl::StatusOr<const TensorType*> InputStrings(const NodeView& node, int i) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
  if (x->type != DataType::kString) {
    return node.Invalid("operand ", i, " must hold strings but is ",
                        Name(x->type));
  }
  return x;
}

absl::StatusOr<OutputTypes> InferStringConcat(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, InputStrings(node, 0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, InputStrings(node, 1));
  OPCOST_ASSIGN_OR_RETURN(Dims dims,
                          Broadcast(node, x->shape.dims(), y->shape.dims()));
  return OutputTypes{ValueType(DataType::kString, std::move(dims))};
}

// [C] or [1, C]: without its stop words, but never empty.
absl::StatusOr<OutputTypes> InferStringNormalizer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, InputStrings(node, 0));
  const Dims& from = x->shape.dims();
  const bool is_row =
      from.size() == 2 && (from[0].Is(1) || !from[0].is_concrete());
  if (from.size() != 1 && !is_row) {
    return node.Invalid("the input must be C or 1xC but is ",
                        ToString(x->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const auto stop_words, node.Strings("stopwords"));
  OutputTypes types;
  Dims dims = from;
  if (is_row) dims[0] = 1;
  Extent most = Extent::Max(dims.back(), 1);
  const bool may_drop = !stop_words.empty() && !most.Is(1);
  dims.back() = may_drop ? DataDependentExtent(node, 0, x->shape.rank() - 1,
                                               std::move(most), &types)
                         : std::move(most);
  types.push_back(ValueType(DataType::kString, std::move(dims)));
  return types;
}

// The parts of each string on a new last axis, as long as the most parts are;
// and their number.
absl::StatusOr<OutputTypes> InferStringSplit(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, InputStrings(node, 0));
  const Dims& from = x->shape.dims();
  const int axis = x->shape.rank();
  OutputTypes types;
  Extent parts = UnboundedExtent(node, 0, axis);
  OPCOST_ASSIGN_OR_RETURN(const int64_t splits, node.Int("maxsplit", -1));
  if (Volume(from).Is(0)) {
    parts = 0;
  } else if (node.HasAttribute("maxsplit") && splits >= 0) {
    parts = DataDependentExtent(node, 0, axis, Extent(splits) + 1, &types);
  }
  Dims dims = from;
  dims.push_back(std::move(parts));
  types.push_back(ValueType(DataType::kString, std::move(dims)));
  types.push_back(ValueType(DataType::kInt64, from));
  return types;
}

absl::StatusOr<OutputTypes> InferRegexFullMatch(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, InputStrings(node, 0));
  return OutputTypes{ValueType(DataType::kBool, x->shape.dims())};
}

// The length of the n-grams' vector: one more than its largest index.
absl::StatusOr<Extent> NgramLength(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> indexes,
                          node.IntsView("ngram_indexes"));
  if (indexes.empty()) {
    return node.Invalid("attribute 'ngram_indexes' is missing or empty");
  }
  const int64_t least = *std::min_element(indexes.begin(), indexes.end());
  if (least < 0) {
    return node.Invalid("ngram_indexes has ", least,
                        " but an index can't be negative");
  }
  return Extent(*std::max_element(indexes.begin(), indexes.end())) + 1;
}

absl::StatusOr<OutputTypes> InferTfIdfVectorizer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Extent length, NgramLength(node));
  if (x->shape.rank() != 1 && x->shape.rank() != 2) {
    return node.Invalid("the input must have 1 or 2 axes but has ",
                        x->shape.rank());
  }
  Dims dims = x->shape.dims();
  dims.back() = length;
  return OutputTypes{ValueType(DataType::kFloat32, std::move(dims))};
}

constexpr Formula kNone = {"0", "0", "0", "", "", "R1"};

constexpr OpDef kOps[] = {
    {.name = "RegexFullMatch",
     .since = 20,
     .infer = &InferRegexFullMatch,
     .formula = kNone,
     .description = "whether each string matches a regular expression",
     .uncountable = kTextUncountable},
    {.name = "StringConcat",
     .since = 20,
     .infer = &InferStringConcat,
     .formula = kNone,
     .description = "each string of one operand, and behind it the other's",
     .uncountable = kTextUncountable},
    {.name = "StringNormalizer",
     .since = 10,
     .infer = &InferStringNormalizer,
     .formula = kNone,
     .description = "strings without stop words, in upper or lower case",
     .uncountable = kTextUncountable,
     .bound = "with stop words, the output is at most as long as the input"},
    {.name = "StringSplit",
     .since = 20,
     .infer = &InferStringSplit,
     .formula = kNone,
     .description = "the parts of each string between delimiters",
     .uncountable = kTextUncountable,
     .bound = "the last axis has at most maxsplit + 1 elements, any number "
              "without maxsplit"},
    {.name = "TfIdfVectorizer",
     .since = 9,
     .infer = &InferTfIdfVectorizer,
     .formula = kNone,
     .description = "how often each n-gram of a pool occurs",
     .uncountable =
         "the comparisons of its search depend on the tokens and on how the "
         "pool of n-grams is searched"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> TextOps() { return kOps; }

}  // namespace opcost

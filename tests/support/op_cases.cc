// SPDX-License-Identifier: Apache-2.0
#include "tests/support/op_cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/formula_check.h"

namespace opcost {

void ExpectInfers(std::vector<NodeCase> cases) {
  for (NodeCase& c : cases) {
    EXPECT_EQ(c.node.InferText(c.output), c.expected)
        << c.node.node().op_type << " of opset " << c.node.node().opset;
  }
}

void ExpectFolds(std::vector<NodeCase> cases) {
  for (NodeCase& c : cases) {
    EXPECT_EQ(FoldText(c.node, c.output), c.expected)
        << c.node.node().op_type << " of opset " << c.node.node().opset;
  }
}

std::string FoldText(OneNode& node, int output) {
  const absl::StatusOr<OutputValues> values = node.Fold();
  if (!values.ok()) return std::string(values.status().message());
  const auto o = static_cast<size_t>(output);
  if (o >= values->size() || (*values)[o] == nullptr) return "unknown";
  const TensorValue& value = *(*values)[o];
  const Dims extents = value.extents();
  std::string text = absl::StrCat(Name(value.type()), " ",
                                  ToString(absl::MakeConstSpan(extents)), ":");
  const auto append = [&](int64_t i) {
    if (value.holds_integers()) {
      absl::StrAppend(&text, " ", value.Int(i).ToString());
    } else {
      absl::StrAppend(&text, " ", value.Float(i));
    }
  };
  if (value.is_uniform()) {
    absl::StrAppend(&text, " all");
    append(0);
    return text;
  }
  for (int64_t i = 0; i < value.size(); ++i) append(i);
  return text;
}

TensorValue Symbols(std::vector<SymValue> elements) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return TensorValue::Integers(DataType::kInt64, dims, std::move(elements));
}

void ExpectCounts(OneNode& node, const Tally& reference,
                  const std::string& what) {
  const absl::StatusOr<OpCounts> counts = node.Count();
  ASSERT_TRUE(counts.ok()) << what << ": " << counts.status().ToString();
  EXPECT_EQ(TallyOf(*counts), reference) << what;
  SCOPED_TRACE(what);
  ExpectFormulaAgrees(node);
}

void ExpectView(OneNode node) {
  const absl::StatusOr<OpCounts> counts = node.Count();
  ASSERT_TRUE(counts.ok()) << counts.status().ToString();
  EXPECT_TRUE(counts->is_view) << node.node().op_type;
  ExpectCounts(node, Tally(), std::string(node.node().op_type));
}

Numbers Dice::Rolls(int64_t size, int64_t least, int64_t most) {
  Numbers rolls;
  for (int64_t i = 0; i < size; ++i) rolls.push_back(Roll(least, most));
  return rolls;
}

Numbers Dice::Permutation(int64_t size) {
  Numbers order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), engine_);
  return order;
}

Dims DimsOf(const Numbers& extents) {
  return Dims(extents.begin(), extents.end());
}

int64_t Product(const Numbers& extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t{1},
                         std::multiplies<>());
}

void ForEachIndex(const Numbers& extents,
                  const std::function<void(const Numbers&)>& visit) {
  Numbers index(extents.size(), 0);
  for (int64_t left = Product(extents); left > 0; --left) {
    visit(index);
    for (size_t a = extents.size(); a-- > 0;) {
      if (++index[a] < extents[a]) break;
      index[a] = 0;
    }
  }
}

int64_t OffsetIn(const Numbers& extents, const Numbers& index) {
  int64_t offset = 0;
  for (size_t a = 0; a < extents.size(); ++a) {
    offset = offset * extents[a] + index[a];
  }
  return offset;
}

std::string TextOf(const Numbers& numbers) {
  return absl::StrCat("[", absl::StrJoin(numbers, ","), "]");
}

Tally TallyOfCopy(const Numbers& sources, int64_t operand_size) {
  Tally tally;
  Numbers in_place(static_cast<size_t>(operand_size));
  std::iota(in_place.begin(), in_place.end(), 0);
  if (sources == in_place) return tally;
  const auto size = static_cast<int64_t>(sources.size());
  Array x(tally, "i0", {operand_size}), y(tally, "o0", {size});
  for (int64_t i = 0; i < size; ++i) {
    y.Write(i, x.Read(sources[static_cast<size_t>(i)]));
  }
  return tally;
}

}  // namespace opcost

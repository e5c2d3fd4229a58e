// SPDX-License-Identifier: Apache-2.0
// Einsum: shapes, counts against plain loops, and errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/onnx_text.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 300;

OneNode Einsum(const char* equation, const std::vector<Dims>& operands) {
  OneNode node("Einsum", 12);
  for (const Dims& dims : operands) node.Input(dims);
  node.Attr("equation", equation);
  return node;
}

Extent Symbol(const char* name) { return Extent::Symbol(name); }

TEST(Einsum, ShapesFollowTheEquation) {
  ExpectInfers({
      {Einsum("ij,jk->ik", {{2, 3}, {3, 4}}), "float32 2x4"},
      {Einsum("ij,jk", {{2, 3}, {3, 4}}), "float32 2x4"},
      {Einsum("ba", {{2, 3}}), "float32 3x2"},
      {Einsum("bA", {{2, 3}}), "float32 3x2"},
      {Einsum("i i", {{3, 3}}), "float32 scalar"},
      {Einsum("ii->i", {{3, 3}}), "float32 3"},
      {Einsum("...ij->...ji", {{5, 6, 2, 3}}), "float32 5x6x3x2"},
      {Einsum("...ij, ...jk", {{5, 2, 3}, {5, 3, 4}}), "float32 5x2x4"},
      {Einsum("...ij,...jk->...ik", {{1, 2, 3}, {5, 3, 4}}), "float32 5x2x4"},
      {Einsum("...i,i->...", {{5, 2, 3}, {3}}), "float32 5x2"},
      {Einsum("...,...->...", {{5, 2}, {5, 2}}), "float32 5x2"},
      {Einsum(",ij->ij", {{}, {2, 3}}), "float32 2x3"},
      {Einsum("bij,bjk->bik", {{Symbol("N"), 2, 3}, {Symbol("N"), 3, 4}}),
       "float32 Nx2x4"},
      {Einsum("bij,bjk->bik", {{Symbol("N"), 2, 3}, {7, 3, 4}}),
       "float32 7x2x4"},
      {Einsum("ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 5}}), "float32 2x5"},
  });
}

TEST(Einsum, ShapesAgreeWithLibonnx) {
  const std::map<std::string, std::string> oracle = OracleShapes(
      "(float[5,2,3] a, float[5,3,4] b) => (float[5,4,2] y, float[2,4] z, "
      "float[3,5] w) { y = Einsum<equation = \"...ij,...jk->...ki\">(a, b) "
      "z = Einsum<equation = \"bij,bjk\">(a, b) "
      "w = Einsum<equation = \"bij->jb\">(a) }",
      13);
  ASSERT_EQ(oracle.count("error"), 0u) << oracle.at("error");
  EXPECT_EQ(Einsum("...ij,...jk->...ki", {{5, 2, 3}, {5, 3, 4}}).InferText(),
            oracle.at("y"));
  EXPECT_EQ(Einsum("bij,bjk", {{5, 2, 3}, {5, 3, 4}}).InferText(),
            oracle.at("z"));
  EXPECT_EQ(Einsum("bij->jb", {{5, 2, 3}}).InferText(), oracle.at("w"));
}

TEST(Einsum, ErrorsSayWhatIsWrongWithTheEquation) {
  ExpectInfers({
      {Einsum("ij,jk->ik", {{2, 3}, {4, 5}}),
       "Einsum 'o0': equation: index j is 3 in one operand and 4 in another"},
      {Einsum("ij->ij", {{2, 3}, {3, 4}}),
       "Einsum 'o0': equation 'ij->ij' has 1 term but there are 2 operands"},
      {Einsum("ij,jk->ik", {{2, 3}, {3}}),
       "Einsum 'o0': equation: operand 1 has 1 axis but its term names 2"},
      {Einsum("...ij->ij", {{2}}),
       "Einsum 'o0': equation: operand 0 has 1 axis but its term names at "
       "least 2"},
      {Einsum("ij->ik", {{2, 3}}),
       "Einsum 'o0': equation: the output names index k, which no operand "
       "has"},
      {Einsum("ij->ii", {{2, 3}}),
       "Einsum 'o0': equation: the output names index i twice"},
      {Einsum("i->j->i", {{2}}),
       "Einsum 'o0': equation 'i->j->i' has more than one arrow"},
      {Einsum("i1->i", {{2, 3}}),
       "Einsum 'o0': equation: the term 'i1' must be letters and at most one "
       "ellipsis"},
      {Einsum("...i...->i", {{2, 3}}),
       "Einsum 'o0': equation: the term '...i...' must be letters and at most "
       "one ellipsis"},
      {Einsum("i->...i", {{2}}),
       "Einsum 'o0': equation: the output has an ellipsis but no operand has "
       "one"},
      {Einsum("...i,...i->i", {{2, 3}, {4, 2, 3}}),
       "Einsum 'o0': equation: the ellipsis stands for 1 axes in one operand "
       "and 2 in another"},
      {Einsum("...,...->...", {{2, 3}, {4, 3}}),
       "Einsum 'o0': equation: index ... (2 from its end) is 2 in one operand "
       "and 4 in another"},
      {Einsum("...->...", {Dims(65, Extent(1))}),
       "Einsum 'o0': equation: the ellipsis stands for 65 axes, more than 64"},
  });
}

TEST(Einsum, OneOperandIsAViewACopyOrASum) {
  ExpectView(Einsum("ij->ij", {{2, 3}}));
  ExpectView(Einsum("ij->ji", {{1, 3}}));
  ExpectView(Einsum("...", {{2, 3}}));
  struct Case {
    const char* equation;
    Dims dims;
    int adds, reads, writes;
  };
  const Case cases[] = {{"ij->ji", {2, 3}, 0, 2 * 3, 2 * 3},
                        {"ii->i", {3, 3}, 0, 3, 3},
                        {"ii->", {3, 3}, 3, 3, 1},
                        {"ij->i", {2, 3}, 2 * 3, 2 * 3, 2},
                        {"ij->j", {1, 3}, 1 * 3, 1 * 3, 3},
                        {"...i->...", {4, 2, 3}, 4 * 2 * 3, 4 * 2 * 3, 4 * 2}};
  for (const Case& c : cases) {
    OneNode node = Einsum(c.equation, {c.dims});
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    Tally expected;
    if (c.adds > 0) expected.operations["add"] = c.adds;
    expected.reads["i0"] = c.reads;
    expected.writes["o0"] = c.writes;
    EXPECT_EQ(TallyOf(counts), expected) << c.equation;
    EXPECT_EQ(counts.macs, 0);
    ExpectFormulaAgrees(node);
  }
}

TEST(Einsum, TwoOperandsTouchWhatAMatMulDoes) {
  OneNode node("Einsum", 12);
  node.Input({2, 5, 3}).Constant({3, 4}).Attr("equation", "bij,jk->bik");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, 2 * 5 * 3 * 4);
  ASSERT_EQ(counts.accesses.size(), 3u);
  EXPECT_EQ(counts.accesses[0].operand_elements, 3);
  EXPECT_EQ(counts.accesses[1].operand_elements, 3 * 4);
  EXPECT_TRUE(counts.accesses[1].takes_weight_bits);
  EXPECT_EQ(counts.accesses[2].operand_elements, 4);
  OneNode left("Einsum", 12);
  left.Constant({4, 3}).Input({7, 3, 5}).Attr("equation", "ij,bjk->bik");
  ASSERT_OK_AND_ASSIGN(const OpCounts of_left, left.Count());
  EXPECT_EQ(of_left.accesses[0].operand_elements, 4 * 3);
  EXPECT_EQ(of_left.accesses[1].operand_elements, 3);
  EXPECT_EQ(of_left.accesses[2].operand_elements, 4);
  // Batches number the products.
  ASSERT_OK_AND_ASSIGN(const OpCounts batched,
                       Einsum("bij,bjk->bik", {{7, 2, 3}, {7, 3, 4}}).Count());
  EXPECT_EQ(batched.accesses[1].operand_elements, 3 * 4);
}

TEST(Einsum, ThreeOperandsAreContractedFromTheLeft) {
  OneNode node = Einsum("ij,jk,kl->il", {{2, 3}, {3, 4}, {4, 5}});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, 2 * 3 * 4 + 2 * 4 * 5);
  const Tally tally = TallyOf(counts);
  EXPECT_EQ(tally.writes.at("partial product"), 2 * 4);
  EXPECT_EQ(tally.reads.at("partial product"), 2 * 4 * 5);
  ExpectFormulaAgrees(node);
}

// Random equations over a, b, c, d, of one to four operands.
class RandomEinsum {
 public:
  explicit RandomEinsum(Draw& draw) {
    const int64_t count = draw.Between(1, 4);
    for (int64_t i = 0; i < count; ++i) {
      std::string term;
      for (int64_t axes = draw.Between(i == 0 ? 1 : 0, 3); axes > 0; --axes) {
        term += static_cast<char>('a' + draw.Between(0, 3));
      }
      terms_.push_back(term);
    }
    std::string letters;
    for (const std::string& term : terms_) letters += term;
    for (char letter = 'd'; letter >= 'a'; --letter) {
      const bool occurs = letters.find(letter) != std::string::npos;
      if (occurs && draw.Coin()) output_ += letter;
    }
    for (char letter = 'a'; letter <= 'd'; ++letter) {
      extents_[letter] = draw.Between(1, 3);
    }
  }

  std::string equation() const {
    std::string text;
    for (size_t i = 0; i < terms_.size(); ++i) {
      text += (i == 0 ? "" : ",") + terms_[i];
    }
    return text + "->" + output_;
  }
  Index DimsOf(const std::string& term) const {
    Index dims;
    for (const char letter : term) dims.push_back(extents_.at(letter));
    return dims;
  }
  const std::vector<std::string>& terms() const { return terms_; }

  // Multiplies from the left into arrays of what is still needed.
  Tally Reference() {
    Tally tally;
    std::vector<Array> operands;
    for (size_t i = 0; i < terms_.size(); ++i) {
      operands.emplace_back(tally, absl::StrCat("i", i), DimsOf(terms_[i]));
    }
    std::string left = terms_[0];
    Array* values = &operands[0];
    std::vector<Array> partial;
    partial.reserve(terms_.size());
    if (terms_.size() == 1) SumOne(tally, operands[0]);
    for (size_t i = 1; i < terms_.size(); ++i) {
      const bool is_last = i + 1 == terms_.size();
      std::string kept = output_;
      if (!is_last) kept = Kept(left + terms_[i], i + 1);
      partial.emplace_back(tally, is_last ? "o0" : "partial product",
                           DimsOf(kept));
      Multiply(tally, left, *values, terms_[i], operands[i], partial.back());
      left = kept;
      values = &partial.back();
    }
    return tally;
  }

 private:
  static std::string Distinct(const std::string& letters) {
    std::string distinct;
    for (const char letter : letters) {
      if (distinct.find(letter) == std::string::npos) distinct += letter;
    }
    return distinct;
  }
  std::string Kept(const std::string& letters, size_t next) const {
    std::string needed = output_, kept;
    for (size_t i = next; i < terms_.size(); ++i) needed += terms_[i];
    for (const char letter : Distinct(letters)) {
      if (needed.find(letter) != std::string::npos) kept += letter;
    }
    return kept;
  }
  // The index of `term` where the letters of `all` are at `at`.
  static Index Pick(const std::string& term, const std::string& all,
                    const Index& at) {
    Index index;
    for (const char letter : term) index.push_back(at[all.find(letter)]);
    return index;
  }
  void Multiply(Tally& tally, const std::string& left, Array& a,
                const std::string& right, Array& b, Array& y) {
    const std::string all = Distinct(left + right);
    Number sum(tally, 0);
    ForEachIndex(DimsOf(all), [&](const Index& at) {
      sum = sum + a.Read(Pick(left, all, at)) * b.Read(Pick(right, all, at));
    });
    for (int64_t i = 0; i < y.size(); ++i) y.Write(i, sum);
  }
  void SumOne(Tally& tally, Array& x) {
    const std::string all = Distinct(terms_[0]);
    Array y(tally, "o0", DimsOf(output_));
    if (output_.size() == all.size()) {
      // A copy, unless every element stays in its place.
      Numbers sources;
      ForEachIndex(DimsOf(output_), [&](const Index& at) {
        sources.push_back(x.Offset(Pick(terms_[0], output_, at)));
      });
      tally = TallyOfCopy(sources, x.size());
      return;
    }
    Number sum(tally, 0);
    ForEachIndex(DimsOf(all), [&](const Index& at) {
      sum = sum + x.Read(Pick(terms_[0], all, at));
    });
    for (int64_t i = 0; i < y.size(); ++i) y.Write(i, sum);
  }

  std::vector<std::string> terms_;
  std::string output_;
  std::map<char, int64_t> extents_;
};

TEST(EinsumReference, RandomEquationsCountWhatTheLoopsDo) {
  Draw draw(531);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    RandomEinsum random(draw);
    SCOPED_TRACE(absl::StrCat("configuration ", i, ": ", random.equation()));
    OneNode node("Einsum", 12);
    for (const std::string& term : random.terms()) {
      node.Input(ToDims(random.DimsOf(term)));
    }
    node.Attr("equation", random.equation().c_str());
    ExpectCounts(node, random.Reference(), random.equation());
  }
}

}  // namespace
}  // namespace opcost

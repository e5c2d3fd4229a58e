// SPDX-License-Identifier: Apache-2.0
// MatMul and Gemm against plain nested loops, written from the ONNX
// specification.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 300;

void AddOperand(OneNode& node, const Index& dims, bool is_constant) {
  if (is_constant) {
    node.Constant(ToDims(dims));
  } else {
    node.Input(ToDims(dims));
  }
}

void ExpectCounts(OneNode& node, const Tally& expected, const Index& output) {
  EXPECT_EQ(node.InferText(),
            absl::StrCat("float32 ", ToString(Shape(ToDims(output)))));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(expected, TallyOf(counts));
  EXPECT_EQ(expected.macs, counts.macs.value());
}

// The index of `dims` that `index` of a larger, broadcast shape stands for.
Index Unbroadcast(const Index& index, const Index& dims) {
  Index result;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t at = index[index.size() - dims.size() + i];
    result.push_back(dims[i] == 1 ? 0 : at);
  }
  return result;
}

// Batch axes of an operand: those of `batch` from some axis on, some of them 1.
Index DrawBatch(Draw& draw, const Index& batch) {
  const int64_t dropped = draw.Between(0, static_cast<int64_t>(batch.size()));
  Index result(batch.begin() + dropped, batch.end());
  for (int64_t& extent : result) {
    if (draw.Between(0, 2) == 0) extent = 1;
  }
  return result;
}

void CheckMatMul(Draw& draw) {
  const int64_t m = draw.Between(1, 4);
  const int64_t k = draw.Between(1, 4);
  const int64_t n = draw.Between(1, 4);
  const Index batch =
      draw.Several(static_cast<size_t>(draw.Between(0, 3)), 1, 3);
  const bool a_is_vector = draw.Between(0, 5) == 0;
  const bool b_is_vector = draw.Between(0, 5) == 0;
  const bool a_is_constant = draw.Between(0, 3) == 0;
  const bool b_is_constant = draw.Coin();
  const Index a_batch = a_is_vector ? Index() : DrawBatch(draw, batch);
  const Index b_batch = b_is_vector ? Index() : DrawBatch(draw, batch);
  const Index a_dims = a_is_vector ? Index{k} : Joined(a_batch, {m, k});
  const Index b_dims = b_is_vector ? Index{k} : Joined(b_batch, {k, n});

  Index out_batch = a_batch.size() > b_batch.size() ? a_batch : b_batch;
  for (const Index& operand : {a_batch, b_batch}) {
    for (size_t i = 0; i < operand.size(); ++i) {
      int64_t& extent = out_batch[out_batch.size() - operand.size() + i];
      extent = std::max(extent, operand[i]);
    }
  }
  Index y_dims = out_batch;
  if (!a_is_vector) y_dims.push_back(m);
  if (!b_is_vector) y_dims.push_back(n);

  Tally tally;
  Array a(tally, "i0", a_dims), b(tally, "i1", b_dims), y(tally, "o0", y_dims);
  ForEachIndex(out_batch, [&](const Index& at) {
    for (int64_t row = 0; row < (a_is_vector ? 1 : m); ++row) {
      for (int64_t column = 0; column < (b_is_vector ? 1 : n); ++column) {
        Number sum(tally, 0);
        for (int64_t i = 0; i < k; ++i) {
          const Index a_at = a_is_vector
                                 ? Index{i}
                                 : Joined(Unbroadcast(at, a_batch), {row, i});
          const Index b_at =
              b_is_vector ? Index{i}
                          : Joined(Unbroadcast(at, b_batch), {i, column});
          sum = sum + a.Read(a_at) * b.Read(b_at);
          ++tally.macs;
        }
        Index y_at = at;
        if (!a_is_vector) y_at.push_back(row);
        if (!b_is_vector) y_at.push_back(column);
        y.Write(y_at, sum);
      }
    }
  });
  // R2: a constant of one element is read once.
  if (a_is_constant && a.size() == 1) tally.reads["i0"] = 1;
  if (b_is_constant && b.size() == 1) tally.reads["i1"] = 1;

  OneNode node("MatMul", 13);
  AddOperand(node, a_dims, a_is_constant);
  AddOperand(node, b_dims, b_is_constant);
  ExpectCounts(node, tally, y_dims);
}

TEST(MatMulReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(20233);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckMatMul(draw);
  }
}

void CheckGemm(Draw& draw) {
  const int64_t m = draw.Between(1, 5);
  const int64_t k = draw.Between(1, 5);
  const int64_t n = draw.Between(1, 5);
  const bool trans_a = draw.Coin();
  const bool trans_b = draw.Coin();
  const bool b_is_constant = draw.Coin();
  const bool has_c = draw.Between(0, 3) != 0;
  const bool c_is_constant = draw.Coin();
  const double alpha = draw.OneOf({1.0, 1.0, 0.5});
  const double beta = draw.OneOf({1.0, 1.0, 2.0});
  const Index c_dims =
      draw.OneOf<Index>({{m, n}, {1, n}, {m, 1}, {1, 1}, {n}, {1}, {}});
  const Index a_dims = trans_a ? Index{k, m} : Index{m, k};
  const Index b_dims = trans_b ? Index{n, k} : Index{k, n};

  Tally tally;
  Array a(tally, "i0", a_dims), b(tally, "i1", b_dims), c(tally, "i2", c_dims);
  Array y(tally, "o0", {m, n});
  ForEachIndex({m, n}, [&](const Index& at) {
    Number start(tally, 0);
    if (has_c) {
      start = c.Read(Unbroadcast(at, c_dims));
      if (beta != 1) start = start * Number(tally, beta);
    }
    Number sum = alpha == 1 ? start : Number(tally, 0);
    for (int64_t i = 0; i < k; ++i) {
      sum = sum + a.Read(trans_a ? Index{i, at[0]} : Index{at[0], i}) *
                      b.Read(trans_b ? Index{at[1], i} : Index{i, at[1]});
      ++tally.macs;
    }
    if (alpha != 1) {
      sum = sum * Number(tally, alpha);
      if (has_c) sum = sum + start;
    }
    y.Write(at, sum);
  });
  // R2: a constant of one element is read once.
  if (b_is_constant && b.size() == 1) tally.reads["i1"] = 1;
  if (has_c && c_is_constant && c.size() == 1) tally.reads["i2"] = 1;

  OneNode node("Gemm", 13);
  AddOperand(node, a_dims, false);
  AddOperand(node, b_dims, b_is_constant);
  if (has_c) AddOperand(node, c_dims, c_is_constant);
  if (trans_a) node.Attr("transA", 1);
  if (trans_b) node.Attr("transB", 1);
  node.Attr("alpha", alpha).Attr("beta", beta);
  ExpectCounts(node, tally, {m, n});
}

TEST(GemmReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(20234);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckGemm(draw);
  }
}

}  // namespace
}  // namespace opcost

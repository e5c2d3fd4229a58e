// SPDX-License-Identifier: Apache-2.0
// Determinants and inverses, against elimination as plain loops.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

OneNode Det(Dims dims) { return OneNode("Det", 22).Input(std::move(dims)); }
OneNode Inverse(Dims dims) {
  return OneNode("Inverse", 1, "com.microsoft").Input(std::move(dims));
}

TEST(Determinants, AreOnePerSquareMatrix) {
  ExpectInfers({
      {Det({3, 3}), "float32 scalar"},
      {Det({kN, 2, 3, 3}), "float32 Nx2"},
      {OneNode("Det", 11).Input({kN, kN}), "float32 scalar"},
      {Det({2, 3}), "Det 'o0': the matrices must be square but are 2x3"},
      {Det({3}), "Det 'o0': the input must have at least 2 axes but has 1"},
      {Inverse({5, 3, 3}), "float32 5x3x3"},
      {Inverse({5, 3}),
       "Inverse 'o0': the matrices must be square but are 5x3"},
  });
}

TEST(Determinants, CountAsEliminationDoes) {
  Dice dice(101);
  for (int i = 0; i < 200; ++i) {
    const int64_t matrices = dice.Roll(1, 3), size = dice.Roll(0, 8);
    Tally tally;
    Array x(tally, "i0", {matrices, size, size}), y(tally, "o0", {matrices});
    Array a(tally, "matrix", {size, size});
    for (int64_t m = 0; m < matrices; ++m) {
      if (size == 0) {
        y.Write(m, Number(tally, 1));
        continue;
      }
      for (int64_t e = 0; e < size * size; ++e) {
        a.Write(e, x.Read(m * size * size + e));
      }
      for (int64_t k = 0; k + 1 < size; ++k) {
        const Number pivot = a.Read({k, k});
        for (int64_t r = k + 1; r < size; ++r) {
          const Number factor = a.Read({r, k}) / pivot;
          for (int64_t c = k + 1; c < size; ++c) {
            a.Write({r, c}, a.Read({r, c}) - factor * a.Read({k, c}));
          }
        }
      }
      Number product = a.Read({0, 0});
      for (int64_t k = 1; k < size; ++k) product = product * a.Read({k, k});
      y.Write(m, product);
    }
    OneNode node = Det({matrices, size, size});
    ExpectCounts(node, tally, TextOf({matrices, size}));
  }
}

TEST(Determinants, OfSymbolicMatricesBindToTheNumbers) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, Det({kN, kN}).Count());
  ASSERT_OK_AND_ASSIGN(const OpCounts of_seven, Det({7, 7}).Count());
  ASSERT_EQ(counts.arith.size(), of_seven.arith.size());
  for (size_t i = 0; i < counts.arith.size(); ++i) {
    EXPECT_EQ(counts.arith[i].count.Bind({{"N", 7}}), of_seven.arith[i].count);
  }
}

TEST(Inverses, CountAsGaussJordanDoes) {
  Dice dice(102);
  for (int i = 0; i < 200; ++i) {
    const int64_t matrices = dice.Roll(1, 3), size = dice.Roll(1, 7);
    Tally tally;
    Array x(tally, "i0", {matrices, size, size});
    Array y(tally, "o0", {matrices, size, size});
    for (int64_t m = 0; m < matrices; ++m) {
      const auto at = [m, size](int64_t r, int64_t c) {
        return (m * size + r) * size + c;
      };
      for (int64_t e = 0; e < size * size; ++e) {
        y.Write(m * size * size + e, x.Read(m * size * size + e));
      }
      for (int64_t k = 0; k < size; ++k) {
        const Number inverse = Number(tally, 1) / y.Read(at(k, k));
        for (int64_t c = 0; c < size; ++c) {
          if (c != k) y.Write(at(k, c), y.Read(at(k, c)) * inverse);
        }
        y.Write(at(k, k), inverse);
        for (int64_t r = 0; r < size; ++r) {
          if (r == k) continue;
          const Number factor = y.Read(at(r, k));
          for (int64_t c = 0; c < size; ++c) {
            if (c == k) continue;
            y.Write(at(r, c), y.Read(at(r, c)) - factor * y.Read(at(k, c)));
          }
          y.Write(at(r, k), -(factor * inverse));
        }
      }
    }
    OneNode node = Inverse({matrices, size, size});
    ExpectCounts(node, tally, TextOf({matrices, size}));
  }
}

}  // namespace
}  // namespace opcost

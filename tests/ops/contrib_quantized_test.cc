// SPDX-License-Identifier: Apache-2.0
// Weights quantised in blocks: MatMulNBits, MatMulBnb4, MatMulFpQ4,
// GatherBlockQuantized.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;
constexpr char kDomain[] = "com.microsoft";

OneNode Ms(const char* op) { return OneNode(op, 1, kDomain); }

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A node of MatMulNBits without its optional operands.
OneNode NBits(Dims a, int64_t k, int64_t n, int64_t bits, int64_t block) {
  const int64_t blocks = CeilDiv(k, block);
  OneNode node = Ms("MatMulNBits");
  node.Input(std::move(a))
      .Constant({n, blocks, block * bits / 8}, DataType::kUint8)
      .Constant({n * blocks});
  node.Attr("K", k).Attr("N", n).Attr("bits", bits).Attr("block_size", block);
  return node;
}

// The dequantised product, one weight after the other, with scale and zero
// point kept in registers for the weights of one block and output.
void Product(Tally& tally, int64_t rows, int64_t k, int64_t n, int64_t block,
             Array* scales, Array* zeros, Array* bias) {
  Array a(tally, "i0", {rows, k}), b(tally, "i1", {n, k});
  Array y(tally, "o0", {rows, n});
  const int64_t blocks = CeilDiv(k, block);
  ForEachIndex({rows, n}, [&](const Index& at) {
    Number sum = bias != nullptr ? bias->Read({at[1]}) : Number(tally, 0);
    Number scale(tally, 1), zero(tally, 0);
    for (int64_t i = 0; i < k; ++i) {
      if (i % block == 0) {
        scale = scales->Read({at[1] * blocks + i / block});
        if (zeros != nullptr) zero = zeros->Read({at[1] * blocks + i / block});
      }
      Number weight = b.Read({at[1], i});
      if (zeros != nullptr) weight = weight - zero;
      sum = sum + a.Read({at[0], i}) * (weight * scale);
    }
    y.Write(at, sum);
  });
}

void CheckNBits(Draw& draw) {
  const int64_t rows = draw.Between(1, 3);
  const int64_t k = draw.Between(2, 70);
  const int64_t n = draw.Between(2, 4);
  const int64_t bits = draw.Between(2, 8);
  const int64_t block = draw.OneOf<int64_t>({16, 32, 64});
  const int64_t blocks = CeilDiv(k, block);
  const int zero_kind = static_cast<int>(draw.Between(0, 2));
  const bool has_bias = draw.Coin();

  Tally tally;
  Array scales(tally, "i2", {n * blocks}), zeros(tally, "i3", {n * blocks});
  Array bias(tally, "i5", {n});
  Product(tally, rows, k, n, block, &scales, zero_kind > 0 ? &zeros : nullptr,
          has_bias ? &bias : nullptr);

  OneNode node = NBits({rows, 1, k}, k, n, bits, block);
  if (zero_kind == 0) {
    node.Absent();
  } else if (zero_kind == 1) {
    node.Constant({n, CeilDiv(blocks * bits, 8)}, DataType::kUint8);
  } else {
    node.Constant({n, blocks});
  }
  node.Absent();
  if (has_bias) node.Constant({n});
  EXPECT_EQ(node.InferText(), absl::StrCat("float32 ", rows, "x1x", n));
  ExpectCounts(node, tally, "MatMulNBits");
}

TEST(MatMulNBits, CountsWhatPlainLoopsDo) {
  Draw draw(7101);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckNBits(draw);
  }
}

TEST(MatMulNBits, TheWeightIsReadAtItsPackedWidth) {
  struct Case {
    int64_t bits;
    const char* format;
  };
  for (const Case& c : {Case{2, "uint2"}, Case{3, "int3"}, Case{4, "uint4"},
                        Case{8, "uint8"}}) {
    OneNode node = NBits({5, 40}, 40, 3, c.bits, 32);
    node.Constant({3, CeilDiv(2 * c.bits, 8)}, DataType::kUint8);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(counts.accesses.size(), 5u);
    const Access& weight = counts.accesses[1];
    ASSERT_TRUE(weight.packed_format.has_value());
    EXPECT_EQ(ToString(*weight.packed_format), c.format);
    EXPECT_EQ(weight.elements, 3 * 2 * 32);  // the last block is filled up
    EXPECT_EQ(weight.role, Role::kWeight);
    const Access& zeros = counts.accesses[3];
    ASSERT_TRUE(zeros.packed_format.has_value());
    EXPECT_EQ(ToString(*zeros.packed_format), c.format);
    EXPECT_EQ(zeros.elements, 3 * 2);
  }
}

TEST(MatMulNBits, ComputesInTheFormatOfTheActivations) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       NBits({5, 32}, 32, 3, 4, 32).Count());
  EXPECT_EQ(counts.macs, 5 * 3 * 32);
  for (const Arith& arith : counts.arith) {
    EXPECT_EQ(arith.operands, OperandSet::Input(0));
  }
}

TEST(MatMulNBits, RowsMayBeSymbolic) {
  OneNode node =
      NBits({Extent::Symbol("B"), Extent::Symbol("S"), 64}, 64, 8, 4, 32);
  EXPECT_EQ(node.InferText(), "float32 BxSx8");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, Extent::Symbol("B") * Extent::Symbol("S") * (8 * 64));
}

TEST(MatMulNBits, RefusesWhatContradictsItsAttributes) {
  ExpectInfers({
      {NBits({5, 33}, 32, 3, 4, 32),
       "MatMulNBits 'o0': the last axis of A has 33 elements but the weight "
       "takes 32"},
      {NBits({5, 32}, 32, 3, 9, 32),
       "MatMulNBits 'o0': bits must be 2 to 8 but is 9"},
      {NBits({5, 32}, 32, 3, 4, 24),
       "MatMulNBits 'o0': block_size must be a power of 2 and at least 16 but "
       "is 24"},
      {Ms("MatMulNBits").Input({5, 32}).Attr("K", 32),
       "MatMulNBits 'o0': attribute 'N' must be at least 1 but is 0"},
      {Ms("MatMulNBits")
           .Input({5, 32})
           .Constant({3, 1, 15}, DataType::kUint8)
           .Constant({3})
           .Attr("K", 32)
           .Attr("N", 3)
           .Attr("block_size", 32),
       "MatMulNBits 'o0': B is 3x1x15 but the weights take 48 bytes"},
      {NBits({}, 32, 3, 4, 32),
       "MatMulNBits 'o0': A is a scalar but must have at least 1 axis"},
  });
}

TEST(MatMulBnb4, CountsWhatPlainLoopsDo) {
  Draw draw(7102);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const int64_t rows = draw.Between(1, 3);
    const int64_t n = draw.Between(1, 5);
    const int64_t block = draw.OneOf<int64_t>({16, 32});
    const int64_t k = block * draw.Between(1, 3);
    Tally tally;
    Array absmax(tally, "i2", {n * k / block});
    Product(tally, rows, k, n, block, &absmax, nullptr, nullptr);
    OneNode node = Ms("MatMulBnb4");
    node.Input({rows, k})
        .Constant({n * k / 2}, DataType::kUint8)
        .Input({n * k / block});
    node.Attr("K", k).Attr("N", n).Attr("block_size", block);
    node.Attr("quant_type", 1);
    EXPECT_EQ(node.InferText(), absl::StrCat("float32 ", rows, "x", n));
    ExpectCounts(node, tally, "MatMulBnb4");
  }
}

TEST(MatMulBnb4, WithoutTranspositionTheAxesChangePlaces) {
  OneNode node = Ms("MatMulBnb4");
  node.Input({2, 6}).Constant({96}, DataType::kUint8).Constant({6});
  node.Attr("K", 32).Attr("N", 6).Attr("block_size", 32).Attr("transB", 0);
  EXPECT_EQ(node.InferText(), "float32 2x32");
  // Each of the 6 weights of a result lies in a block of its own.
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).reads.at("i2"), (2 * 32) * 6);
}

TEST(MatMulFpQ4, ReadsScalesAndOffsetsFromTheWeight) {
  struct Case {
    int64_t type, block;
    bool has_offset;
  };
  const int64_t rows = 3, k = 70, n = 4;
  for (const Case& c :
       {Case{0, 32, false}, Case{1, 32, true}, Case{2, 64, false}}) {
    Tally tally;
    const int64_t blocks = CeilDiv(k, c.block);
    Array scales(tally, "i1", {n * blocks}), offsets(tally, "i1", {n * blocks});
    Product(tally, rows, k, n, c.block, &scales,
            c.has_offset ? &offsets : nullptr, nullptr);
    OneNode node = Ms("MatMulFpQ4");
    node.Input({rows, k}).Constant({999}, DataType::kUint8);
    node.ConstantInts({k, n}).Attr("blk_quant_type", c.type);
    EXPECT_EQ(node.InferText(), "float32 3x4");
    ExpectCounts(node, tally, "MatMulFpQ4");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(counts.accesses.size(), c.has_offset ? 5u : 4u);
    EXPECT_EQ(ToString(*counts.accesses[1].packed_format), "uint4");
    EXPECT_EQ(ToString(*counts.accesses[2].packed_format), "float32");
  }
}

TEST(MatMulFpQ4, RefusesUnknownTypesAndShapes) {
  ExpectInfers({
      {Ms("MatMulFpQ4")
           .Input({3, 8})
           .Constant({99}, DataType::kUint8)
           .ConstantInts({8, 2})
           .Attr("blk_quant_type", 3),
       "MatMulFpQ4 'o0': blk_quant_type must be 0, 1 or 2 but is 3"},
      {Ms("MatMulFpQ4")
           .Input({3, 8})
           .Constant({99}, DataType::kUint8)
           .ConstantInts({8, -2}),
       "MatMulFpQ4 'o0': B_shape must be two positive extents"},
  });
}

// Rows of a table of `k` numbers each, in blocks along the row.
TEST(GatherBlockQuantized, CountsWhatPlainLoopsDo) {
  Draw draw(7103);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const int64_t bits = draw.OneOf<int64_t>({2, 4, 8});
    const int64_t block = draw.OneOf<int64_t>({16, 32});
    const int64_t k = block * draw.Between(1, 3);
    const int64_t blocks = k / block;
    const int64_t entries = draw.Between(2, 5);
    const bool has_zeros = draw.Coin();
    const Index picked = draw.Several(2, 1, 3);
    Tally tally;
    Array data(tally, "i0", {entries, k}), indices(tally, "i1", picked);
    Array scales(tally, "i2", {entries, blocks});
    Array zeros(tally, "i3", {entries, blocks});
    Array y(tally, "o0", Joined(picked, {k}));
    ForEachIndex(picked, [&](const Index& at) {
      const auto entry = static_cast<int64_t>(indices.Read(at).value());
      Number scale(tally, 1), zero(tally, 0);
      for (int64_t e = 0; e < k; ++e) {
        if (e % block == 0) {
          scale = scales.Read({entry, e / block});
          if (has_zeros) zero = zeros.Read({entry, e / block});
        }
        Number weight = data.Read({entry, e});
        if (has_zeros) weight = weight - zero;
        y.Write(Joined(at, {e}), weight * scale);
      }
    });
    OneNode node = Ms("GatherBlockQuantized");
    node.Constant({entries, k * bits / 8}, DataType::kUint8)
        .Input(ToDims(picked), DataType::kInt64)
        .Constant({entries, blocks}, DataType::kFloat16);
    if (has_zeros) {
      node.Constant({entries, CeilDiv(blocks * bits, 8)}, DataType::kUint8);
    }
    node.Attr("bits", bits).Attr("block_size", block);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("float16 ", picked[0], "x", picked[1], "x", k));
    ExpectCounts(node, tally, "GatherBlockQuantized");
  }
}

TEST(GatherBlockQuantized, BlocksAlongTheGatheredAxisAreReadPerElement) {
  OneNode node = Ms("GatherBlockQuantized");
  node.Constant({64, 6}, DataType::kInt4)
      .Input({5}, DataType::kInt64)
      .Constant({2, 6});
  node.Attr("quantize_axis", 0).Attr("block_size", 32);
  EXPECT_EQ(node.InferText(), "float32 5x6");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).reads.at("i2"), 5 * 6);
  EXPECT_EQ(ToString(*counts.accesses[0].packed_format), "int4");
  ExpectFormulaAgrees(node);
}

TEST(GatherBlockQuantized, RefusesBitsThatDoNotFillABytesAndBlocksTooSmall) {
  const auto gather = [](int64_t bits, int64_t block) {
    OneNode node = Ms("GatherBlockQuantized");
    node.Constant({4, 16}, DataType::kUint8)
        .Input({5}, DataType::kInt64)
        .Constant({4, 1});
    node.Attr("bits", bits).Attr("block_size", block);
    return node;
  };
  ExpectInfers({
      {gather(3, 16),
       "GatherBlockQuantized 'o0': bits must be 2, 4 or 8 but is 3"},
      {gather(4, 8),
       "GatherBlockQuantized 'o0': block_size must be a power of 2 and at "
       "least 16 but is 8"},
  });
}

}  // namespace
}  // namespace opcost

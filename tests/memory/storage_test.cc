// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/memory/traffic.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"
#include "tests/weights/naive_statistics.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// One layer of a model, whose constant operands have the given values.
class OneLayer {
 public:
  explicit OneLayer(const std::string& text, const InputOptions& options = {})
      : model_(*ModelFromText(text)),
        analysis_(*Analyze(model_, options)),
        formats_(analysis_, {}) {}

  // Says what the rows of operand `i` of the layer hold.
  void Know(size_t i, const Rows& rows) {
    const WeightOperand operand = operands().at(i);
    statistics_.emplace(operand, NaiveStatistics(rows, operand.layout));
  }
  void KnowNothing(const std::string& why) {
    for (const WeightOperand& operand : operands()) {
      statistics_.emplace(operand, absl::FailedPreconditionError(why));
    }
  }

  std::vector<WeightOperand> operands() const {
    return WeightOperandsOf(analysis_);
  }
  LayerStorage Find(StorageFormat format, bool skips_zeros = false) const {
    StorageOptions options;
    options.skips_zeros = skips_zeros;
    options.statistics = std::make_shared<const WeightStatistics>(statistics_);
    return *FindStorage(analysis_, layer(), formats_, options, format);
  }
  LayerCounts Stored(StorageFormat format, bool skips_zeros = false) const {
    LayerCounts stored = layer();
    ApplyStorage(Find(format, skips_zeros), stored);
    return stored;
  }
  // "mul 6": an entry for each operation.
  static std::vector<std::string> Arithmetic(const LayerCounts& layer) {
    std::vector<std::string> rows;
    for (const Arith& arith : layer.counts.arith) {
      rows.push_back(absl::StrCat(Name(arith.op), " ", arith.count.ToString()));
    }
    return rows;
  }
  // "w#columns index uint8 6: 12 reads, 0 writes".
  std::vector<std::string> Accesses(const LayerCounts& layer) const {
    std::vector<std::string> rows;
    for (const Access& access : layer.counts.accesses) {
      const auto i = static_cast<size_t>(access.index);
      std::string name(access.scratch_name);
      if (access.side != Access::Side::kScratch) {
        const ValueIndex value = access.side == Access::Side::kInput
                                     ? layer.inputs()[i]
                                     : layer.outputs()[i];
        name = analysis_.graph->values[static_cast<size_t>(value)].name;
      }
      if (!access.part.empty()) absl::StrAppend(&name, "#", access.part);
      rows.push_back(absl::StrCat(name, " ", Name(access.role), " ",
                                  ToString(formats_.OfAccess(layer, access)),
                                  " ", access.elements.ToString(), ": ",
                                  access.reads.ToString(), " reads, ",
                                  access.writes.ToString(), " writes"));
    }
    return rows;
  }

  const LayerCounts& layer() const { return analysis_.layers.at(0); }
  const Analysis& analysis() const { return analysis_; }
  const Formats& formats() const { return formats_; }

 private:
  Model model_;
  Analysis analysis_;
  Formats formats_;
  WeightStatistics statistics_;
};

// y = 2 * x w + c: 5 vectors of 3, and a matrix of 2 rows as outputs.
constexpr char kGemm[] = R"(
  (float[5,3] x) => (float[5,2] y)
  <float[3,2] w = {0,0,0,0,0,0}, float[2] c = {1,2}> {
    y = Gemm<alpha = 2.0>(x, w, c)
  })";

TEST(LayerStorageTest, TheRowsOfAMatrixAreOutputFeatures) {
  const OneLayer gemm(kGemm);
  ASSERT_EQ(gemm.operands().size(), 1U);
  EXPECT_EQ(gemm.operands()[0].layout,
            (MatrixLayout{1, 2, 3, /*is_transposed=*/true}));
}

TEST(LayerStorageTest, BiasAlphaAndWritesStay) {
  OneLayer gemm(kGemm);
  EXPECT_THAT(gemm.Accesses(gemm.layer()),
              ElementsAre("x input float32 15: 30 reads, 0 writes",
                          "w weight float32 6: 30 reads, 0 writes",
                          "c bias float32 2: 10 reads, 0 writes",
                          "y output float32 10: 0 reads, 10 writes"));
  const std::vector<std::string> before = gemm.Arithmetic(gemm.layer());
  gemm.Know(0, {{0, 4, 0}, {0, 0, 0}});
  const LayerCounts csr = gemm.Stored(StorageFormat::kCsr);
  EXPECT_EQ(csr.storage, StorageFormat::kCsr);
  // One non-zero, two rows, five vectors.
  EXPECT_THAT(gemm.Accesses(csr),
              ElementsAre("x input float32 15: 5 reads, 0 writes",
                          "w weight float32 1: 5 reads, 0 writes",
                          "w#columns index uint8 1: 5 reads, 0 writes",
                          "w#row pointers index uint8 3: 20 reads, 0 writes",
                          "c bias float32 2: 10 reads, 0 writes",
                          "y output float32 10: 0 reads, 10 writes"));
  std::vector<std::string> expected = before;
  expected[0] = "mul 5";
  expected[1] = "add 5";
  EXPECT_THAT(before, ElementsAre("mul 30", "add 30", "mul 10", "add 10"));
  EXPECT_EQ(gemm.Arithmetic(csr), expected);
}

TEST(LayerStorageTest, MacsStayThoseOfTheDenseLayer) {
  OneLayer gemm(kGemm);
  gemm.Know(0, {{0, 4, 0}, {0, 0, 0}});
  EXPECT_EQ(gemm.Stored(StorageFormat::kCsr).counts.macs, Count(5 * 2 * 3));
}

TEST(LayerStorageTest, WithoutNonZerosTheValuesKeepTheirFormat) {
  OneLayer gemm(kGemm);
  gemm.Know(0, {{0, 0, 0}, {0, 0, 0}});
  const LayerCounts csr = gemm.Stored(StorageFormat::kCsr);
  EXPECT_EQ(gemm.Accesses(csr)[1], "w weight float32 0: 0 reads, 0 writes");
  EXPECT_EQ(gemm.formats().OfArith(csr, csr.counts.arith[0]),
            FormatOf(DataType::kFloat32));
}

TEST(LayerStorageTest, SkippedZerosAreReadAndNoMore) {
  OneLayer gemm(kGemm);
  gemm.Know(0, {{0, 4, 0}, {0, 0, 0}});
  const LayerCounts dense = gemm.Stored(StorageFormat::kDense, true);
  EXPECT_EQ(dense.storage, StorageFormat::kDense);
  EXPECT_THAT(gemm.Accesses(dense),
              ElementsAre("x input float32 15: 5 reads, 0 writes",
                          "w weight float32 6: 30 reads, 0 writes",
                          "c bias float32 2: 10 reads, 0 writes",
                          "y output float32 10: 0 reads, 10 writes"));
  EXPECT_THAT(gemm.Arithmetic(dense),
              ElementsAre("mul 5", "add 5", "mul 10", "add 10"));
}

TEST(LayerStorageTest, NmIndicesHaveAWidthOfTheirOwn) {
  OneLayer gemm(kGemm);
  gemm.Know(0, {{1, 0, 0}, {0, 0, 2}});
  const LayerStorage storage = gemm.Find(StorageFormat::kNm);
  // 1:4 takes a slot in each row.
  EXPECT_EQ(storage.label(), "nm 1:4");
  EXPECT_EQ(gemm.Accesses(gemm.Stored(StorageFormat::kNm))[2],
            "w#indices index uint2 2: 10 reads, 0 writes");
}

// Two groups of two outputs each; 2x2 inputs of 4 channels, 1x1 kernels.
TEST(LayerStorageTest, GroupsShareAMatrixButNotItsVectors) {
  OneLayer conv(R"(
    (float[1,4,2,2] x) => (float[1,4,2,2] y)
    <float[4,2,1,1] w = {0,0,0,0,0,0,0,0}> {
      y = Conv<group = 2>(x, w)
    })");
  ASSERT_EQ(conv.operands().size(), 1U);
  EXPECT_EQ(conv.operands()[0].layout, (MatrixLayout{2, 2, 2, false, true}));
  conv.Know(0, {{5, 5}, {5, 7}, {5, 5}, {5, 5}});
  const LayerCounts cer = conv.Stored(StorageFormat::kCer);
  // For each of 4 positions one 7, two sums of two inputs, four rows.
  EXPECT_THAT(conv.Arithmetic(cer),
              ElementsAre(absl::StrCat("mul ", 4 * (1 + 4)),
                          absl::StrCat("add ", 4 * (1 + 2 * 2 + 4))));
  EXPECT_EQ(conv.Accesses(cer)[0],
            absl::StrCat("x input float32 16: ", 4 * (1 + 2 * 2),
                         " reads, 0 writes"));
}

TEST(LayerStorageTest, ATransposedConvolutionMultipliesEachInputPosition) {
  OneLayer conv(R"(
    (float[1,2,3,3] x) => (float[1,1,4,4] y)
    <float[2,1,2,2] w = {0,0,0,0,0,0,0,0}> {
      y = ConvTranspose(x, w)
    })");
  ASSERT_EQ(conv.operands().size(), 1U);
  EXPECT_EQ(conv.operands()[0].layout, (MatrixLayout{1, 4, 2, true, true}));
  conv.Know(0, {{3, 0}, {0, 0}, {0, 3}, {3, 0}});
  EXPECT_THAT(conv.Arithmetic(conv.Stored(StorageFormat::kBitmap)),
              ElementsAre("mul 27", "add 27"));
}

TEST(LayerStorageTest, ARecurrentLayerHasTwoMatrices) {
  OneLayer rnn(R"(
    (float[3,1,2] x) => (float[3,1,1,2] y)
    <float[1,2,2] w = {0,0,0,0}, float[1,2,2] r = {0,0,0,0}> {
      y = RNN<hidden_size = 2>(x, w, r)
    })");
  ASSERT_EQ(rnn.operands().size(), 2U);
  rnn.Know(0, {{0, 1}, {0, 0}});
  rnn.Know(1, {{1, 1}, {1, 0}});
  const LayerCounts csr = rnn.Stored(StorageFormat::kCsr);
  // Three steps; one non-zero in w, three in r.
  EXPECT_THAT(rnn.Accesses(csr),
              ElementsAre("x input float32 6: 3 reads, 0 writes",
                          "w weight float32 1: 3 reads, 0 writes",
                          "w#columns index uint8 1: 3 reads, 0 writes",
                          "w#row pointers index uint8 3: 12 reads, 0 writes",
                          "r weight float32 3: 9 reads, 0 writes",
                          "r#columns index uint8 3: 9 reads, 0 writes",
                          "r#row pointers index uint8 3: 12 reads, 0 writes",
                          "previous h scratch float32 2: 9 reads, 0 writes",
                          "y output float32 6: 0 reads, 6 writes"));
}

TEST(LayerStorageTest, BatchedMatricesShareTheirArrays) {
  OneLayer matmul(R"(
    (float[2,3,2] x) => (float[2,3,2] y)
    <float[2,2,2] w = {0,0,0,0,0,0,0,0}> {
      y = MatMul(x, w)
    })");
  ASSERT_EQ(matmul.operands().size(), 1U);
  EXPECT_EQ(matmul.operands()[0].layout, (MatrixLayout{2, 2, 2, true}));
  matmul.Know(0, {{1, 0}, {0, 0}, {2, 2}, {0, 2}});
  const LayerCounts csr = matmul.Stored(StorageFormat::kCsr);
  EXPECT_THAT(matmul.Accesses(csr),
              ElementsAre("x input float32 12: 12 reads, 0 writes",
                          "w weight float32 4: 12 reads, 0 writes",
                          "w#columns index uint8 4: 12 reads, 0 writes",
                          "w#row pointers index uint8 6: 24 reads, 0 writes",
                          "y output float32 12: 0 reads, 12 writes"));
}

// R2 has no place in section 6: a dense layer reads its one weight once.
TEST(LayerStorageTest, AMatrixOfOneElementIsReadForEachVector) {
  OneLayer conv(R"(
    (float[1,1,3,3] x) => (float[1,1,3,3] y) <float[1,1,1,1] w = {2}> {
      y = Conv(x, w)
    })");
  EXPECT_EQ(conv.Accesses(conv.layer())[1],
            "w weight float32 1: 1 reads, 0 writes");
  conv.Know(0, {{2}});
  EXPECT_EQ(conv.Accesses(conv.Stored(StorageFormat::kCsr))[1],
            "w weight float32 1: 9 reads, 0 writes");
}

TEST(LayerStorageTest, AFormatThatIsntThereLeavesTheLayerDense) {
  OneLayer conv(R"(
    (float[1,1,40] x) => (float[1,1,1] y) <int64[3] s = {1,1,40}> {
      w = ConstantOfShape(s)
      y = Conv(x, w)
    })");
  conv.Know(0, {std::vector<double>(40, 1)});
  const LayerStorage storage = conv.Find(StorageFormat::kNm);
  EXPECT_EQ(storage.format, StorageFormat::kDense);
  EXPECT_THAT(storage.operands, IsEmpty());
  EXPECT_EQ(storage.reason,
            "'w': it has no N:M pattern: somewhere 32 columns in a row hold "
            "no zero");
  EXPECT_EQ(conv.Arithmetic(conv.Stored(StorageFormat::kNm)),
            conv.Arithmetic(conv.layer()));
}

TEST(LayerStorageTest, ValuesThatAreNotKnownStayDense) {
  OneLayer gemm(kGemm);
  EXPECT_EQ(gemm.Find(StorageFormat::kCsr).reason,
            "the values of 'w' haven't been read");
  gemm.KnowNothing("it is computed by a node");
  EXPECT_EQ(gemm.Find(StorageFormat::kCsr).reason,
            "'w': it is computed by a node");
}

TEST(LayerStorageTest, PaddingThatIsSkippedStaysDense) {
  InputOptions skipped;
  skipped.count.skip_padding = true;
  const std::string text = R"(
    (float[1,1,4] x) => (float[1,1,4] y) <float[1,1,3] w = {0,1,0}> {
      y = Conv<pads = [1, 1]>(x, w)
    })";
  OneLayer conv(text, skipped);
  conv.Know(0, {{0, 1, 0}});
  EXPECT_EQ(conv.Find(StorageFormat::kCsr).reason,
            "--padding skipped doesn't say which elements of 'w' meet the "
            "padding");
}

TEST(LayerStorageTest, ALayerWithoutWeightsIsDenseWithoutAWord) {
  const OneLayer relu("(float[2] x) => (float[2] y) { y = Relu(x) }");
  const LayerStorage storage = relu.Find(StorageFormat::kCsr);
  EXPECT_EQ(storage.format, StorageFormat::kDense);
  EXPECT_EQ(storage.reason, "");
}

constexpr int64_t kKb = 1024;

std::vector<Tier> Tiers() {
  return {{"8KB", 8 * kKb}, {"32KB", 32 * kKb}, {"DRAM", std::nullopt}};
}

// A matrix of 300 columns and 100 rows whose first column alone isn't zero.
constexpr char kWide[] = R"(
  (float[2,300] x) => (float[2,100] y) <int64[2] s = {300,100}> {
    w = ConstantOfShape(s)
    y = MatMul(x, w)
  })";

Rows FirstColumn() {
  Rows rows(100, std::vector<double>(300, 0));
  for (auto& row : rows) row[0] = 1;
  return rows;
}

LayerTraffic TrafficOf(const OneLayer& one, StorageFormat format,
                       const MemoryOptions& memory) {
  Analysis analysis = one.analysis();
  ApplyStorage(one.Find(format), analysis.layers[0]);
  const Formats formats(analysis, {});
  return Place(analysis, formats, Tiers(), memory)->at(0);
}

TEST(LayerStorageTest, EachArrayHasItsOwnSizeAndTier) {
  OneLayer one(kWide);
  one.Know(0, FirstColumn());
  const LayerTraffic dense = TrafficOf(one, StorageFormat::kDense, {});
  EXPECT_EQ(dense[1].bytes, 300 * 100 * 4);
  EXPECT_EQ(dense[1].tier, 2);
  const LayerTraffic csr = TrafficOf(one, StorageFormat::kCsr, {});
  ASSERT_EQ(csr.size(), 5U);
  EXPECT_EQ(csr[1].name(), "w");
  EXPECT_EQ(csr[1].bytes, 100 * 4);
  EXPECT_EQ(csr[1].tier, 0);
  EXPECT_EQ(csr[2].name(), "w#columns");
  EXPECT_EQ(csr[2].bytes, 100 * 2);
  EXPECT_EQ(csr[3].name(), "w#row pointers");
  EXPECT_EQ(csr[3].bytes, 101 * 1);
  EXPECT_EQ(csr[3].reads, 2 * (2 * 100));
}

TEST(LayerStorageTest, PartsAreHeldStillWithTheWeights) {
  OneLayer one(kWide);
  one.Know(0, FirstColumn());
  MemoryOptions memory;
  memory.weight_reads = Movement::kOnce;
  const LayerTraffic csr = TrafficOf(one, StorageFormat::kCsr, memory);
  EXPECT_EQ(csr[0].reads, 2 * 100);  // x
  EXPECT_EQ(csr[1].reads, 100);
  EXPECT_EQ(csr[2].reads, 100);
  EXPECT_EQ(csr[3].reads, 101);
}

TEST(LayerStorageTest, ColdPartsAreReadFromWhereWeightsAre) {
  OneLayer one(kWide);
  one.Know(0, FirstColumn());
  MemoryOptions memory;
  memory.weights_from = "DRAM";
  int64_t cold = 0;
  for (const ArrayTraffic& row : TrafficOf(one, StorageFormat::kCsr, memory)) {
    if (!row.is_cold_read) continue;
    EXPECT_EQ(row.tier, 2);
    cold += row.reads;
  }
  EXPECT_EQ(cold, 100 + 100 + 101);
}

TEST(LayerStorageTest, AnOperandsScopeIsABlocksShare) {
  OneLayer conv(R"(
    (float[1,4,2,2] x) => (float[1,4,2,2] y)
    <float[4,2,1,1] w = {0,0,0,0,0,0,0,0}> {
      y = Conv<group = 2>(x, w)
    })");
  conv.Know(0, {{1, 0}, {1, 0}, {1, 0}, {0, 0}});
  MemoryOptions memory;
  memory.array_scope = ArrayScope::kOperand;
  const LayerTraffic csr = TrafficOf(conv, StorageFormat::kCsr, memory);
  EXPECT_EQ(csr[1].bytes, 2 * 4);
  EXPECT_EQ(csr[3].bytes, 2 + 1);
}

}  // namespace
}  // namespace opcost
